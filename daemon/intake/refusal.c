#include "intake/refusal.h"

#include <stdbool.h>

enum refusal refusal_of_quota(enum quota_result result)
{
	switch (result) {
	case QUOTA_LIMIT:
		return REFUSAL_LIMIT;
	case QUOTA_SHARE:
		return REFUSAL_UID_SHARE;
	case QUOTA_NO_MEMORY:
		return REFUSAL_MEMORY;
	case QUOTA_TAKEN:
		break;
	}
	return REFUSAL_NONE;
}

_Static_assert(REFUSAL_NAME_HAS_NUL - REFUSAL_NAME_TOO_LONG ==
		       LOGGER_NAME_HAS_NUL - LOGGER_NAME_TOO_LONG,
	       "names are refused for the reasons of logger_name.h, in that order");

enum refusal refusal_of_name(enum logger_name_error error)
{
	if (error == LOGGER_NAME_OK)
		return REFUSAL_NONE;
	return (enum refusal)(REFUSAL_NAME_TOO_LONG + (error - LOGGER_NAME_TOO_LONG));
}

static bool is_of_name(enum refusal refusal)
{
	return refusal >= REFUSAL_NAME_TOO_LONG && refusal <= REFUSAL_NAME_HAS_NUL;
}

const char *refusal_name(enum refusal refusal)
{
	static const char *const names[REFUSALS] = {
		[REFUSAL_NONE] = "none",
		[REFUSAL_LIMIT] = "limit",
		[REFUSAL_UID_SHARE] = "uid_share",
		[REFUSAL_MEMORY] = "memory",
		[REFUSAL_DESCRIPTORS] = "descriptors",
		[REFUSAL_NAME_TOO_LONG] = "name_too_long",
		[REFUSAL_NAME_TOO_DEEP] = "name_too_deep",
		[REFUSAL_NAME_HAS_NUL] = "name_has_nul",
		[REFUSAL_KEY] = "key",
		[REFUSAL_VALUE] = "value",
		[REFUSAL_PAIRS] = "pairs",
	};

	return names[refusal];
}

const char *refusal_text(enum refusal_kind kind, enum refusal refusal)
{
	static const char *const texts[REFUSAL_KINDS][REFUSALS] = {
		[REFUSED_CLIENT] = {
			[REFUSAL_LIMIT] = "limits.clients is reached",
			[REFUSAL_UID_SHARE] = "this user's share of limits.clients is used up",
			[REFUSAL_MEMORY] = "out of memory",
			[REFUSAL_DESCRIPTORS] = "the daemon is out of descriptors",
		},
		[REFUSED_LOGGER] = {
			[REFUSAL_LIMIT] = "limits.loggers is reached",
			[REFUSAL_UID_SHARE] = "this user's share of limits.loggers is used up",
			[REFUSAL_MEMORY] = "out of memory",
		},
		[REFUSED_CONTEXT] = {
			[REFUSAL_LIMIT] = "limits.context-bytes is reached",
			[REFUSAL_UID_SHARE] =
				"this user's share of limits.context-bytes is used up",
			[REFUSAL_MEMORY] = "out of memory",
			[REFUSAL_KEY] = "a context key is 1 to 32 printable ASCII characters "
					"but = ] \" and space",
			[REFUSAL_VALUE] = "the context value is longer than 1024 bytes",
			[REFUSAL_PAIRS] = "the logger has 32 context keys already",
		},
	};

	if (kind == REFUSED_LOGGER && is_of_name(refusal))
		return logger_name_error_text((enum logger_name_error)(
			LOGGER_NAME_TOO_LONG + (refusal - REFUSAL_NAME_TOO_LONG)));
	return texts[kind][refusal];
}

enum frame_error_code refusal_code(enum refusal_kind kind, enum refusal refusal)
{
	if (kind == REFUSED_CONTEXT)
		return FRAME_ERROR_CONTEXT;
	if (refusal == REFUSAL_MEMORY)
		return FRAME_ERROR_MEMORY;
	if (is_of_name(refusal))
		return FRAME_ERROR_NAME;
	return kind == REFUSED_CLIENT ? FRAME_ERROR_CLIENTS : FRAME_ERROR_LIMIT;
}

uint64_t refusal_sum(const struct refusal_counts *counts, enum refusal_kind kind)
{
	uint64_t sum = 0;

	for (int refusal = 0; refusal < REFUSALS; refusal++)
		sum += counts->of[kind][refusal];
	return sum;
}
