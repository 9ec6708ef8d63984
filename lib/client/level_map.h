/**
 * level_map: the levels that the daemon knows of, as its last FRAME_LEVEL_MAP told them.
 *
 * Pure. All-zero is a map that is not known yet.
 */
#ifndef LOGFWD_CLIENT_LEVEL_MAP_H
#define LOGFWD_CLIENT_LEVEL_MAP_H

#include "wire/frame.h"

struct level_map {
	bool known;	     /* false: nothing may be filtered by it */
	uint8_t lease_floor; /* lowest level of another client's lease; LEVEL_MAX + 1: none */
	bool has_prefixes;   /* an override is for all names that begin so */
	size_t count;
	struct level_map_entry
		*entries; /* sorted by name and kind; one allocation with the names */
};

/**
 * Replaces the map by what frame says. frame: parsed; borrowed for the call.
 * Errors: -ENOMEM; the map is then not known, since the one it had no longer holds.
 */
int level_map_replace(struct level_map *map, const struct frame_level_map *frame);
void level_map_clear(struct level_map *map);

/** The level of an entry of this kind, not LEVEL_MAP_RECORDER, for a name (canonical); 0: none. */
uint8_t level_map_find(const struct level_map *map, struct span name, enum level_map_kind kind);
/** True when an entry other than a prefix names the logger. */
bool level_map_names(const struct level_map *map, struct span name);
/** The level that an operator has given the name: exactly, else by the longest prefix; 0: none. */
uint8_t level_map_override(const struct level_map *map, struct span name);
/** What a LEVEL_MAP_RECORDER says at this very name: 0 or 1; -1: nothing. */
int level_map_recorder(const struct level_map *map, struct span name);

#endif
