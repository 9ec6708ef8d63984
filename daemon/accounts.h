/**
 * accounts: the counters of all modules as the JSON of logfwdctl, in one consistent snapshot.
 *
 * Every object is new and owned by the caller; NULL without memory.
 */
#ifndef LOGFWD_ACCOUNTS_H
#define LOGFWD_ACCOUNTS_H

#include <jansson.h>

#include "forward.h"
#include "intake/clients.h"
#include "tail.h"

struct accounts_source {
	const struct forward *forward;
	const struct clients *clients;
	const struct tails *tails;
	const struct config *config;
	int64_t started_ms; /* monotonic */
};

/** The object of `logfwdctl stats`; contract of the keys: logfwdctl(1). */
json_t *accounts_stats(const struct accounts_source *source);

/** {"version","uptime_seconds","balanced"}, as in stats. */
json_t *accounts_health(const struct accounts_source *source);

/** {"targets":{NAME:{...}}}: as in stats, with policy, sockets, last_error and its age. */
json_t *accounts_targets(const struct accounts_source *source);

#endif
