/**
 * hash_table: links in buckets by a hash that the caller computes; it owns no entry.
 *
 * Linear hashing: an addition splits at most one bucket and a removal joins at most two, so
 * that no single operation pays for a million entries, and the table is small again when they
 * are gone. Without memory it stays as it is and only gets slower: adding cannot fail. Pure.
 */
#ifndef LOGFWD_ROUTE_HASH_TABLE_H
#define LOGFWD_ROUTE_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

/** Embedded in an entry; an entry is in one table at most. */
struct hash_link {
	struct hash_link *next;
	uint32_t hash;
};

struct hash_table {
	struct hash_link **buckets;
	size_t capacity;  /* of buckets, a power of two */
	size_t n_buckets; /* in use, more than half of capacity */
	size_t count;	  /* entries */
};

/** The entry around a link, which is not NULL. */
#define hash_entry(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/** Errors: -ENOMEM. */
int hash_table_init(struct hash_table *table);
/** The entries stay as they are. A table of zero bytes is fine. */
void hash_table_deinit(struct hash_table *table);

/** Takes a link with its hash set, before all others of that hash. */
void hash_table_add(struct hash_table *table, struct hash_link *link);
/** link is in the table. */
void hash_table_remove(struct hash_table *table, struct hash_link *link);

/** The link added last of those with that hash, or NULL. */
struct hash_link *hash_table_find(const struct hash_table *table, uint32_t hash);
/** The next one with the same hash, or NULL. */
struct hash_link *hash_link_next(const struct hash_link *link);

/**
 * Classes of hashes for a walk in slices, during which the table may change: a power of two, as
 * the table is now about as many as it has entries, at most 2^31.
 */
uint32_t hash_table_classes(const struct hash_table *table);
/**
 * The links whose hash is class modulo classes, unordered: the one after previous, the first for
 * NULL; NULL at the end. Nothing may be added or removed until that class is through.
 */
struct hash_link *hash_table_in_class(const struct hash_table *table, uint32_t classes,
				      uint32_t class, const struct hash_link *previous);

#endif
