#include "histogram.h"

#include <stddef.h>
#include <time.h>

#define SUB_BUCKETS (1U << HISTOGRAM_SUB_BITS)

/* Below SUB_BUCKETS each value has its own bucket; above, the bits behind the leading one tell. */
static size_t bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < SUB_BUCKETS)
		return (size_t)ns;
	shift = 63U - (unsigned)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
	return ((size_t)(shift + 1) << HISTOGRAM_SUB_BITS) + (size_t)((ns >> shift) - SUB_BUCKETS);
}

static uint64_t lower_end(size_t bucket)
{
	size_t power = bucket >> HISTOGRAM_SUB_BITS;

	if (power == 0)
		return bucket;
	return (uint64_t)(SUB_BUCKETS + (bucket & (SUB_BUCKETS - 1))) << (power - 1);
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
	histogram->counts[bucket_of(ns)]++;
	histogram->total++;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
	double wanted = share * (double)histogram->total;
	uint64_t below = 0;

	if (histogram->total == 0)
		return 0;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		below += histogram->counts[i];
		if (below > 0 && (double)below >= wanted)
			return lower_end(i);
	}
	return lower_end(HISTOGRAM_BUCKETS - 1);
}

uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}
