#include "client/names.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/logger_name.h"

#define FIRST_BUCKETS 16

struct name {
	struct name *next; /* in its bucket */
	uint32_t hash;
	uint32_t shares;
	uint32_t leases; /* open ones */
	uint16_t length;
	TAILQ_HEAD(own_levels, own_level) levels; /* newest first */
	uint8_t bytes[];
};

void names_init(struct names *names, uint32_t seed)
{
	*names = (struct names){ .seed = seed };
}

void names_deinit(struct names *names)
{
	free(names->buckets);
	*names = (struct names){ 0 };
}

struct span name_span(const struct name *name)
{
	return span_of_bytes(name->bytes, name->length);
}

/* FNV-1a, with the high bits folded in since buckets are counted by the low ones. */
static uint32_t hash_of(const struct names *names, struct span name)
{
	uint32_t hash = 2166136261u ^ names->seed;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ name.ptr[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static struct name *find(const struct names *names, struct span wanted, uint32_t hash)
{
	struct name *name = NULL;

	if (names->n_buckets > 0)
		name = names->buckets[hash & (names->n_buckets - 1)];
	while (name != NULL && (name->hash != hash || !span_equal(name_span(name), wanted)))
		name = name->next;
	return name;
}

static void insert(struct names *names, struct name *name)
{
	struct name **bucket = &names->buckets[name->hash & (names->n_buckets - 1)];

	name->next = *bucket;
	*bucket = name;
}

/* Doubles the buckets once there are as many names; longer chains do until memory is there. */
static int grow(struct names *names)
{
	struct names larger = *names;

	if (names->count < names->n_buckets)
		return 0;
	larger.n_buckets = names->n_buckets == 0 ? FIRST_BUCKETS : 2 * names->n_buckets;
	larger.buckets = calloc(larger.n_buckets, sizeof(struct name *));
	if (larger.buckets == NULL)
		return names->n_buckets == 0 ? -ENOMEM : 0;
	for (size_t i = 0; i < names->n_buckets; i++) {
		struct name *name = names->buckets[i];

		while (name != NULL) {
			struct name *next = name->next;

			insert(&larger, name);
			name = next;
		}
	}
	free(names->buckets);
	*names = larger;
	return 0;
}

int names_take(struct names *names, struct span wanted, struct name **name_out)
{
	uint32_t hash = hash_of(names, wanted);
	struct name *name = find(names, wanted, hash);

	if (name == NULL) {
		if (grow(names) < 0)
			return -ENOMEM;
		name = malloc(sizeof(*name) + wanted.len);
		if (name == NULL)
			return -ENOMEM;
		*name = (struct name){ .hash = hash, .length = (uint16_t)wanted.len };
		TAILQ_INIT(&name->levels);
		if (wanted.len > 0)
			memcpy(name->bytes, wanted.ptr, wanted.len);
		insert(names, name);
		names->count++;
	}
	name->shares++;
	*name_out = name;
	return 0;
}

void names_give_back(struct names *names, struct name *name)
{
	struct name **at = &names->buckets[name->hash & (names->n_buckets - 1)];

	if (--name->shares > 0)
		return;
	while (*at != name)
		at = &(*at)->next;
	*at = name->next;
	names->count--;
	free(name);
}

void name_lease_begins(struct name *name)
{
	name->leases++;
}

void name_lease_ends(struct name *name, struct own_level *own)
{
	name_set_level(name, own, 0);
	name->leases--;
}

void name_set_level(struct name *name, struct own_level *own, uint8_t level)
{
	if (own->level != 0)
		TAILQ_REMOVE(&name->levels, own, link);
	own->level = level;
	if (level != 0)
		TAILQ_INSERT_HEAD(&name->levels, own, link);
}

struct own_level *name_oldest_level(const struct name *name)
{
	return TAILQ_LAST(&name->levels, own_levels);
}

struct own_level *own_level_newer(struct own_level *own)
{
	return TAILQ_PREV(own, own_levels, link);
}

/* Says whether a logger of that name exists, as far as this process knows, and its own level. */
static bool is_logger(const struct names *names, const struct level_map *map, struct span wanted,
		      uint8_t *level_out)
{
	const struct name *name = find(names, wanted, hash_of(names, wanted));

	*level_out = level_map_override(map, wanted);
	if (*level_out == 0 && name != NULL && !TAILQ_EMPTY(&name->levels))
		*level_out = TAILQ_FIRST(&name->levels)->level;
	if (*level_out == 0)
		*level_out = level_map_find(map, wanted, LEVEL_MAP_CONFIGURED);
	return wanted.len == 0 || level_map_names(map, wanted) ||
	       (name != NULL && name->leases > 0);
}

uint8_t names_effective_level(const struct names *names, const struct level_map *map,
			      const struct name *name)
{
	struct span at = name_span(name); /* the logger whose parent is looked for */
	size_t length = at.len;		  /* of the last candidate */
	uint8_t level;

	is_logger(names, map, at, &level);
	while (level == 0 && at.len > 0) {
		length = logger_name_ancestor(at, length);
		if (is_logger(names, map, span_first(at, length), &level))
			at = span_first(at, length);
	}
	return level;
}
