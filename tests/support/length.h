/* How long the tests run that can run longer: tests/support/length.py in C. */
#ifndef LOGFWD_TESTS_LENGTH_H
#define LOGFWD_TESTS_LENGTH_H

#include <stddef.h>

/* The tag of the test cases that use it: a long run runs only these (CK_INCLUDE_TAGS). */
#define LONG_TAG "long"

/**
 * How many steps to do: normal of them, or full with LOGFWD_TEST_LONG, or as much of full as
 * LOGFWD_TEST_BUDGET_S has room for, at least normal.
 */
size_t test_steps(size_t normal, size_t full);

#endif
