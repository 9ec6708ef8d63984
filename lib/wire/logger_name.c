#include "wire/logger_name.h"

enum logger_name_error logger_name_check(struct span name)
{
	size_t components = 1;

	if (name.len > LOGGER_NAME_MAX)
		return LOGGER_NAME_TOO_LONG;
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '\0')
			return LOGGER_NAME_HAS_NUL;
		if (name.ptr[i] == '.')
			components++;
	}
	return components > LOGGER_NAME_DEPTH_MAX ? LOGGER_NAME_TOO_DEEP : LOGGER_NAME_OK;
}

const char *logger_name_error_text(enum logger_name_error error)
{
	switch (error) {
	case LOGGER_NAME_TOO_LONG:
		return "the name is longer than 255 bytes";
	case LOGGER_NAME_TOO_DEEP:
		return "the name has more than 32 components";
	case LOGGER_NAME_HAS_NUL:
		return "the name holds a NUL byte";
	case LOGGER_NAME_OK:
		break;
	}
	return "the name is good";
}

struct span logger_name_canonical(struct span name)
{
	return span_equal(name, span_of("root")) ? span_first(name, 0) : name;
}

size_t logger_name_ancestor(struct span name, size_t length)
{
	/* rfind(".") in the whole name first, in name[0:i-1] after a dot at i */
	size_t end = length == name.len ? length : length - 1;

	while (end > 0) {
		end--;
		if (name.ptr[end] == '.')
			return end;
	}
	return 0;
}

bool logger_name_is_irregular(struct span name)
{
	for (size_t i = 1; i < name.len; i++) {
		if (name.ptr[i] == '.' && name.ptr[i - 1] == '.')
			return true;
	}
	return false;
}

bool logger_name_is_under(struct span name, struct span prefix)
{
	if (prefix.len == 0)
		return true;
	if (!span_starts_with(name, prefix))
		return false;
	return name.len == prefix.len || name.ptr[prefix.len] == '.';
}
