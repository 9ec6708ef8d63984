/**
 * histogram: durations in buckets of 3 % width, so that millions of them cost no memory.
 *
 * Zero-initialised it is empty.
 */
#ifndef LOGFWD_BENCH_HISTOGRAM_H
#define LOGFWD_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 5 /* 32 buckets to each power of two */
#define HISTOGRAM_BUCKETS  ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t total;
};

void histogram_add(struct histogram *histogram, uint64_t ns);

/** The duration in ns that the share (0..1) of all does not exceed; 0 when it is empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

/** The time of CLOCK_MONOTONIC in ns. */
uint64_t clock_now_ns(void);

#endif
