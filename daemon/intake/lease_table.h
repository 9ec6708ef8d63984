/**
 * lease_table: the leases of one connection by the ids that the client chose.
 *
 * Ids in a row share a leaf, so that those of a usual client, small numbers, take about 10 bytes
 * each and stand side by side. Memory follows the number of leases, whatever the ids are: at most
 * a leaf for each. Pure but for malloc().
 */
#ifndef LOGFWD_INTAKE_LEASE_TABLE_H
#define LOGFWD_INTAKE_LEASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease;
struct lease_leaf;

struct lease_place {
	struct lease_leaf *leaf; /* NULL: free */
	uint32_t number;	 /* of the leaf: its ids divided by their number */
	uint32_t count;		 /* leases in it, > 0 */
};

/** Empty when all but seed is zero. Leaves by open addressing with a load of at most one half. */
struct lease_table {
	struct lease_place *places;
	uint32_t capacity; /* of places: 0 or a power of two */
	uint32_t n_leaves;
	uint32_t count; /* of leases */
	uint32_t seed;	/* random, the same for the table's life */
};

void lease_table_deinit(struct lease_table *table);

/** The lease of an id, or NULL. */
struct lease *lease_table_find(const struct lease_table *table, uint32_t id);

/**
 * Has the memory fetched that lease_table_find() will ask for, in two steps, so that many ids can
 * be on their way at once; of no effect but on time. There is at least one lease.
 */
void lease_table_prefetch_place(const struct lease_table *table, uint32_t id);
void lease_table_prefetch_leaf(const struct lease_table *table, uint32_t id);

/** Adds one whose id is not there. Errors: -ENOMEM. */
int lease_table_add(struct lease_table *table, uint32_t id, struct lease *lease);

/** Takes an id out; returns its lease, or NULL when there is none. */
struct lease *lease_table_remove(struct lease_table *table, uint32_t id);

/**
 * The next lease in no order, or NULL after the last one. cursor: 0 for the first; good as long as
 * nothing is added to the table or taken out of it.
 */
struct lease *lease_table_next(const struct lease_table *table, uint64_t *cursor);

/** Takes any one out, from the table's end; NULL when it is empty. For giving all back. */
struct lease *lease_table_pop(struct lease_table *table);

#endif
