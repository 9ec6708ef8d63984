#include "intake/lease_table.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 16

void lease_table_deinit(struct lease_table *table)
{
	free(table->slots);
	*table = (struct lease_table){ .seed = table->seed };
}

/* The finisher of MurmurHash3 over the id and a secret, so that no client can aim at one chain. */
static uint32_t home_of(const struct lease_table *table, uint32_t id)
{
	uint32_t hash = id ^ table->seed;

	hash = (hash ^ hash >> 16) * 0x85ebca6bu;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
	return (hash ^ hash >> 16) & (table->capacity - 1);
}

/* Where the id is, or the free slot where it would be. */
static uint32_t slot_of(const struct lease_table *table, uint32_t id)
{
	uint32_t at = home_of(table, id);

	while (table->slots[at].lease != NULL && table->slots[at].id != id)
		at = (at + 1) & (table->capacity - 1);
	return at;
}

struct lease *lease_table_find(const struct lease_table *table, uint32_t id)
{
	return table->capacity == 0 ? NULL : table->slots[slot_of(table, id)].lease;
}

static int lease_table_resize(struct lease_table *table, uint32_t capacity)
{
	struct lease_table next = {
		.slots = calloc(capacity, sizeof(*next.slots)),
		.capacity = capacity,
		.count = table->count,
		.seed = table->seed,
	};

	if (next.slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->capacity; i++) {
		if (table->slots[i].lease != NULL)
			next.slots[slot_of(&next, table->slots[i].id)] = table->slots[i];
	}
	free(table->slots);
	*table = next;
	return 0;
}

int lease_table_add(struct lease_table *table, uint32_t id, struct lease *lease)
{
	if (table->count >= table->capacity / 2) {
		int result = lease_table_resize(table, table->capacity == 0 ? CAPACITY_MIN
									    : table->capacity * 2);

		if (result < 0)
			return result;
	}
	table->slots[slot_of(table, id)] = (struct lease_slot){ .lease = lease, .id = id };
	table->count++;
	return 0;
}

/* Closes the hole at `hole`: whoever was pushed past it by a collision moves back. */
static void lease_table_close_hole(struct lease_table *table, uint32_t hole)
{
	uint32_t mask = table->capacity - 1;

	for (uint32_t at = (hole + 1) & mask; table->slots[at].lease != NULL;
	     at = (at + 1) & mask) {
		uint32_t home = home_of(table, table->slots[at].id);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue; /* its home lies behind the hole */
		table->slots[hole] = table->slots[at];
		hole = at;
	}
	table->slots[hole] = (struct lease_slot){ 0 };
}

/* A table that has become much too large gives memory back; it may stay as it is without any. */
static void lease_table_shrink(struct lease_table *table)
{
	if (table->count == 0)
		lease_table_deinit(table);
	else if (table->capacity > CAPACITY_MIN && table->count < table->capacity / 8)
		lease_table_resize(table, table->capacity / 2);
}

struct lease *lease_table_remove(struct lease_table *table, uint32_t id)
{
	struct lease *lease;
	uint32_t at;

	if (table->capacity == 0)
		return NULL;
	at = slot_of(table, id);
	lease = table->slots[at].lease;
	if (lease == NULL)
		return NULL;
	lease_table_close_hole(table, at);
	table->count--;
	lease_table_shrink(table);
	return lease;
}

struct lease *lease_table_pop(struct lease_table *table)
{
	while (table->capacity > 0) {
		struct lease_slot last = table->slots[table->capacity - 1];

		/* no chain is searched any more: the end is cut off, filled or not */
		table->capacity--;
		if (last.lease != NULL) {
			table->count--;
			return last.lease;
		}
	}
	return NULL;
}
