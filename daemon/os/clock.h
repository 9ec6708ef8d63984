/**
 * clock: the two clocks of the daemon. Everything that decides gets time as a parameter.
 */
#ifndef LOGFWD_OS_CLOCK_H
#define LOGFWD_OS_CLOCK_H

#include <stdint.h>

/** Milliseconds that never jump; for every timer and limit. */
int64_t clock_monotonic_ms(void);
/** The same clock in microseconds; for how long a turn of the loop may be. */
int64_t clock_monotonic_us(void);

/** Microseconds since 1970, UTC; for timestamps only. */
int64_t clock_realtime_us(void);

#endif
