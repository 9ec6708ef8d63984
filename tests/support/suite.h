/* What every unit test program defines and support/main.c runs. */
#ifndef LOGFWD_TESTS_SUITE_H
#define LOGFWD_TESTS_SUITE_H

#include <check.h>

Suite *suite_under_test(void);

#endif
