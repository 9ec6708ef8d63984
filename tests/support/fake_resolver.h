/*
 * The names of the fake network, in the place of output/resolver.c: part of fake_network.h.
 */
#ifndef LOGFWD_TESTS_FAKE_RESOLVER_H
#define LOGFWD_TESTS_FAKE_RESOLVER_H

#include <stdbool.h>

/** No name has an address. */
void fake_resolver_start(void);
/** Answers one question that is due; false when none is. */
bool fake_resolver_answer_one(void);

#endif
