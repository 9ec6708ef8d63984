/**
 * context: the key-value pairs of a logger, and their bounds.
 *
 * A key becomes an SD-NAME and therefore has its syntax (RFC 5424 6.3.3): 1..32 printable
 * ASCII characters without space, '=', ']' and '"'. A value is any bytes. Pure.
 */
#ifndef LOGFWD_WIRE_CONTEXT_H
#define LOGFWD_WIRE_CONTEXT_H

#include "base/span.h"

#define CONTEXT_KEY_MAX	  32   /* bytes */
#define CONTEXT_VALUE_MAX 1024 /* bytes */
#define CONTEXT_PAIRS_MAX 32   /* on one logger, and in one record */

struct context_pair {
	struct span key;
	struct span value;
};

/** True when key is a valid SD-NAME. */
bool context_key_is_valid(struct span key);

#endif
