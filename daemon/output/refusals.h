/**
 * refusals: how many datagrams one ICMP error is about.
 *
 * A message that a network card cuts into segments is refused segment by segment. Where no
 * card cuts it (a collector on the same machine, in a container or a neighbouring virtual
 * machine; or when ARP finds nobody), it is refused as a whole, by a single error. What the
 * error quotes of it is then longer than a segment, which tells the two apart.
 * Pure.
 */
#ifndef LOGFWD_OUTPUT_REFUSALS_H
#define LOGFWD_OUTPUT_REFUSALS_H

#include "output/segments.h"

/* Errors about older messages than these count as one datagram. */
#define REFUSALS_MESSAGES 128

/** The messages that a socket has sent lately. */
struct refusals {
	struct message_shape recent[REFUSALS_MESSAGES]; /* a ring; datagrams 0: refused, or none */
	size_t next;
	size_t quote_bytes;
};

/**
 * Begins anew, for a new socket.
 * quote_bytes: of a datagram's payload, what an ICMP error quotes at the least. A segment must
 * not be longer.
 */
void refusals_init(struct refusals *refusals, size_t quote_bytes);

/** Messages that were handed to the kernel, in order. */
void refusals_sent(struct refusals *refusals, const struct message_shape *shapes, size_t count);

/**
 * An error came back.
 * quoted_bytes: of payload in it. Returns how many datagrams it is about, at least 1: all of
 * the youngest message that it may quote as a whole, once.
 */
size_t refusals_told(struct refusals *refusals, size_t quoted_bytes);

#endif
