/**
 * rate_limit: a token bucket: so many records a second, so many at once. Pure.
 */
#ifndef LOGFWD_ROUTE_RATE_LIMIT_H
#define LOGFWD_ROUTE_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/** Set rate and burst; all else zero: the bucket starts full. */
struct rate_limit {
	uint32_t rate;	/* records a second; 0: no limit */
	uint32_t burst; /* records at once, > 0 */
	bool started;
	uint64_t tokens_milli; /* thousandths of a record that may pass now */
	int64_t filled_ms;     /* when that was true */
};

/** May one more record pass? now_ms: monotonic; a step backward fills nothing. */
bool rate_limit_take(struct rate_limit *limit, int64_t now_ms);

/** The same for a record that leaves room for so many behind it: without that it may not pass. */
bool rate_limit_take_sparing(struct rate_limit *limit, uint32_t spare, int64_t now_ms);

#endif
