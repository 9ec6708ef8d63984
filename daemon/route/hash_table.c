#include "route/hash_table.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define BUCKETS_MIN 16

/*
 * A bucket in the upper half of the buckets in use was split from the one half the capacity
 * below it. A hash whose bucket has not been split off yet is still there.
 */
static size_t bucket_before_split(const struct hash_table *table, size_t bucket)
{
	return bucket & (table->capacity / 2 - 1);
}

static size_t bucket_of(const struct hash_table *table, uint32_t hash)
{
	size_t bucket = hash & (table->capacity - 1);

	return bucket < table->n_buckets ? bucket : bucket_before_split(table, bucket);
}

/* Returns false when out of memory; all is as it was then. */
static bool set_capacity(struct hash_table *table, size_t capacity)
{
	struct hash_link **buckets =
		reallocarray(table->buckets, capacity, sizeof(struct hash_link *));

	if (buckets == NULL)
		return false;
	table->buckets = buckets;
	table->capacity = capacity;
	return true;
}

static void split_one(struct hash_table *table)
{
	size_t added = table->n_buckets;
	struct hash_link **at;

	if (added == table->capacity && !set_capacity(table, 2 * table->capacity))
		return;
	at = &table->buckets[bucket_before_split(table, added)];
	table->buckets[added] = NULL;
	table->n_buckets++;
	while (*at != NULL) {
		struct hash_link *link = *at;

		if (bucket_of(table, link->hash) != added) {
			at = &link->next;
			continue;
		}
		*at = link->next;
		link->next = table->buckets[added];
		table->buckets[added] = link;
	}
}

static void join_one(struct hash_table *table)
{
	size_t last = table->n_buckets - 1;
	struct hash_link **end = &table->buckets[bucket_before_split(table, last)];

	while (*end != NULL)
		end = &(*end)->next;
	*end = table->buckets[last];
	table->n_buckets--;
	if (table->n_buckets == table->capacity / 2 && !set_capacity(table, table->n_buckets))
		table->capacity = table->n_buckets; /* the block is larger than we say */
}

int hash_table_init(struct hash_table *table)
{
	*table = (struct hash_table){
		.buckets = calloc(BUCKETS_MIN, sizeof(struct hash_link *)),
		.capacity = BUCKETS_MIN,
		.n_buckets = BUCKETS_MIN,
	};
	return table->buckets == NULL ? -ENOMEM : 0;
}

void hash_table_deinit(struct hash_table *table)
{
	free(table->buckets);
	*table = (struct hash_table){ 0 };
}

void hash_table_add(struct hash_table *table, struct hash_link *link)
{
	struct hash_link **bucket = &table->buckets[bucket_of(table, link->hash)];

	link->next = *bucket;
	*bucket = link;
	table->count++;
	if (table->count > table->n_buckets)
		split_one(table);
}

void hash_table_remove(struct hash_table *table, struct hash_link *link)
{
	struct hash_link **at = &table->buckets[bucket_of(table, link->hash)];

	while (*at != link) {
		assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = link->next;
	table->count--;
	/* two a removal: the buckets fall as fast as twice the entries */
	for (int i = 0; i < 2; i++) {
		if (table->n_buckets > BUCKETS_MIN && table->count < table->n_buckets / 2)
			join_one(table);
	}
}

/* The first from link on that has this hash. */
static struct hash_link *skip_others(struct hash_link *link, uint32_t hash)
{
	while (link != NULL && link->hash != hash)
		link = link->next;
	return link;
}

struct hash_link *hash_table_find(const struct hash_table *table, uint32_t hash)
{
	return skip_others(table->buckets[bucket_of(table, hash)], hash);
}

struct hash_link *hash_link_next(const struct hash_link *link)
{
	return skip_others(link->next, link->hash);
}

uint32_t hash_table_classes(const struct hash_table *table)
{
	/* half the capacity: no more than there are buckets */
	return (uint32_t)(table->capacity / 2);
}

/* From link on in its bucket, then in the other buckets of the class. */
struct hash_link *hash_table_in_class(const struct hash_table *table, uint32_t classes,
				      uint32_t class, const struct hash_link *previous)
{
	size_t bucket = bucket_of(table, previous == NULL ? class : previous->hash);
	struct hash_link *link = previous == NULL ? table->buckets[bucket] : previous->next;

	for (;;) {
		while (link != NULL && (link->hash & (classes - 1)) != class)
			link = link->next;
		/* in a table that has shrunk, all of a class, and others, are in one bucket */
		if (link != NULL || classes > table->n_buckets - bucket)
			return link;
		bucket += classes;
		if (bucket >= table->n_buckets)
			return NULL;
		link = table->buckets[bucket];
	}
}
