/**
 * override: the levels that operators have set, by name or by the beginning of names.
 *
 * A small sorted array. Pure but for malloc(); time is a parameter.
 */
#ifndef LOGFWD_ROUTE_OVERRIDE_H
#define LOGFWD_ROUTE_OVERRIDE_H

#include "route/tree.h"

struct node;

struct override_entry {
	struct level_override what; /* its name stands in bytes */
	struct node *node;	    /* that it keeps alive; NULL for a prefix */
	uint8_t bytes[];
};

/** Exact ones by name, then prefixes by name. All-zero: none. */
struct overrides {
	struct override_entry *entries[OVERRIDES_MAX];
	size_t count;
	size_t n_prefixes; /* of count, at the end */
};

void overrides_deinit(struct overrides *overrides);

/** The entry of that name and kind, or NULL. */
struct override_entry *overrides_find(const struct overrides *overrides, struct span name,
				      bool is_prefix);

/** Adds one that is not there; entry_out stays good while it is. Errors: -ENOSPC, -ENOMEM. */
int overrides_add(struct overrides *overrides, const struct level_override *what,
		  struct override_entry **entry_out);

/** Takes one away; entry is freed. */
void overrides_remove(struct overrides *overrides, struct override_entry *entry);

/** The longest prefix that holds for a name, or NULL. */
const struct override_entry *overrides_prefix_of(const struct overrides *overrides,
						 struct span name);

/** The first whose time has come, or NULL; next_ms_out: when the next one of the others ends. */
struct override_entry *overrides_expired(const struct overrides *overrides, int64_t now_ms,
					 int64_t *next_ms_out);

#endif
