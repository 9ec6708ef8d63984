#include "config/arena.h"

#include <stdalign.h>

struct arena_piece {
	struct arena_piece *next;
	alignas(max_align_t) uint8_t bytes[];
};

void *arena_take(struct arena *arena, size_t count, size_t size)
{
	struct arena_piece *piece;
	size_t total;

	if (__builtin_mul_overflow(count, size, &total) ||
	    __builtin_add_overflow(total, sizeof(*piece), &total))
		return NULL;
	piece = calloc(1, total);
	if (piece == NULL)
		return NULL;
	piece->next = arena->pieces;
	arena->pieces = piece;
	return piece->bytes;
}

char *arena_copy(struct arena *arena, struct span text)
{
	char *copy = arena_take(arena, text.len + 1, 1);

	if (copy != NULL && text.len > 0)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

void arena_deinit(struct arena *arena)
{
	while (arena->pieces != NULL) {
		struct arena_piece *piece = arena->pieces;

		arena->pieces = piece->next;
		free(piece);
	}
}
