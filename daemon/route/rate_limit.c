#include "route/rate_limit.h"

#define MILLI 1000u

bool rate_limit_take(struct rate_limit *limit, int64_t now_ms)
{
	return rate_limit_take_sparing(limit, 0, now_ms);
}

bool rate_limit_take_sparing(struct rate_limit *limit, uint32_t spare, int64_t now_ms)
{
	uint64_t full = (uint64_t)limit->burst * MILLI;

	if (limit->rate == 0)
		return true;
	if (!limit->started) {
		limit->started = true;
		limit->tokens_milli = full;
		limit->filled_ms = now_ms;
	}
	if (now_ms > limit->filled_ms) {
		uint64_t elapsed_ms = (uint64_t)(now_ms - limit->filled_ms);

		/* rate a second is rate thousandths a millisecond; longer than this it is full */
		if (elapsed_ms > full / limit->rate)
			limit->tokens_milli = full;
		else
			limit->tokens_milli += elapsed_ms * limit->rate;
		if (limit->tokens_milli > full)
			limit->tokens_milli = full;
		limit->filled_ms = now_ms;
	}
	if (limit->tokens_milli < MILLI * ((uint64_t)spare + 1))
		return false;
	limit->tokens_milli -= MILLI;
	return true;
}
