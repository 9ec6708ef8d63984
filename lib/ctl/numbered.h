/**
 * numbered: what a datagram says of its place in its stream: who sent it, which one it is, and
 * whether it was sent again. Pure.
 */
#ifndef LOGFWD_CTL_NUMBERED_H
#define LOGFWD_CTL_NUMBERED_H

#include "base/span.h"

#define SEQUENCE_ID_MAX 2147483647u /* then 1 comes again, RFC 5424 7.3.1 */

struct numbered {
	struct span host;     /* HOSTNAME of RFC 5424 6.2.4; borrowed from the datagram */
	uint32_t sequence_id; /* 1..SEQUENCE_ID_MAX */
	bool resent;	      /* it is marked: it may have come before */
	uint32_t digest;      /* of all bytes but the mark: equal for copies of one record */
};

/**
 * Reads an RFC 5424 message with [meta sequenceId="N"]. Only structured data is looked at, so
 * that no text can pretend to be it. Returns false for anything else.
 */
bool numbered_parse(struct span datagram, struct numbered *numbered_out);

#endif
