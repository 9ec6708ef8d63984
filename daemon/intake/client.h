/**
 * client: one process on client.sock: its frames, its leases, its end.
 *
 * A connection owns its leases. When it ends, in any way, they are given back in slices, so
 * that the death of a client with 100,000 loggers keeps nobody waiting. Everything that a
 * client says is checked; what breaks the protocol ends this connection only, with a reason
 * that it can print.
 */
#ifndef LOGFWD_INTAKE_CLIENT_H
#define LOGFWD_INTAKE_CLIENT_H

#include <event2/event.h>
#include <sys/queue.h>

#include "base/cleanup.h"
#include "intake/client_ring.h"
#include "intake/lease_table.h"
#include "intake/level_page.h"
#include "intake/quota.h"
#include "intake/record.h"
#include "intake/refusal.h"
#include "os/log.h"

struct client;

/** All connections that are not freed yet, the last one first. Zero-initialised: none. */
struct client_list {
	struct client *first;
	uint64_t entered; /* connections that ever were in it */
};
struct client *client_next(const struct client *client);

/** Those of them that have ended, whose leases are being given back, in turns. */
TAILQ_HEAD(client_queue, client);

/** Of rings, ever. */
struct ring_counts {
	uint64_t made;
	uint64_t refused; /* asked for in vain: limit, share, or no memory */
	uint64_t wakings; /* times that a client woke us */
};

/** What all clients share; owned by clients.c and outlives them. */
struct client_env {
	struct event_base *base;
	struct intake_ops ops;
	struct quota *quota;
	uint32_t record_bytes; /* told to every client */
	uint32_t hello_ms;     /* a connection that has said nothing by then is none of ours */
	uint32_t seed;	       /* random per start */
	uint8_t *arena;	       /* CLIENT_ARENA_BYTES: what one client said in one turn */
	uint8_t *reply;	       /* WIRE_PACKET_MAX: what it is told */
	struct level_page *level_page; /* NULL: this kernel has none to offer */
	struct client
		*push_next; /* of the round of level maps: whom it comes to next; NULL: nobody */
	struct client_list
		list; /* a client enters it when it is made and leaves when it is freed */
	struct client_queue ended; /* of it; the slice of the first one is due */
	int64_t reclaim_asked_us;  /* monotonic: since then it is */
	bool stopping;		   /* the daemon goes, and not its clients */
	uint64_t live;		   /* its length */
	bool offers_rings;	   /* limits.ring-bytes has room for one */
	struct ring_counts rings;
	uint64_t violations; /* connections that broke the protocol */
	struct refusal_counts refusals;
	struct log_limit complaint; /* clients make mistakes faster than anybody reads of them */
};

#define CLIENT_ARENA_BYTES (4 * WIRE_PACKET_MAX)
_Static_assert(CLIENT_ARENA_BYTES >= CLIENT_RING_CAPACITY, "a ring is read to its end in one turn");

/**
 * Takes a connection into service.
 * fd: taken. pid, uid: by the kernel's word; their quota for a client is taken already and
 * goes back with the connection. Errors: -ENOMEM, then fd and quota are the caller's.
 */
int client_new(struct client_env *env, int fd, pid_t pid, uid_t uid, struct client **client_out);

/** Reads what it has said, in one turn of bounded length; true when more may wait. */
bool client_drain(struct client *client);

/** Handles what it said before and was put off, in one turn: for the daemon's own end. */
void client_finish(struct client *client);

/** Ends the connection: says why (code, reason) if code is not 0, and starts giving back its leases. */
void client_end(struct client *client, enum frame_error_code code, const char *reason);

/** Ends it and gives back everything at once: for the daemon's own end. */
void client_free(struct client *client);

/** Sends it the level map if it needs one (level_need()). Returns LEVEL_NEED_MAP when it did. */
enum level_need client_update_levels(struct client *client, bool thorough);

struct client_view {
	pid_t pid;
	uid_t uid;
	uint64_t number; /* of all connections ever, from 1 */
	struct span app; /* borrowed while the client lives */
	size_t loggers;
	uint64_t records;     /* given by it, whatever became of them */
	uint64_t dropped;     /* that it says its library dropped */
	int64_t connected_ms; /* monotonic */
	bool ended;	      /* its leases are being given back */
};
struct client_view client_view(const struct client *client);

#endif
