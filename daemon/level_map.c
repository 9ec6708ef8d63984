#include "level_map.h"

#include "base/cleanup.h"
#include "wire/frame.h"

/* The entries of a level map, as many as one packet holds. */
struct level_list {
	struct level_map_entry entries[WIRE_PACKET_MAX / 4];
	uint32_t count;
	bool overflow;
};

static void level_list_add(const struct level_map_entry *entry, void *arg)
{
	struct level_list *list = arg;

	if (list->count == ARRAY_LEN(list->entries))
		list->overflow = true;
	else
		list->entries[list->count++] = *entry;
}

void level_map_write(const struct tree *tree, const void *owner, struct writer *writer)
{
	CLEANUP(free) struct level_list *list = malloc(sizeof(*list));
	bool failed_before = writer->failed;

	if (list != NULL) {
		list->count = 0;
		list->overflow = false;
		tree_each_level(tree, level_list_add, list);
	}
	if (list != NULL && !list->overflow)
		frame_write_level_map(writer, tree_lease_floor(tree, owner), list->entries,
				      list->count);
	if (list == NULL || list->overflow || (writer->failed && !failed_before)) {
		writer->failed = failed_before;
		frame_write_level_map(writer, 1, NULL, 0);
	}
}
