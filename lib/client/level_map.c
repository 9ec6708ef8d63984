#include "client/level_map.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/logger_name.h"

void level_map_clear(struct level_map *map)
{
	free(map->entries);
	*map = (struct level_map){ 0 };
}

static int compare_entries(const void *left, const void *right)
{
	const struct level_map_entry *a = left, *b = right;
	size_t common = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order = common == 0 ? 0 : memcmp(a->name.ptr, b->name.ptr, common);

	if (order != 0)
		return order;
	if (a->name.len != b->name.len)
		return a->name.len < b->name.len ? -1 : 1;
	return (a->kind > b->kind) - (a->kind < b->kind);
}

int level_map_replace(struct level_map *map, const struct frame_level_map *frame)
{
	struct frame_level_map rest = *frame;
	struct level_map_entry entry;
	uint8_t *names;

	level_map_clear(map);
	map->entries = malloc(frame->count * sizeof(*map->entries) + frame->entries.len);
	if (map->entries == NULL && frame->count > 0)
		return -ENOMEM;
	names = (uint8_t *)(map->entries + frame->count);
	while (level_map_take(&rest, &entry)) {
		/* the beginning of names is not a name: "root*" is not the root */
		struct span name = entry.kind == LEVEL_MAP_OVERRIDE_PREFIX
					   ? entry.name
					   : logger_name_canonical(entry.name);

		if (name.len > 0)
			memcpy(names, name.ptr, name.len);
		map->entries[map->count++] = (struct level_map_entry){
			.name = span_of_bytes(names, name.len),
			.kind = entry.kind,
			.level = entry.level,
		};
		names += name.len;
		if (entry.kind == LEVEL_MAP_OVERRIDE_PREFIX)
			map->has_prefixes = true;
	}
	if (map->count > 0)
		qsort(map->entries, map->count, sizeof(*map->entries), compare_entries);
	map->lease_floor = frame->lease_floor;
	map->known = true;
	return 0;
}

static const struct level_map_entry *entry_of(const struct level_map *map, struct span name,
					      enum level_map_kind kind)
{
	struct level_map_entry wanted = { .name = name, .kind = kind };

	if (map->count == 0)
		return NULL;
	return bsearch(&wanted, map->entries, map->count, sizeof(*map->entries), compare_entries);
}

uint8_t level_map_find(const struct level_map *map, struct span name, enum level_map_kind kind)
{
	const struct level_map_entry *found = entry_of(map, name, kind);

	return found == NULL ? 0 : found->level;
}

bool level_map_names(const struct level_map *map, struct span name)
{
	return entry_of(map, name, LEVEL_MAP_CONFIGURED) != NULL ||
	       entry_of(map, name, LEVEL_MAP_OVERRIDE) != NULL ||
	       entry_of(map, name, LEVEL_MAP_RECORDER) != NULL;
}

uint8_t level_map_override(const struct level_map *map, struct span name)
{
	uint8_t level = level_map_find(map, name, LEVEL_MAP_OVERRIDE);

	if (level != 0 || !map->has_prefixes)
		return level;
	for (size_t length = name.len + 1; level == 0 && length-- > 0;)
		level = level_map_find(map, span_first(name, length), LEVEL_MAP_OVERRIDE_PREFIX);
	return level;
}

int level_map_recorder(const struct level_map *map, struct span name)
{
	const struct level_map_entry *found = entry_of(map, name, LEVEL_MAP_RECORDER);

	return found == NULL ? -1 : found->level;
}
