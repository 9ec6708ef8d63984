/**
 * pairs: the context of one logger, an unchanging list of key-value pairs with shared owners.
 *
 * A change makes a new list, so what the application has set and what the daemon has been
 * told can differ while changes wait, and be one and the same list otherwise.
 * NULL is the empty list. Not atomic: the client's lock guards the counts. Pure.
 */
#ifndef LOGFWD_CLIENT_PAIRS_H
#define LOGFWD_CLIENT_PAIRS_H

#include "wire/context.h"

struct pairs;

/** Takes a share of the list, and gives one back. */
struct pairs *pairs_ref(struct pairs *pairs);
void pairs_unref(struct pairs *pairs);

/**
 * Makes a list like pairs in which the key has this value, or (set = false) does not occur.
 * pair: a valid key, a value within CONTEXT_VALUE_MAX; borrowed for the call.
 * pairs_out: shared by the caller; pairs itself when nothing changes.
 * Errors: -E2BIG (CONTEXT_PAIRS_MAX keys there already), -ENOMEM.
 */
int pairs_with(struct pairs *pairs, const struct context_pair *pair, bool set,
	       struct pairs **pairs_out);

size_t pairs_count(const struct pairs *pairs);
/** Pair number index, < pairs_count(); borrowed while the list lives. */
struct context_pair pairs_at(const struct pairs *pairs, size_t index);

#endif
