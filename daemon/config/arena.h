/**
 * arena: memory that is handed out piece by piece and freed as one.
 *
 * A configuration is built from many small strings and arrays that live and die together.
 * Pure but for malloc().
 */
#ifndef LOGFWD_CONFIG_ARENA_H
#define LOGFWD_CONFIG_ARENA_H

#include "base/cleanup.h"
#include "base/span.h"

struct arena_piece;

struct arena {
	struct arena_piece *pieces; /* NULL: empty; { 0 } is a valid arena */
};

/** Zeroed memory for count objects of size bytes, 0 or more of both; NULL without memory. */
void *arena_take(struct arena *arena, size_t count, size_t size);
/** A NUL-terminated copy, or NULL without memory. */
char *arena_copy(struct arena *arena, struct span text);
/** Frees all that was taken; the arena is empty again. */
void arena_deinit(struct arena *arena);

#endif
