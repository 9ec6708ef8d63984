/**
 * clock: the times that the library needs, as plain numbers.
 *
 * None of them enters the kernel where the vDSO works, and none can fail: the clocks are
 * those that every Linux has.
 */
#ifndef LOGFWD_CLIENT_CLOCK_H
#define LOGFWD_CLIENT_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Microseconds since 1970, UTC: when a record was made. */
static inline int64_t clock_wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/** Monotonic milliseconds, for deadlines and back-off. */
static inline int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** The same as of the last timer tick, a few milliseconds ago, at a fifth of the price. */
static inline int64_t clock_coarse_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
