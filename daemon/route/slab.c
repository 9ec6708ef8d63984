#include "route/slab.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* An address sanitizer sees a use of what was freed, as it does for malloc(). */
#if defined(__SANITIZE_ADDRESS__)
#define POISONS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS
#endif
#endif
#ifdef POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#define PLACES_OFFSET 64 /* of a chunk: its head has a cache line of its own */

/* A free place in a chunk that was used before. */
struct slab_place {
	struct slab_place *next;
};

/* At a multiple of SLAB_CHUNK_BYTES, so that every object tells where its chunk begins. */
struct slab_chunk {
	struct slab_chunk *next, **link; /* while in with_room; link: what points to this one */
	struct slab_place *freed;
	uint32_t size;	 /* of a place */
	uint32_t used;	 /* places with an object */
	uint32_t begun;	 /* places that ever had one; those behind were never touched */
	uint32_t places; /* in all */
};

_Static_assert(sizeof(struct slab_chunk) <= PLACES_OFFSET, "the head covers a place");

/* The least multiple of SLAB_CHUNK_BYTES in a mapping. */
static uint8_t *aligned_in(uint8_t *mapping)
{
	uintptr_t beyond = (uintptr_t)mapping % SLAB_CHUNK_BYTES;

	return beyond == 0 ? mapping : mapping + (SLAB_CHUNK_BYTES - beyond);
}

static void *map(size_t length)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* Returns one zeroed chunk's memory where it must be, or NULL. */
static struct slab_chunk *chunk_map(void)
{
	/* The kernel puts a mapping right below the last one, so the next fits as it is. */
	uint8_t *mapping = map(SLAB_CHUNK_BYTES);
	uint8_t *chunk;

	if (mapping == NULL || aligned_in(mapping) == mapping)
		return (struct slab_chunk *)(void *)mapping;
	munmap(mapping, SLAB_CHUNK_BYTES);
	mapping = map(2 * SLAB_CHUNK_BYTES);
	if (mapping == NULL)
		return NULL;
	chunk = aligned_in(mapping);
	if (chunk > mapping)
		munmap(mapping, (size_t)(chunk - mapping));
	munmap(chunk + SLAB_CHUNK_BYTES, (size_t)(mapping + SLAB_CHUNK_BYTES - chunk));
	return (struct slab_chunk *)(void *)chunk;
}

static struct slab_chunk *chunk_of(void *object)
{
	uint8_t *at = object;

	return (struct slab_chunk *)(void *)(at - (uintptr_t)at % SLAB_CHUNK_BYTES);
}

static bool chunk_is_full(const struct slab_chunk *chunk)
{
	return chunk->used == chunk->places;
}

static struct slab_chunk **class_of(struct slab *slab, size_t size)
{
	return &slab->with_room[size / 8 - 1];
}

static void chunk_enter(struct slab *slab, struct slab_chunk *chunk)
{
	struct slab_chunk **first = class_of(slab, chunk->size);

	chunk->next = *first;
	chunk->link = first;
	if (chunk->next != NULL)
		chunk->next->link = &chunk->next;
	*first = chunk;
}

static void chunk_leave(struct slab_chunk *chunk)
{
	*chunk->link = chunk->next;
	if (chunk->next != NULL)
		chunk->next->link = chunk->link;
}

/* A chunk whose every place is free, for objects of a size; NULL without memory. */
static struct slab_chunk *chunk_new(struct slab *slab, size_t size)
{
	struct slab_chunk *chunk = slab->spare;

	if (chunk == NULL) {
		chunk = chunk_map();
		if (chunk == NULL)
			return NULL;
		slab->chunks++;
	}
	slab->spare = NULL;
	*chunk = (struct slab_chunk){
		.size = (uint32_t)size,
		.places = (uint32_t)((SLAB_CHUNK_BYTES - PLACES_OFFSET) / size),
	};
	ASAN_POISON_MEMORY_REGION((uint8_t *)chunk + PLACES_OFFSET,
				  SLAB_CHUNK_BYTES - PLACES_OFFSET);
	chunk_enter(slab, chunk);
	return chunk;
}

/* False when the system cannot take it: there are too many mappings to split one more. */
static bool chunk_unmap(struct slab *slab, struct slab_chunk *chunk)
{
	ASAN_UNPOISON_MEMORY_REGION(chunk, SLAB_CHUNK_BYTES);
	if (munmap(chunk, SLAB_CHUNK_BYTES) < 0)
		return false;
	slab->chunks--;
	return true;
}

/* An empty chunk goes back, but for one. */
static void chunk_end(struct slab *slab, struct slab_chunk *chunk)
{
	chunk_leave(chunk);
	if (slab->spare == NULL)
		slab->spare = chunk;
	else if (!chunk_unmap(slab, chunk))
		chunk_enter(slab, chunk); /* it serves on */
}

static void *chunk_take(struct slab_chunk *chunk)
{
	uint8_t *place;

	if (chunk->freed != NULL) {
		place = (uint8_t *)chunk->freed;
		chunk->freed = chunk->freed->next;
	} else {
		place = (uint8_t *)chunk + PLACES_OFFSET + (size_t)chunk->begun * chunk->size;
		chunk->begun++;
	}
	chunk->used++;
	ASAN_UNPOISON_MEMORY_REGION(place, chunk->size);
	return memset(place, 0, chunk->size);
}

static void chunk_put_back(struct slab_chunk *chunk, void *object)
{
	struct slab_place *place = object;

	place->next = chunk->freed;
	chunk->freed = place;
	chunk->used--;
	ASAN_POISON_MEMORY_REGION((uint8_t *)object + sizeof(*place), chunk->size - sizeof(*place));
}

void *slab_alloc(struct slab *slab, size_t size)
{
	struct slab_chunk *chunk;
	void *object;

	assert(size > 0 && size <= SLAB_OBJECT_MAX);
	size = (size + 7) / 8 * 8;
	chunk = *class_of(slab, size);
	if (chunk == NULL)
		chunk = chunk_new(slab, size);
	if (chunk == NULL)
		return NULL;
	object = chunk_take(chunk);
	if (chunk_is_full(chunk))
		chunk_leave(chunk);
	return object;
}

void slab_free(struct slab *slab, void *object)
{
	struct slab_chunk *chunk;

	if (object == NULL)
		return;
	chunk = chunk_of(object);
	if (chunk_is_full(chunk))
		chunk_enter(slab, chunk);
	chunk_put_back(chunk, object);
	if (chunk->used == 0)
		chunk_end(slab, chunk);
}

void slab_deinit(struct slab *slab)
{
	for (size_t i = 0; i < SLAB_CLASSES; i++) {
		while (slab->with_room[i] != NULL) { /* what could not be unmapped before */
			struct slab_chunk *chunk = slab->with_room[i];

			assert(chunk->used == 0);
			chunk_leave(chunk);
			(void)chunk_unmap(slab, chunk);
		}
	}
	if (slab->spare != NULL)
		(void)chunk_unmap(slab, slab->spare);
	*slab = (struct slab){ 0 };
}
