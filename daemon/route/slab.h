/**
 * slab: small objects without a header each, in chunks that go back to the system one by one.
 *
 * A million loggers cost malloc() 16 to 24 bytes more each in headers and rounding, and it gives
 * what they leave back in a single call that takes tens of milliseconds. Here an object takes its
 * size rounded up to 8 bytes; a chunk is mapped when one is needed and unmapped with its last
 * object, so that no single call pays for more than one chunk. Pure but for mmap(2).
 */
#ifndef LOGFWD_ROUTE_SLAB_H
#define LOGFWD_ROUTE_SLAB_H

#include <stddef.h>

#define SLAB_OBJECT_MAX	 320 /* bytes */
#define SLAB_CHUNK_BYTES (64 * 1024)
#define SLAB_CLASSES	 (SLAB_OBJECT_MAX / 8)

struct slab_chunk;

/** Of zero bytes: empty. */
struct slab {
	struct slab_chunk *with_room[SLAB_CLASSES]; /* by size: chunks that have a free place */
	struct slab_chunk *spare; /* one empty chunk is kept, against mapping to and fro */
	size_t chunks;		  /* mapped, the spare one included */
};

/** Every object must have been freed. */
void slab_deinit(struct slab *slab);

/** A zeroed object of 1..SLAB_OBJECT_MAX bytes, aligned to 8; NULL without memory. */
void *slab_alloc(struct slab *slab, size_t size);

/** object: of this slab. NULL is fine. Never fails, whatever the system says. */
void slab_free(struct slab *slab, void *object);

#endif
