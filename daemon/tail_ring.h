/**
 * tail_ring: records on their way to somebody who looks on; bounded, oldest first.
 *
 * What finds no room is only counted, and the count is kept where it belongs in the order: before
 * the next record that found some. Pure.
 */
#ifndef LOGFWD_TAIL_RING_H
#define LOGFWD_TAIL_RING_H

#include <sys/types.h>

#include "base/cleanup.h"
#include "base/span.h"

/** A record, as it is shown. */
struct tail_record {
	int64_t time_us; /* since 1970, UTC */
	pid_t pid;	 /* 0: not known */
	uid_t uid;
	uint8_t level;
	uint8_t fate;  /* enum record_fate */
	bool recorded; /* a flight recorder has kept it until now */
	struct span logger, app, text;
	size_t original_length; /* of text */
};

struct tail_ring;

/** bytes: of memory for records, of which each takes about 120 beside its texts. Owned; NULL without memory. */
struct tail_ring *tail_ring_new(size_t bytes);
void tail_ring_free(struct tail_ring *ring);
DEFINE_CLEANUP(struct tail_ring *, tail_ring_free)

/** Copies a record into the ring; false: there was no room, and it was counted. */
bool tail_ring_put(struct tail_ring *ring, const struct tail_record *record);

/** The oldest record, borrowed until tail_ring_drop(); NULL when there is none. */
const struct tail_record *tail_ring_first(const struct tail_ring *ring);

/**
 * How many found no room right before the oldest record, or without one since the last; 0 when
 * asked again.
 */
uint64_t tail_ring_take_missed(struct tail_ring *ring);

/** Takes the oldest record away; there is one. */
void tail_ring_drop(struct tail_ring *ring);

/** Records in it. */
size_t tail_ring_count(const struct tail_ring *ring);

#endif
