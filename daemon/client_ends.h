/**
 * client_ends: what is said of clients that are gone: the texts of logger "logfwd.clients".
 *
 * Each end is one text while they come slowly; of a storm the first ones are, and the others
 * are summed up once a second. Time is a parameter.
 */
#ifndef LOGFWD_CLIENT_ENDS_H
#define LOGFWD_CLIENT_ENDS_H

#include "base/writer.h"
#include "intake/record.h"
#include "os/user_names.h"
#include "route/rate_limit.h"

#define CLIENT_ENDS_LOGGER    "logfwd.clients"
#define CLIENT_ENDS_RATE      10 /* texts a second */
#define CLIENT_ENDS_BURST     50
#define CLIENT_ENDS_SUM_UP_MS 1000

/** What was not told one by one. Zero-initialised: nothing. */
struct client_ends {
	struct rate_limit limit;
	uint64_t clients, loggers, records, sent;
	int64_t first_us, last_us; /* microseconds since 1970, UTC */
	int64_t first_ms;	   /* monotonic */
};

/* Room that every text needs at most. */
#define CLIENT_ENDS_TEXT_BYTES 512

/**
 * True when this end may be told by client_end_write(); otherwise it is added to the others.
 * now_ms: monotonic.
 */
bool client_ends_admit(struct client_ends *ends, const struct client_exit *exit, int64_t now_ms,
		       int64_t now_us);

/**
 * "client gone: pid=4711 uid=1000 user=www-data program=shop loggers=3 records=120 recorded=12".
 * What the client claims is one word of at most 48 characters; a user without a known name is
 * its number.
 */
void client_end_write(const struct client_exit *exit, const struct user_names *names,
		      struct writer *writer);

/** " pid=4711 uid=1000 user=www-data program=shop", cleaned as above. */
void client_write_identity(pid_t pid, uid_t uid, struct span app, const struct user_names *names,
			   struct writer *writer);

/** True when others wait to be told of, and that for a second. */
bool client_ends_due(const struct client_ends *ends, int64_t now_ms);

/** "450 more clients gone: loggers=450 records=0 recorded=0; first TIME, last TIME"; then none. */
void client_ends_write(struct client_ends *ends, struct writer *writer);

#endif
