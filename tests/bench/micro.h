/**
 * micro: how micro.c measures one call, for all that it measures.
 */
#ifndef LOGFWD_BENCH_MICRO_H
#define LOGFWD_BENCH_MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One call of what is measured; turn counts up. The result keeps it from being optimised away. */
typedef uint64_t subject(void *arg, size_t turn);

/** Nanoseconds of one call, the loop's own part included. */
double measure_ns(subject *call, void *arg);

/** Ends the program unless what it builds on holds. */
void require(bool holds, const char *what);

/** Prints what libclient's disabled calls take, with a daemon's level page and without one. */
void measure_client(void);

/* Calls that do nothing, with the arguments of logfwd_enabled(), logfwd_log() and logfwd_write(). */
bool nothing_enabled(const void *logger, int level);
int nothing_log(void *logger, int level, const char *format, ...);
int nothing_write(void *logger, int level, const void *text, size_t length);

#endif
