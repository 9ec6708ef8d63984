/**
 * recorder: the last records of each lease that its level has filtered, until they are wanted.
 *
 * Found by lease in a table of its own, so that a lease without one costs nothing. What is kept
 * is copied; what it takes of memory is asked for from the owner's bound, bookkeeping included.
 * kept = sent + forgotten + held, at every instant. Pure but for malloc().
 */
#ifndef LOGFWD_ROUTE_RECORDER_H
#define LOGFWD_ROUTE_RECORDER_H

#include <sys/types.h>

#include "base/cleanup.h"
#include "base/span.h"

struct lease;
struct recorder;

/** A record as it was given, but for its context: that is asked for when it is sent. */
struct recorded {
	int64_t time_us;
	uint8_t level; /* 1..LEVEL_MAX */
	pid_t pid;
	uid_t uid;	 /* whose share of the bound it takes; of a lease always the same */
	struct span app; /* at most 255 bytes */
	struct span text;
	size_t original_length;
};

/** The bound on memory. */
struct recorder_room {
	/* May a user have so many bytes more? */
	bool (*take)(void *arg, uid_t uid, size_t bytes);
	void (*release)(void *arg, uid_t uid, size_t bytes);
	/* Does the user, or do all, hold more than allowed? Bounds can be lowered. */
	bool (*exceeded)(void *arg, uid_t uid);
	void *arg;
};

struct recorder_counts {
	uint64_t kept;
	uint64_t sent;
	uint64_t forgotten; /* pushed out by newer ones, or ended with their logger */
	uint64_t not_kept;  /* filtered ones that found no room: limits.recorder-bytes, or memory */
	uint64_t held;	    /* now */
	uint64_t held_bytes; /* now */
};

/** Owned; NULL without memory. */
struct recorder *recorder_new(const struct recorder_room *room);
/** Forgets what is held. */
void recorder_free(struct recorder *recorder);
DEFINE_CLEANUP(struct recorder *, recorder_free)

/**
 * Keeps a record of a lease that keeps its last limit ones, limit > 0. Without room the lease's
 * own oldest give way, if that is of any use; otherwise it is not kept, and counted.
 */
void recorder_keep(struct recorder *recorder, const struct lease *lease, uint32_t limit,
		   const struct recorded *record);

/** True when something of the lease is kept. */
bool recorder_holds(const struct recorder *recorder, const struct lease *lease);

typedef void recorder_visitor(const struct recorded *record, void *arg);
typedef void recorder_done(void *arg);
/**
 * Hands what is kept of a lease to send, oldest first, and at most so many (> 0) of them. What it
 * was handed is good until done has returned, which is called once, and not when there was
 * nothing. Neither may change the recorder. Returns how many it were.
 */
size_t recorder_send(struct recorder *recorder, const struct lease *lease, size_t most,
		     recorder_visitor *send, recorder_done *done, void *arg);

/** Forgets what is kept of a lease. Returns how many there were. */
size_t recorder_forget(struct recorder *recorder, const struct lease *lease);

/** How many records a lease keeps from now on. */
typedef uint32_t recorder_limit(const struct lease *lease, void *arg);
/**
 * Asks for every lease of which something is kept, and forgets what is beyond; then the oldest of
 * one lease after the other, in no order, as long as its user holds more than the bound allows.
 */
void recorder_trim(struct recorder *recorder, recorder_limit *limit, void *arg);

struct recorder_counts recorder_counts(const struct recorder *recorder);

#endif
