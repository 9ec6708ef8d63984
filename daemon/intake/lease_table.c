#include "intake/lease_table.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 4
#define LEAF_IDS     16

/* The leases of LEAF_IDS ids in a row; NULL: free. */
struct lease_leaf {
	struct lease *leases[LEAF_IDS];
};

void lease_table_deinit(struct lease_table *table)
{
	for (uint32_t i = 0; i < table->capacity; i++)
		free(table->places[i].leaf);
	free(table->places);
	*table = (struct lease_table){ .seed = table->seed };
}

/* The finisher of MurmurHash3 over the number and a secret, so that no client can aim at one chain. */
static uint32_t home_of(const struct lease_table *table, uint32_t number)
{
	uint32_t hash = number ^ table->seed;

	hash = (hash ^ hash >> 16) * 0x85ebca6bu;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
	return (hash ^ hash >> 16) & (table->capacity - 1);
}

/* Where the leaf of a number is, or the free place where it would be; capacity > 0. */
static struct lease_place *place_of(const struct lease_table *table, uint32_t number)
{
	uint32_t at = home_of(table, number);

	while (table->places[at].leaf != NULL && table->places[at].number != number)
		at = (at + 1) & (table->capacity - 1);
	return &table->places[at];
}

struct lease *lease_table_find(const struct lease_table *table, uint32_t id)
{
	const struct lease_leaf *leaf;

	if (table->capacity == 0)
		return NULL;
	leaf = place_of(table, id / LEAF_IDS)->leaf;
	return leaf == NULL ? NULL : leaf->leases[id % LEAF_IDS];
}

void lease_table_prefetch_place(const struct lease_table *table, uint32_t id)
{
	__builtin_prefetch(&table->places[home_of(table, id / LEAF_IDS)]);
}

void lease_table_prefetch_leaf(const struct lease_table *table, uint32_t id)
{
	const struct lease_leaf *leaf = place_of(table, id / LEAF_IDS)->leaf;

	if (leaf != NULL)
		__builtin_prefetch(&leaf->leases[id % LEAF_IDS]);
}

static int lease_table_resize(struct lease_table *table, uint32_t capacity)
{
	struct lease_table next = *table;

	next.capacity = capacity;
	next.places = calloc(capacity, sizeof(*next.places));
	if (next.places == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->capacity; i++) {
		if (table->places[i].leaf != NULL)
			*place_of(&next, table->places[i].number) = table->places[i];
	}
	free(table->places);
	*table = next;
	return 0;
}

/* Adds the leaf of a number, which is not there. Errors: -ENOMEM. */
static int lease_table_add_leaf(struct lease_table *table, uint32_t number)
{
	struct lease_leaf *leaf;

	if (table->n_leaves >= table->capacity / 2) {
		int result = lease_table_resize(table, table->capacity == 0 ? CAPACITY_MIN
									    : table->capacity * 2);

		if (result < 0)
			return result;
	}
	leaf = calloc(1, sizeof(*leaf));
	if (leaf == NULL)
		return -ENOMEM;
	*place_of(table, number) = (struct lease_place){ .leaf = leaf, .number = number };
	table->n_leaves++;
	return 0;
}

int lease_table_add(struct lease_table *table, uint32_t id, struct lease *lease)
{
	uint32_t number = id / LEAF_IDS;
	struct lease_place *place;

	if (table->capacity == 0 || place_of(table, number)->leaf == NULL) {
		int result = lease_table_add_leaf(table, number);

		if (result < 0)
			return result;
	}
	place = place_of(table, number);
	place->leaf->leases[id % LEAF_IDS] = lease;
	place->count++;
	table->count++;
	return 0;
}

/* Closes a hole: whoever was pushed past it by a collision moves back. */
static void lease_table_close_hole(struct lease_table *table, uint32_t hole)
{
	uint32_t mask = table->capacity - 1;

	for (uint32_t at = (hole + 1) & mask; table->places[at].leaf != NULL;
	     at = (at + 1) & mask) {
		uint32_t home = home_of(table, table->places[at].number);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue; /* its home lies behind the hole */
		table->places[hole] = table->places[at];
		hole = at;
	}
	table->places[hole] = (struct lease_place){ 0 };
}

/*
 * Takes an empty leaf out. A table that has become much too large gives memory back; it may stay
 * as it is without any.
 */
static void lease_table_remove_leaf(struct lease_table *table, struct lease_place *place)
{
	free(place->leaf);
	lease_table_close_hole(table, (uint32_t)(place - table->places));
	table->n_leaves--;
	if (table->n_leaves == 0)
		lease_table_deinit(table);
	else if (table->capacity > CAPACITY_MIN && table->n_leaves < table->capacity / 8)
		lease_table_resize(table, table->capacity / 2);
}

struct lease *lease_table_remove(struct lease_table *table, uint32_t id)
{
	struct lease *lease = lease_table_find(table, id);
	struct lease_place *place;

	if (lease == NULL)
		return NULL;
	place = place_of(table, id / LEAF_IDS);
	place->leaf->leases[id % LEAF_IDS] = NULL;
	place->count--;
	table->count--;
	if (place->count == 0)
		lease_table_remove_leaf(table, place);
	return lease;
}

struct lease *lease_table_next(const struct lease_table *table, uint64_t *cursor)
{
	while (*cursor < (uint64_t)table->capacity * LEAF_IDS) {
		const struct lease_leaf *leaf = table->places[*cursor / LEAF_IDS].leaf;
		struct lease *lease = leaf == NULL ? NULL : leaf->leases[*cursor % LEAF_IDS];

		*cursor += leaf == NULL ? LEAF_IDS : 1;
		if (lease != NULL)
			return lease;
	}
	return NULL;
}

/* Takes any one out of a leaf. */
static struct lease *place_pop(struct lease_place *place)
{
	struct lease *lease;
	size_t i = 0;

	while (place->leaf->leases[i] == NULL)
		i++;
	lease = place->leaf->leases[i];
	place->leaf->leases[i] = NULL;
	place->count--;
	return lease;
}

struct lease *lease_table_pop(struct lease_table *table)
{
	while (table->capacity > 0) {
		struct lease_place *last = &table->places[table->capacity - 1];

		if (last->count > 0) {
			table->count--;
			return place_pop(last);
		}
		/* nothing is searched any more: the end is cut off */
		free(last->leaf);
		table->capacity--;
	}
	return NULL;
}
