/**
 * lease_table: the leases of one connection by the ids that the client chose.
 *
 * Memory follows the number of leases, whatever the ids are. Pure but for malloc().
 */
#ifndef LOGFWD_INTAKE_LEASE_TABLE_H
#define LOGFWD_INTAKE_LEASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease;

struct lease_slot {
	struct lease *lease; /* NULL: free */
	uint32_t id;
};

/** Empty when all but seed is zero. Open addressing with a load of at most one half. */
struct lease_table {
	struct lease_slot *slots;
	uint32_t capacity; /* 0 or a power of two */
	uint32_t count;
	uint32_t seed; /* random, the same for the table's life */
};

void lease_table_deinit(struct lease_table *table);

/** The lease of an id, or NULL. */
struct lease *lease_table_find(const struct lease_table *table, uint32_t id);

/** Adds one whose id is not there. Errors: -ENOMEM. */
int lease_table_add(struct lease_table *table, uint32_t id, struct lease *lease);

/** Takes an id out; returns its lease, or NULL when there is none. */
struct lease *lease_table_remove(struct lease_table *table, uint32_t id);

/** Takes any one out, from the table's end; NULL when it is empty. For giving all back. */
struct lease *lease_table_pop(struct lease_table *table);

#endif
