/**
 * names: the logger names of one client, with the levels that its own leases set on them.
 *
 * Leases of one name share its entry. Together with the daemon's level map it answers what
 * level is in force for a name, by CPython's rules. Pure.
 */
#ifndef LOGFWD_CLIENT_NAMES_H
#define LOGFWD_CLIENT_NAMES_H

#include <sys/queue.h>

#include "client/level_map.h"

struct name;

struct names {
	struct name **buckets; /* NULL until the first name */
	size_t n_buckets;      /* a power of two */
	size_t count;
	uint32_t seed; /* so that names from outside cannot aim at one bucket */
};

/** The level that one lease sets on its name; embedded in the lease. */
struct own_level {
	TAILQ_ENTRY(own_level) link;
	uint8_t level; /* 0: none; else it stands in its name's list */
};

void names_init(struct names *names, uint32_t seed);
/** Every name must have been given back. */
void names_deinit(struct names *names);

/**
 * Takes a share of a name's entry, which is made where there is none.
 * name: canonical, checked. Errors: -ENOMEM.
 */
int names_take(struct names *names, struct span name, struct name **name_out);
void names_give_back(struct names *names, struct name *name);

/** The name's bytes, borrowed while a share is held. */
struct span name_span(const struct name *name);

/** A name is a logger, and so a possible parent of others, while leases of it are open. */
void name_lease_begins(struct name *name);
void name_lease_ends(struct name *name, struct own_level *own);

/** Sets the level of one lease, which is its name's newest from now on; 0 takes it away. */
void name_set_level(struct name *name, struct own_level *own, uint8_t level);

/** The levels of a name from the one set first to the newest; NULL behind it, or without any. */
struct own_level *name_oldest_level(const struct name *name);
struct own_level *own_level_newer(struct own_level *own);

/**
 * The level in force for a name: that of the nearest logger at or above it that has one: an
 * operator's, else that of own leases (newest first), else the configuration's. 0: nobody above
 * has one.
 */
uint8_t names_effective_level(const struct names *names, const struct level_map *map,
			      const struct name *name);

#endif
