/* What every unit test program defines and support/main.c runs. */
#ifndef LOGFWD_TESTS_SUITE_H
#define LOGFWD_TESTS_SUITE_H

#include <check.h>

/*
 * The tag of test cases that need the kernel's own resource limits: valgrind keeps limits of its own,
 * of which the kernel knows nothing, so ./dev memcheck leaves these cases out (CK_EXCLUDE_TAGS).
 */
#define LIMITS_TAG "limits"

Suite *suite_under_test(void);

#endif
