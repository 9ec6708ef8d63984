/**
 * clients: the listener of client.sock and all connections it has accepted.
 */
#ifndef LOGFWD_INTAKE_CLIENTS_H
#define LOGFWD_INTAKE_CLIENTS_H

#include "intake/client.h"

struct clients;

struct client_counts {
	uint64_t live, peak;
	uint64_t connected;  /* ever */
	uint64_t violations; /* connections that ended by FRAME_ERROR_PROTOCOL */
	struct refusal_counts refusals;
	struct ring_counts rings;
	uint64_t ring_bytes;	/* that rings take now */
	uint64_t context_bytes; /* that contexts take now */
};

/**
 * fd: a listening SOCK_SEQPACKET socket; taken on success. ops: copied. limits: copied.
 * seed: random per start. Errors: -ENOMEM.
 */
int clients_new(struct event_base *base, int fd, const struct intake_ops *ops,
		const struct limits *limits, uint32_t seed, struct clients **clients_out);
void clients_free(struct clients *clients);
DEFINE_CLEANUP(struct clients *, clients_free)

/** New limits: for what is taken from now on. */
void clients_set_limits(struct clients *clients, const struct limits *limits);

/** Sends level maps to those who need them, from the loop (level_push.h). Cheap. */
void clients_levels_changed(struct clients *clients);

/**
 * Accepts those who wait and nobody after them, and reads what all connections have said until
 * nothing waits (true) or the time is over (false, until_ms of the monotonic clock): some may go on
 * talking for ever.
 */
bool clients_drain(struct clients *clients, int64_t until_ms);

/**
 * Closes the listener, ends every connection (FRAME_ERROR_SHUTDOWN) and gives all leases back;
 * the counts stay.
 */
void clients_stop(struct clients *clients);

struct client_counts clients_counts(const struct clients *clients);

/** How far a walk over all connections has come. Zero-initialised: not begun. */
struct clients_walk {
	uint64_t last; /* the number of the last one visited */
};

typedef void client_visitor(const struct client_view *view, void *arg);

/**
 * Visits the next connections, at most so many, those who came last first; true when there are
 * more. Between two calls connections may come and go.
 */
bool clients_walk(const struct clients *clients, struct clients_walk *walk, size_t most,
		  client_visitor *visit, void *arg);

#endif
