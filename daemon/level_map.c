#include "level_map.h"

#include <errno.h>

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

/* Makes the frame of a tree's entries, which the caller owns. Errors: -ENOMEM, -E2BIG. */
static int frame_new(const struct tree *tree, uint8_t **frame_out, size_t *length_out)
{
	CLEANUP(free) struct level_list *list = malloc(sizeof(*list));
	CLEANUP(free) uint8_t *frame = malloc(WIRE_PACKET_MAX);
	struct writer writer = writer_over(frame, WIRE_PACKET_MAX);
	uint8_t *fitted;

	if (list == NULL || frame == NULL)
		return -ENOMEM;
	list->count = 0;
	list->overflow = false;
	tree_each_level(tree, level_list_add, list);
	frame_write_level_map(&writer, LEVEL_MAX + 1, list->entries, list->count);
	if (list->overflow || writer.failed)
		return -E2BIG;
	fitted = realloc(frame, writer.len); /* it is kept for long */
	if (fitted != NULL)
		frame = fitted;
	*frame_out = move_ptr(frame);
	*length_out = writer.len;
	return 0;
}

void level_map_refresh(struct level_map *map, const struct tree *tree)
{
	uint64_t generation = tree_level_generation(tree) + 1; /* 0 is none */
	uint8_t *frame = NULL;
	size_t length = 0;
	int result;

	if (map->generation == generation)
		return;
	result = frame_new(tree, &frame, &length);
	if (map->version == 0 || length != map->length ||
	    (length > 0 && memcmp(frame, map->frame, length) != 0))
		map->version++;
	free(map->frame);
	map->frame = frame;
	map->length = length;
	if (result != -ENOMEM) /* which may be over for the next client */
		map->generation = generation;
}

void level_map_deinit(struct level_map *map)
{
	free(map->frame);
}

void level_map_write(const struct level_map *map, uint8_t lease_floor, struct writer *writer)
{
	uint8_t *frame = writer->ptr + writer->len;

	if (map->frame == NULL || writer_room(writer) < map->length) {
		frame_write_level_map(writer, 1, NULL, 0);
		return;
	}
	writer_text(writer, span_of_bytes(map->frame, map->length));
	frame[WIRE_HEADER_BYTES] = lease_floor; /* the first byte of the body */
}
