/**
 * client: the state behind the public API, as the files of this folder share it.
 *
 * One mutex guards all of a client and its loggers but what is _Atomic. It is never held over
 * anything that can block, so a call waits for another call's work at most, never for the
 * daemon. client.c has the API's client, logger.c its loggers, record.c what is logged; link.c
 * drives the connection, input.c reads what the daemon says.
 */
#ifndef LOGFWD_CLIENT_CLIENT_H
#define LOGFWD_CLIENT_CLIENT_H

#include <logfwd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "client/connection.h"
#include "client/level_page.h"
#include "client/names.h"
#include "client/pairs.h"
#include "client/shared_ring.h"
#include "client/stream.h"

#define INPUT_INTERVAL_MS      10  /* between looks at what the daemon says, by calls that log */
#define IDLE_INPUT_INTERVAL_MS 100 /* the same, by calls that are disabled, or with a level page */

#define FEATURES_OFFERED (FEATURE_RING | FEATURE_LEVEL_PAGE | FEATURE_LEAVE) /* to every daemon */

struct logfwd_logger {
	struct logfwd_client *client;
	struct name *name;
	_Atomic uint64_t cache; /* generation << 8 | lowest level that passes */
	_Atomic uint64_t
		filtered; /* not exact when threads share the logger: no locked instruction */

	struct own_level own_level; /* as the application set it */
	struct pairs *context;	    /* the same; shared */
	struct pairs *told_context; /* as of all that has left (departures.h); shared */
	uint8_t told_level;	    /* the same */
	uint32_t changes_waiting;   /* frames that wait and change level or context */
	uint32_t frames_waiting; /* frames that wait and name this logger; not the ring's records */
	uint32_t id;		 /* on the wire */

	bool is_registered; /* the current connection has taken its FRAME_OPEN */
	bool is_refused;    /* by the daemon, until the next connection */
	bool is_closed;	    /* by the application; lives on until its frames have left */
	bool close_is_due;  /* is_closed, and FRAME_CLOSE found no room yet */
	TAILQ_ENTRY(logfwd_logger) unregistered_link; /* while !is_registered */
	TAILQ_ENTRY(logfwd_logger) close_due_link;    /* while close_is_due */
};

TAILQ_HEAD(logger_queue, logfwd_logger);

/** Loggers by their id, 1.. ; ids are given out again, last freed first. */
struct logger_table {
	struct logfwd_logger **slots; /* n_slots of them; slot i has id i + 1; NULL: free */
	uint32_t *free_ids;	      /* a stack of n_free, with room for n_slots */
	uint32_t n_slots;
	uint32_t n_free;
};

/** Records given up that the daemon has not been told of. */
struct losses {
	uint64_t records;
	int64_t first_us, last_us; /* microseconds since 1970, UTC */
};

struct logfwd_client {
	pthread_mutex_t lock;
	TAILQ_ENTRY(logfwd_client) fork_link; /* fork.c's list of all clients */
	bool is_forked; /* this process is a child that has not used it since fork() */

	/* as opened */
	char app_name[UINT8_MAX + 1];
	enum logfwd_when_full when_full;
	unsigned wait_ms;

	/* read without the lock */
	_Atomic uint32_t generation;   /* of everything that thresholds depend on */
	_Atomic uint32_t record_bytes; /* longest text that the daemon takes */
	_Atomic int64_t input_due_ms;  /* coarse clock: when to look at what the daemon says */
	struct client_level_page level_page; /* the same, at once where it is news of levels */

	struct connection connection;
	bool is_welcome;	/* FRAME_WELCOME came on this connection */
	uint32_t features;	/* FEATURE_...: what it agreed to */
	bool is_stalled;	/* the last packet was refused for want of room */
	uint32_t stalled_calls; /* looks for room since, and */
	int64_t stalled_ms;	/* coarse clock: the last that was made */
	struct shared_ring ring;
	bool expects_ring; /* the daemon before gave one */
	bool has_said;	   /* something of what waits, on this connection */
	struct stream stream;
	struct level_map level_map;
	struct names names;
	struct logger_table loggers;
	struct logger_queue unregistered;
	struct logger_queue close_due;

	struct losses losses;
	_Atomic uint32_t refused_records;  /* by client_enter(), not yet in losses and counts */
	_Atomic int64_t refused_us;	   /* microseconds since 1970, UTC: the last of them */
	uint32_t flush_token;		   /* last asked */
	uint32_t flushed_token;		   /* last answered */
	struct logfwd_client_stats counts; /* buffered and loggers are looked up, not kept here */
	uint32_t open_loggers;

	uint8_t packet[WIRE_PACKET_MAX]; /* being received, or put together; never both */
};

/** What a call keeps for its caller while it holds the lock. */
struct client_hold {
	int errno_kept;
	int cancel_state;
};

/**
 * Takes the lock; the thread cannot be cancelled until client_leave(), which restores errno.
 * Returns false, with nothing taken, in a signal handler that interrupted a call of the library,
 * and in pthread_atfork() handlers that run between ours: the lock may be this very thread's.
 */
bool client_enter(struct logfwd_client *client, struct client_hold *hold_out);
void client_leave(struct logfwd_client *client, struct client_hold hold);

/**
 * Lets go of the lock until the daemon may have moved, deadline_ms (monotonic) at the latest.
 * Returns false, at once, when that has passed.
 */
bool client_wait(struct logfwd_client *client, int64_t deadline_ms);

/** Makes every cached threshold stale. */
static inline void client_levels_changed(struct logfwd_client *client)
{
	atomic_fetch_add_explicit(&client->generation, 1, memory_order_relaxed);
}

/** Counts a record whose call client_enter() has refused; the next call tells of it. */
void client_refuse_record(struct logfwd_client *client, int64_t time_us);

/** Counts a record as dropped; time_us: when it was made. */
void client_lose_record(struct logfwd_client *client, int64_t time_us);

#endif
