/*
 * An output stage with its loop, and collectors for its targets on the loopback: for the tests
 * of what a target does with real sockets. One in a process; a failed check ends the test.
 */
#ifndef LOGFWD_TESTS_TARGET_FIXTURE_H
#define LOGFWD_TESTS_TARGET_FIXTURE_H

#include "output/output.h"

#define FIXTURE_HOST	"testhost"
#define FIXTURE_SOCKETS 2 /* the pool's bound */

/** For tcase_add_checked_fixture(). */
void fixture_setup(void);
void fixture_teardown(void);

struct output *fixture_output(void);

/** A target with so many servers and usual limits. */
struct target_options fixture_options(const char *name, const char *const *servers, size_t count);

/** Makes these targets the current ones, as a reload does. */
void fixture_configure(const struct target_options *targets, size_t count);

/** Checks the account of a target and the bound of the pool. */
void fixture_check(const struct target *target);

/** Runs the loop for 10 ms, for tests that wait for a condition. */
void fixture_run_a_little(void);

/** Runs the loop until nothing waits for the target. */
void fixture_run_until_sent(struct target *target);

struct collector {
	int fd;
	char address[32]; /* "127.0.0.1:PORT" */
};

struct collector collector_open(void);

/** The next datagram, or "" when there is none now. Static. */
const char *collector_take(const struct collector *collector);

#endif
