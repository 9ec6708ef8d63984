#include "client/level_map.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/logger_name.h"

void level_map_clear(struct level_map *map)
{
	free(map->entries);
	*map = (struct level_map){ 0 };
}

static int compare_names(const void *left, const void *right)
{
	const struct level_map_entry *a = left, *b = right;
	size_t common = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order = common == 0 ? 0 : memcmp(a->name.ptr, b->name.ptr, common);

	if (order != 0)
		return order;
	return (a->name.len > b->name.len) - (a->name.len < b->name.len);
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
		struct span name = logger_name_canonical(entry.name);

		if (name.len > 0)
			memcpy(names, name.ptr, name.len);
		map->entries[map->count++] = (struct level_map_entry){
			.name = span_of_bytes(names, name.len),
			.level = entry.level,
		};
		names += name.len;
	}
	if (map->count > 0)
		qsort(map->entries, map->count, sizeof(*map->entries), compare_names);
	map->lease_floor = frame->lease_floor;
	map->known = true;
	return 0;
}

uint8_t level_map_find(const struct level_map *map, struct span name)
{
	struct level_map_entry wanted = { .name = name };
	const struct level_map_entry *found;

	if (map->count == 0)
		return 0;
	found = bsearch(&wanted, map->entries, map->count, sizeof(*map->entries), compare_names);
	return found == NULL ? 0 : found->level;
}
