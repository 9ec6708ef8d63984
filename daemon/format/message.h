/**
 * message: what a formatter needs to know of one record, for one handler. Pure.
 */
#ifndef LOGFWD_FORMAT_MESSAGE_H
#define LOGFWD_FORMAT_MESSAGE_H

#include <sys/types.h>

#include "wire/context.h"

struct message {
	int64_t time_us;  /* of the client's call, microseconds since 1970, UTC; may be negative */
	uint8_t level;	  /* 1..LEVEL_MAX */
	uint8_t facility; /* 0..23 */
	pid_t pid;	  /* by the kernel's word; 0: not known */
	uid_t uid;
	struct span host;		    /* any bytes: formatters clean what they take */
	struct span app;		    /* any bytes */
	struct span logger;		    /* full name; empty for the root */
	const struct context_pair *context; /* nearest first, no key twice; keys are valid */
	size_t n_context;		    /* 0..CONTEXT_PAIRS_MAX */
	struct span text;		    /* any bytes */
	size_t original_length;		    /* of the text before the client cut it, >= text.len */
	bool recorded;			    /* a flight recorder kept it: marked */
	bool has_sequence;
	uint32_t sequence_id; /* 1..2147483647, RFC 5424 7.3.1 */
	uint32_t part, parts; /* 1..parts of a record that was split; 0: it is whole */
};

#endif
