/**
 * lane: a bounded queue of whole records, and the servers that share what comes out of it.
 *
 * A target has one, or one for each server when it is a mirror. What the socket takes at once is
 * sent from where it stands; what must wait is copied into the queue. Records of one logger leave
 * in the order in which they came. What is to be sent again goes before all that waits.
 * Every record that was enqueued is sent, or dropped under one reason, or still queued, at every
 * instant; and when there is room again, one record of its own tells the collector what was lost.
 */
#ifndef LOGFWD_OUTPUT_LANE_H
#define LOGFWD_OUTPUT_LANE_H

#include <event2/event.h>

#include "output/policy.h"
#include "output/server.h"
#include "output/target_counts.h"

struct lane;

/**
 * Formats the notice of a loss into scratch.
 * traits_out: of what is returned, which is empty when it cannot be said.
 */
typedef struct span lane_notice(const struct loss *loss, uint8_t scratch[NOTICE_SCRATCH_BYTES],
				struct datagram_traits *traits_out, void *arg);

struct lane_env {
	struct event_base *base;
	lane_notice *notice;
	void *arg;
};

/** A lane without servers and without room. Errors: -ENOMEM. */
int lane_new(const struct lane_env *env, struct lane **lane_out);
/** Its servers must be gone, or have another owner. */
void lane_free(struct lane *lane);
DEFINE_CLEANUP(struct lane *, lane_free)

struct lane_options {
	enum target_policy policy;
	bool splits;		       /* some records may come in parts */
	struct server *const *servers; /* borrowed until the next lane_configure() */
	size_t n_servers;	       /* 1..POLICY_SERVERS_MAX */
	struct server_options server;
	struct queue_limits queue;
	uint32_t resend; /* records, of each source port; 0: none */
	uint32_t rate;	 /* records a second; 0: as fast as can be */
};

/** True when records of different loggers may go different ways: each needs the flow of its own. */
bool lane_options_spread(const struct lane_options *options);

/** Takes the servers over, and has them make their sockets so; goes on with what waits. */
void lane_configure(struct lane *lane, const struct lane_options *options);

/** Takes one record. Its bytes are borrowed until lane_flush(), which the caller owes. */
void lane_push(struct lane *lane, const struct datagram *datagram, struct datagram_traits traits);

/** Takes a record of the daemon's own, whole in one piece, and copies what is not sent at once. */
void lane_push_notice(struct lane *lane, struct span bytes, struct datagram_traits traits);

/** Says that so many of the last pushes and drops were of the daemon's own. */
void lane_count_notices(struct lane *lane, size_t count);

/** Counts a record that was meant for the lane and could not be formatted. logger: its name. */
void lane_drop(struct lane *lane, enum drop_reason reason, struct span logger);

/** Sends what may be sent now and copies the rest into the queue: nothing is borrowed after it. */
void lane_flush(struct lane *lane);

/** Drops what waits, under a reason; what waits to be sent again is refused for good. */
void lane_abandon(struct lane *lane, enum drop_reason reason);

/** Without what its servers have counted as refused. */
struct target_counts lane_counts(const struct lane *lane);

#endif
