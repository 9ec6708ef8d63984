/**
 * forward: the path of a record: from intake through route and format to output.
 *
 * Owns the logger tree and the outputs, keeps the ledger of records, and is what intake
 * acts through. A configuration is taken whole or not at all.
 */
#ifndef LOGFWD_FORWARD_H
#define LOGFWD_FORWARD_H

#include "config/config.h"
#include "intake/record.h"
#include "output/output.h"
#include "route/recorder.h"

struct forward;
struct render_space;

/** received = accepted + filtered + rate_limited + no_handler + rejected, at every instant. */
struct record_counts {
	uint64_t received;
	uint64_t accepted;     /* reached at least one handler */
	uint64_t filtered;     /* below the effective level of their logger */
	uint64_t rate_limited; /* every handler they would have reached was at its limit */
	uint64_t no_handler;   /* no handler on the path takes them */
	uint64_t rejected[REJECT_REASONS];
	/*
	 * Handlers reached by accepted records; of a mirror, its servers; of a record that was split,
	 * its parts.
	 */
	uint64_t deliveries;
	uint64_t client_dropped; /* that libraries say they dropped before they reached us */
	uint64_t recorded; /* of received, those that were filtered once, and kept by a recorder */
};

/** What has become of a record that was received and not rejected, as it is counted. */
enum record_fate { RECORD_ACCEPTED, RECORD_FILTERED, RECORD_RATE_LIMITED, RECORD_NO_HANDLER };
/** "rate_limited"; static storage. */
const char *record_fate_name(enum record_fate fate);

/** A record that has its fate. */
struct record_seen {
	const struct record *record;
	struct span logger; /* full name */
	enum record_fate fate;
	bool recorded; /* a flight recorder has kept it until now */
};
/** Told of each; all of it is borrowed for the call. */
typedef void forward_observer(void *arg, const struct record_seen *seen);

/** Called after each batch of records, once nothing is borrowed any more. */
typedef void forward_flushed(void *arg);

/**
 * hash_key: random per start. pool: until the first configuration is committed.
 * Errors: -ENOMEM.
 */
int forward_new(struct event_base *base, const uint8_t hash_key[static 16],
		const struct pool_options *pool, struct forward **forward_out);
/** Every lease must have ended. */
void forward_free(struct forward *forward);
DEFINE_CLEANUP(struct forward *, forward_free)

void forward_on_flushed(struct forward *forward, forward_flushed *flushed, void *arg);
/** observer: NULL: nobody, as it is at first. The daemon's own records are told of too. */
void forward_observe(struct forward *forward, forward_observer *observer, void *arg);

/**
 * prepare builds what the next configuration needs and may fail (-ENOMEM, -EINVAL), leaving
 * all as it was; commit makes it current and cannot fail. The config is borrowed from the
 * commit until the next one.
 */
struct forward_generation;
int forward_prepare(struct forward *forward, const struct config *config,
		    struct forward_generation **generation_out);
void forward_commit(struct forward *forward, struct forward_generation *generation);
void forward_discard(struct forward_generation *generation);

/** What intake acts through; good as long as forward lives. */
struct intake_ops forward_intake_ops(struct forward *forward);

/** Sends what waits; for the drain. Returns how many records still wait. */
uint64_t forward_drain(struct forward *forward);
/** Drops what still waits, at the daemon's end. */
void forward_abandon(struct forward *forward);

uint64_t forward_level_generation(const struct forward *forward);

/**
 * A record of the daemon's own, given to a logger by name: levels, handlers and rate limits hold
 * for it as for any other. It is none of those that were received: its targets count it among
 * their notices.
 */
void forward_own_record(struct forward *forward, struct span logger, uint8_t level,
			struct span text);

/** The tree, for the operator's overrides. */
struct tree *forward_tree_of(struct forward *forward);

/** What a handler would send of a message now, as handler_render() says. */
size_t forward_render(const struct forward *forward, size_t handler, const struct message *message,
		      struct render_space *space, struct datagram *datagram_out);
/** True when the handler's rate limit would let one more record pass now, and behind more. */
bool forward_has_room(const struct forward *forward, size_t handler, uint32_t behind);
/** HOST of all records; borrowed until a reload. */
struct span forward_host(const struct forward *forward);
/** A few times a second: announces what rate limits have suppressed, and clients that are gone. */
void forward_tick(struct forward *forward, int64_t now_ms);

struct record_counts forward_counts(const struct forward *forward);
struct recorder_counts forward_recorder_counts(const struct forward *forward);
const struct tree *forward_tree(const struct forward *forward);
const struct output *forward_output(const struct forward *forward);

struct handler_view {
	const char *name;
	const char *target;
	uint64_t hits;	       /* records that reached it */
	uint64_t rate_limited; /* of them, suppressed */
};
size_t forward_handlers(const struct forward *forward);
struct handler_view forward_handler(const struct forward *forward, size_t index);

#endif
