/**
 * queue: whole datagrams that wait for a target's sockets, bounded in bytes.
 *
 * First in, first out. When a record does not fit, one of three policies says who gives
 * way; the caller counts what went. Only what has to wait comes here: a datagram that the
 * socket takes at once is never copied. Pure but for malloc().
 */
#ifndef LOGFWD_OUTPUT_QUEUE_H
#define LOGFWD_OUTPUT_QUEUE_H

#include <sys/uio.h>

#include "base/cleanup.h"
#include "output/traits.h"

enum when_full {
	WHEN_FULL_DROP_OLDEST,
	WHEN_FULL_DROP_NEWEST,
	WHEN_FULL_DROP_LOWEST, /* of the least severe the oldest; the new one if all are more severe */
};

struct queue_limits {
	size_t bytes; /* of datagrams with QUEUE_ENTRY_BYTES for each, > 0 */
	enum when_full when_full;
};

/* What a waiting datagram costs beside its own bytes; part of the bound. */
#define QUEUE_ENTRY_BYTES 64

struct queue;

/** What is told of a record that gives way, before it is gone; parts as given, or in one piece. */
typedef void queue_dropped(const struct iovec *parts, struct datagram_traits traits, void *arg);

/** Returns an empty queue owned by the caller, or NULL without memory. */
struct queue *queue_new(const struct queue_limits *limits);
void queue_free(struct queue *queue);
DEFINE_CLEANUP(struct queue *, queue_free)

/** Who is told; nobody until then. */
void queue_on_drop(struct queue *queue, queue_dropped *dropped, void *arg);

/** New limits from now on. Returns how many records were dropped to respect them. */
size_t queue_set_limits(struct queue *queue, const struct queue_limits *limits);

struct queue_push_result {
	size_t dropped;	    /* to respect the bound, the new one perhaps among them */
	bool out_of_memory; /* the new one was not taken: no memory */
};

/** Copies one datagram, given in n_parts pieces. */
struct queue_push_result queue_push(struct queue *queue, const struct iovec *parts, size_t n_parts,
				    struct datagram_traits traits);

/**
 * Fills up to cap iovecs with the oldest datagrams and their traits. The bytes are borrowed until
 * their datagram leaves the queue. Returns how many.
 */
size_t queue_peek(const struct queue *queue, struct iovec *iov_out,
		  struct datagram_traits *traits_out, size_t cap);

/** Takes the oldest datagrams away; count <= queue_records(). */
void queue_consume(struct queue *queue, size_t count);

/** Takes away those of the 64 oldest whose bit is set; the oldest is bit 0. */
void queue_take(struct queue *queue, uint64_t which);

/** What one looks for; arg as given to queue_find(). */
typedef bool queue_matches(struct span datagram, struct datagram_traits traits, const void *arg);
/** The place of the oldest datagram that matches, 0 for the oldest of all, or SIZE_MAX. */
size_t queue_find(const struct queue *queue, queue_matches *matches, const void *arg);

/** The traits of the datagram at a place, which there is. */
struct datagram_traits queue_traits(const struct queue *queue, size_t place);

/**
 * Moves the datagrams of another queue, from the first-th on, to the old end of this one, in
 * their order. The limits of this one are not looked at.
 */
void queue_put_back(struct queue *queue, struct queue *from, size_t first);

size_t queue_records(const struct queue *queue);
size_t queue_bytes(const struct queue *queue);

#endif
