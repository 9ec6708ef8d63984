/**
 * verify: what a collector can tell of a stream of numbered records: lost, twice, out of order.
 *
 * A source is a HOSTNAME at a sender's address, whatever its ports; its numbers are those of one
 * target. One that was expected and does not come is lost, until it does. A copy has the number
 * and the bytes of another; other bytes under a number that was seen, or a number far from the
 * last, are of a sequence that has begun again, as it does when the daemon starts.
 * Before a source's first record and after its last nothing can be known to be missing; but a
 * sequence that begins again begins with 1. Pure.
 */
#ifndef LOGFWD_CTL_VERIFY_H
#define LOGFWD_CTL_VERIFY_H

#include "base/cleanup.h"
#include "base/span.h"

/* How far behind the latest a record may come and be told from one of a new beginning. */
#define VERIFY_WINDOW 4096
/* How many may be missing in a row; more is a new beginning. */
#define VERIFY_GAP_MAX	   (1u << 24)
#define VERIFY_SOURCES_MAX 256

struct verify_counts {
	uint64_t received;   /* numbered datagrams, copies among them */
	uint64_t lost;	     /* expected, and not there */
	uint64_t gaps;	     /* times that numbers were passed over, late ones among them */
	uint64_t late;	     /* behind a younger one, and not sent again */
	uint64_t resent;     /* marked as sent again; came for the first time, or were copies */
	uint64_t duplicates; /* copies, unmarked: the network's */
	uint64_t copies;     /* marked ones of what was there already */
	uint64_t restarts;   /* new beginnings of the sequence */
};

struct verify;

/** Returns an empty one owned by the caller, or NULL without memory. */
struct verify *verify_new(void);
void verify_free(struct verify *verify);
DEFINE_CLEANUP(struct verify *, verify_free)

/**
 * Takes one datagram. sender: its address as text, without the port.
 * Returns false, and counts it as unnumbered, when it has no number, or when there are more than
 * VERIFY_SOURCES_MAX sources or no memory for one more.
 */
bool verify_take(struct verify *verify, const char *sender, struct span datagram);

struct verify_counts verify_total(const struct verify *verify);
uint64_t verify_unnumbered(const struct verify *verify);

/** Sources in the order in which they came; index < verify_sources(). Borrowed strings. */
size_t verify_sources(const struct verify *verify);
struct verify_counts verify_source(const struct verify *verify, size_t index, const char **host_out,
				   const char **sender_out);

#endif
