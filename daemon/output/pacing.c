#include "output/pacing.h"

#include <assert.h>

#define MILLI	    1000u
#define CAPACITY_MS 100

/* With the record that a slow rate waits for, so that a timer which is late wastes nothing. */
static uint64_t capacity_milli(const struct pacing *pacing)
{
	return MILLI + (uint64_t)pacing->rate * CAPACITY_MS;
}

void pacing_set_rate(struct pacing *pacing, uint32_t rate)
{
	pacing->rate = rate;
	if (pacing->tokens_milli > capacity_milli(pacing))
		pacing->tokens_milli = capacity_milli(pacing);
}

static void pacing_fill(struct pacing *pacing, int64_t now_ms)
{
	const uint64_t full = capacity_milli(pacing);
	uint64_t elapsed_ms;

	if (!pacing->started) {
		pacing->started = true;
		pacing->tokens_milli = full;
		pacing->filled_ms = now_ms;
	}
	if (now_ms <= pacing->filled_ms)
		return;
	/* rate a second is rate thousandths a millisecond; longer than this it is full */
	elapsed_ms = (uint64_t)(now_ms - pacing->filled_ms);
	pacing->filled_ms = now_ms;
	if (elapsed_ms > (full - pacing->tokens_milli) / pacing->rate)
		pacing->tokens_milli = full;
	else
		pacing->tokens_milli += elapsed_ms * pacing->rate;
}

size_t pacing_admits(struct pacing *pacing, int64_t now_ms)
{
	if (pacing->rate == 0)
		return SIZE_MAX;
	pacing_fill(pacing, now_ms);
	return pacing->tokens_milli / MILLI;
}

void pacing_spend(struct pacing *pacing, size_t records)
{
	if (pacing->rate == 0)
		return;
	assert(records <= pacing->tokens_milli / MILLI);
	pacing->tokens_milli -= records * MILLI;
}

int64_t pacing_wait_ms(const struct pacing *pacing)
{
	int64_t wait_ms;

	assert(pacing->rate > 0 && pacing->tokens_milli < MILLI);
	wait_ms = (int64_t)((MILLI - pacing->tokens_milli + pacing->rate - 1) / pacing->rate);
	return wait_ms > PACING_TICK_MS ? wait_ms : PACING_TICK_MS;
}
