/**
 * ring: bytes from one process to another through memory that both have mapped.
 *
 * One producer, one consumer, and no system call as long as both are awake. What goes through are
 * whole frames, back to back, as they would stand in a packet (lib/wire/README.md): a frame says how
 * long it is, so the ring adds nothing to it. Bytes count from the ring's making, in 64 bits that
 * never go back; their place is that number modulo the capacity.
 *
 * Either side may be killed at any instruction. The producer writes behind its index and then moves
 * it (ring_commit()): what was committed before its end is there to be read, and what was half
 * written is never seen. The consumer moves its index when it has copied the bytes: what it had not
 * taken the producer takes back (ring_take_back()) and sends elsewhere. Whether bytes were consumed
 * or taken back is decided by one atomic operation on one word, so they are never both.
 *
 * Neither side believes the other: an index that cannot be ends the use of the ring (-EPROTO), and
 * each side keeps its own index to itself and only shows it. No access leaves the mapping, whatever
 * stands in it. Pure over memory; the memory itself must not shrink (F_SEAL_SHRINK).
 */
#ifndef LOGFWD_RING_H
#define LOGFWD_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* The data begins here, behind the header. */
#define RING_HEADER_BYTES 4096
#define RING_CACHE_LINE	  64

/* In the word of the consumer's index, set by the producer: nothing more can be consumed. */
#define RING_TAKEN_BACK (UINT64_C(1) << 63)

/**
 * What stands at the beginning of the memory; a new ring is all zero. In the byte order of the
 * machine. A line for what each side writes all the time, and one for what is written rarely and
 * looked at by the other side each time.
 */
struct ring_header {
	alignas(RING_CACHE_LINE) _Atomic uint64_t produced; /* bytes committed, ever */
	alignas(RING_CACHE_LINE) _Atomic uint64_t
		consumed; /* bytes taken, ever; and RING_TAKEN_BACK */
	alignas(RING_CACHE_LINE) _Atomic uint32_t consumer_sleeps; /* not 0: wake it */
	_Atomic uint32_t producer_waits;			   /* not 0: tell it of room */
};

/** One side's own view; the memory is borrowed and outlives it. */
struct ring_producer {
	struct ring_header *header;
	uint8_t *data;
	uint64_t capacity;
	uint64_t written;   /* ours: committed, and what was put since */
	uint64_t committed; /* ours, as the header shows it */
	uint64_t consumed;  /* of the consumer, as it was when room was last short */
};

struct ring_consumer {
	struct ring_header *header;
	const uint8_t *data;
	uint64_t capacity;
	uint64_t consumed;  /* ours; what the header says of it is for the producer */
	bool is_taken_back; /* found out: nothing more comes */
};

/** The memory of a ring of that capacity, in bytes. */
static inline size_t ring_bytes(size_t capacity)
{
	return RING_HEADER_BYTES + capacity;
}

/**
 * Begins at the indices that the memory shows.
 * memory: ring_bytes(capacity) bytes, aligned to a cache line; capacity: a power of two.
 */
struct ring_producer ring_producer_over(void *memory, size_t capacity);
struct ring_consumer ring_consumer_over(void *memory, size_t capacity);

/**
 * Puts bytes behind those that were put before; nobody sees them before ring_commit().
 * Returns 0; -EAGAIN when they do not all fit, then nothing was put; -EPROTO when the consumer's
 * index cannot be.
 */
int ring_put(struct ring_producer *producer, struct span bytes);

/** Forgets what was put since the last ring_commit(). */
void ring_cancel(struct ring_producer *producer);

/** True when so many bytes fit by now, as far as the consumer's index can be believed. */
bool ring_has_room(struct ring_producer *producer, size_t bytes);

/**
 * Shows the consumer all that was put. Returns true when it sleeps: the caller has to wake it, and
 * nobody else will.
 */
bool ring_commit(struct ring_producer *producer);

/**
 * Says that the producer is about to wait until so many bytes fit; all that was put is committed.
 * Returns true when it may: the consumer tells it once there may be room. False when there is, or
 * the index cannot be: put again.
 */
bool ring_wait_for_room(struct ring_producer *producer, size_t bytes);

/**
 * How far the consumer is: bytes ever consumed, as far as it can be believed; what stands before
 * that is gone for good.
 */
uint64_t ring_consumed(struct ring_producer *producer);

/**
 * Takes back what was committed and not consumed, so that the consumer, if it lives, cannot consume
 * it any more; copies it, oldest first. to: capacity bytes. Returns how many; -EPROTO when the
 * consumer's index cannot be.
 */
int64_t ring_take_back(struct ring_producer *producer, uint8_t *to);

/**
 * Copies the oldest bytes that were not consumed, and leaves them there: check the copy, and never
 * what is in the ring. Returns how many, at most cap; -EPROTO when the producer's index cannot be.
 */
int64_t ring_peek(const struct ring_consumer *consumer, uint8_t *to, size_t cap);

/** How many bytes the producer says there are; more than the capacity cannot be. */
uint64_t ring_waiting(const struct ring_consumer *consumer);

/**
 * Takes so many of the bytes peeked at, which may be handled from then on. Returns 0; -ECANCELED when
 * the producer has taken them back: they must not be handled; -EPROTO when somebody else has moved
 * our index. tell_out: the producer waits for room and half of the ring is free; the caller has to
 * tell it, and nobody else will.
 */
int ring_consume(struct ring_consumer *consumer, size_t bytes, bool *tell_out);

/**
 * Says that the consumer is about to sleep. Returns true when it may: the next commit finds it so.
 * False when there is something to be read already.
 */
bool ring_sleep(struct ring_consumer *consumer);

/**
 * Says that the consumer looks once more and then never again: whoever commits what that look does
 * not find has to wake it, and finds out that nobody is there.
 */
void ring_resign(struct ring_consumer *consumer);

#endif
