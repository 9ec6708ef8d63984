/**
 * refusal: what a client was not given, and by which bound.
 *
 * A client, a logger or a pair of a context that a bound refuses costs nobody else anything; it
 * is told why, in words that name the option, and counted under one reason. Pure.
 */
#ifndef LOGFWD_INTAKE_REFUSAL_H
#define LOGFWD_INTAKE_REFUSAL_H

#include <stdint.h>

#include "intake/quota.h"
#include "wire/frame.h"
#include "wire/logger_name.h"

enum refusal_kind { REFUSED_CLIENT, REFUSED_LOGGER, REFUSED_CONTEXT };
#define REFUSAL_KINDS 3

enum refusal {
	REFUSAL_NONE,
	REFUSAL_LIMIT,	     /* the bound for all */
	REFUSAL_UID_SHARE,   /* the user's share of it */
	REFUSAL_MEMORY,	     /* the system gave none */
	REFUSAL_DESCRIPTORS, /* nor descriptors, for a client */
	REFUSAL_NAME_TOO_LONG,
	REFUSAL_NAME_TOO_DEEP,
	REFUSAL_NAME_HAS_NUL,
	REFUSAL_KEY,   /* of a context: no SD-NAME */
	REFUSAL_VALUE, /* longer than CONTEXT_VALUE_MAX */
	REFUSAL_PAIRS, /* CONTEXT_PAIRS_MAX of them */
};
#define REFUSALS 11

/** Of each kind, by reason. */
struct refusal_counts {
	uint64_t of[REFUSAL_KINDS][REFUSALS];
};

/** REFUSAL_NONE for QUOTA_TAKEN. */
enum refusal refusal_of_quota(enum quota_result result);
/** REFUSAL_NONE for LOGGER_NAME_OK. */
enum refusal refusal_of_name(enum logger_name_error error);

/** "uid_share"; static storage. */
const char *refusal_name(enum refusal refusal);

/** Why, for people: "limits.loggers is reached"; static storage. NULL: not for this kind. */
const char *refusal_text(enum refusal_kind kind, enum refusal refusal);

/** What the client is told by. */
enum frame_error_code refusal_code(enum refusal_kind kind, enum refusal refusal);

/** Of all reasons. */
uint64_t refusal_sum(const struct refusal_counts *counts, enum refusal_kind kind);

#endif
