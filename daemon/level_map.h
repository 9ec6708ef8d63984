/**
 * level_map: what the tree knows of levels, as the frame that clients filter by.
 *
 * It is the same for all clients but for the floor, so it is made once for each change.
 */
#ifndef LOGFWD_LEVEL_MAP_H
#define LOGFWD_LEVEL_MAP_H

#include "base/writer.h"
#include "route/tree.h"

/** Zero-initialised: none is made yet. */
struct level_map {
	uint64_t generation; /* of the tree, as of the last refresh, and 1; 0: never */
	uint64_t version;    /* changes when the entries do; from 1 */
	uint8_t *frame;	     /* FRAME_LEVEL_MAP, with any floor; NULL: there is no such frame */
	size_t length;
};

/**
 * Brings the map up to date with the tree; cheap when that has not changed. When the entries are more
 * than a packet holds, or without memory, it becomes one by which clients filter nothing.
 */
void level_map_refresh(struct level_map *map, const struct tree *tree);
void level_map_deinit(struct level_map *map);

/**
 * Appends the FRAME_LEVEL_MAP for a client whose lease floor that is. When it is more than writer
 * has room for, it is one by which the client filters nothing, and leaves that to us.
 */
void level_map_write(const struct level_map *map, uint8_t lease_floor, struct writer *writer);

#endif
