/**
 * target: one destination: its servers, their policy, and the lanes that records take to them.
 *
 * It has one lane (lane.h), or as a mirror one for each server, so that every server has its own
 * copy, its own queue and its own account, and one that is down loses its own copies only.
 */
#ifndef LOGFWD_OUTPUT_TARGET_H
#define LOGFWD_OUTPUT_TARGET_H

#include <event2/event.h>

#include "output/lane.h"

#define TARGET_SERVERS_MAX POLICY_SERVERS_MAX
#define TARGET_RESEND_MAX  10000

struct target_options {
	const char *name;
	const char *const *servers; /* "HOST:PORT", "[V6]:PORT"; checked; distinct */
	size_t n_servers;	    /* 1..TARGET_SERVERS_MAX */
	enum target_policy policy;
	uint64_t queue_bytes; /* default 8 MiB, 4096..1 GiB */
	enum when_full when_full;
	uint32_t datagram_bytes;   /* default 2048, 480..65507 */
	uint32_t resolve_interval; /* seconds, 1..86400; default 60 */
	enum oversize oversize;	   /* what becomes of a record that exceeds them */
	bool sequence;		   /* [meta sequenceId] */
	uint32_t sockets; /* source ports for each server, 1..SERVER_SOCKETS_MAX; default 1 */
	/*
	 * Records that were handed over just before a refusal and are sent again, for each source
	 * port; default 0, none.
	 */
	uint32_t resend;
	uint32_t rate; /* records a second, for each server of a mirror; default 0: no limit */
	struct socket_options socket;
};

/** What holds where nothing is said; without name and servers. */
struct target_options target_defaults(void);

/** The room that a record has in a datagram: a little less where it may be sent again, and marked. */
size_t target_record_bytes(const struct target_options *options);

/** What a target borrows from the output stage; all of it outlives the target. */
struct target_env {
	struct event_base *base;
	struct server_env servers;
	const char *host; /* HOST of the target's own records */
	struct timestamp_cache *timestamps;
};

struct target;

/** A target without servers: target_configure() gives it some. name: copied. Errors: -ENOMEM. */
int target_new(const struct target_env *env, const char *name, struct target **target_out);
void target_free(struct target *target);
DEFINE_CLEANUP(struct target *, target_free)

/**
 * A change of options in two steps, as a reload needs it: prepare builds what is missing,
 * keeps nothing from options and may fail (-ENOMEM, -EINVAL for an address); commit cannot.
 * Servers that are named again keep their state, their socket and their counts.
 */
struct target_change;
int target_prepare(struct target *target, const struct target_options *options,
		   struct target_change **change_out);
void target_commit(struct target *target, struct target_change *change);
void target_discard(struct target_change *change);

/** The shape of the target's own records: that of the first handler that uses it. */
void target_set_notice_format(struct target *target, enum format_kind kind, uint8_t facility);

const char *target_name(const struct target *target);
/** The next number for [meta sequenceId], or 0 when the target does not number its records. */
uint32_t target_next_sequence(struct target *target);

/**
 * Takes one formatted record. Its bytes are borrowed until target_flush(), which the caller
 * owes before they go. severity: 0..7. logger: its full name, for this call.
 */
void target_push(struct target *target, const struct datagram *datagram, uint8_t severity,
		 struct span logger);

/** Deliveries that one record makes: one, or one to each server of a mirror. */
size_t target_deliveries(const struct target *target);

/**
 * Tells the collector, in a handler's format and facility, what its rate limit has suppressed;
 * one of the target's own records, behind all that it was given before.
 */
void target_announce(struct target *target, enum format_kind kind, uint8_t facility,
		     const struct suppression *suppression, const char *handler);

/** Says that so many of the last pushes and drops were of the daemon's own. */
void target_count_notices(struct target *target, size_t count);

/** Counts a record that was meant for the target and could not be formatted. logger: its name. */
void target_drop(struct target *target, enum drop_reason reason, struct span logger);

/** Sends what may be sent now and copies the rest into the queue: nothing is borrowed after it. */
void target_flush(struct target *target);

/** Closes its sockets, once their last errors are counted; the next record opens them anew. */
void target_close(struct target *target);

/** Drops what waits, under a reason. */
void target_abandon(struct target *target, enum drop_reason reason);

struct target_counts target_counts(const struct target *target);
size_t target_sockets(const struct target *target);
enum target_policy target_policy(const struct target *target);

/** lane: the account of a mirror's server; NULL for a server that shares its lane with others. */
typedef void server_visitor(const struct server *server, const struct target_counts *lane,
			    void *arg);
void target_each_server(const struct target *target, server_visitor *visit, void *arg);

#endif
