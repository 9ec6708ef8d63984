/**
 * pacing: so many records a second, evenly, so that a slow collector is not flooded.
 *
 * A token bucket that holds one record and what a tenth of a second brings: after a pause no more
 * than that goes at once. Pure.
 */
#ifndef LOGFWD_OUTPUT_PACING_H
#define LOGFWD_OUTPUT_PACING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From one look at a bucket that was empty to the next at the least: a fast rate goes in bursts. */
#define PACING_TICK_MS 10

/** Zero-initialised: no limit. */
struct pacing {
	uint32_t rate; /* records a second; 0: no limit */
	bool started;
	uint64_t tokens_milli; /* thousandths of a record that may go now */
	int64_t filled_ms;     /* when that was true */
};

/** Another rate from now on; what may go now is not more than it allows at once. */
void pacing_set_rate(struct pacing *pacing, uint32_t rate);

/** How many records may go now; SIZE_MAX without a limit. now_ms: monotonic. */
size_t pacing_admits(struct pacing *pacing, int64_t now_ms);

/** So many went; not more than were admitted. */
void pacing_spend(struct pacing *pacing, size_t records);

/** Milliseconds until more may go, when pacing_admits() has just said 0. */
int64_t pacing_wait_ms(const struct pacing *pacing);

#endif
