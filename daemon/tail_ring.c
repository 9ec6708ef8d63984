#include "tail_ring.h"

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>

/* In the ring, its texts right behind it: an entry never moves. */
struct entry {
	struct tail_record record;
	uint64_t missed; /* right before it */
	size_t size;	 /* with its texts, a multiple of its alignment */
};

/*
 * Entries lie from first to end; or, wrapped, from first to turn and from 0 to end. So an entry is
 * always in one piece, and what is left over before the turn is not used.
 */
struct tail_ring {
	size_t cap;
	size_t first, end, turn;
	bool wrapped;
	size_t count;
	uint64_t missed; /* since the last entry */
	alignas(struct entry) uint8_t bytes[];
};

struct tail_ring *tail_ring_new(size_t bytes)
{
	struct tail_ring *ring = malloc(sizeof(*ring) + bytes);

	if (ring != NULL)
		*ring = (struct tail_ring){ .cap = bytes };
	return ring;
}

void tail_ring_free(struct tail_ring *ring)
{
	free(ring);
}

static struct entry *entry_at(const struct tail_ring *ring, size_t at)
{
	return (struct entry *)(void *)(ring->bytes + at);
}

/* Where size bytes may go; NULL when nowhere. */
static struct entry *take_room(struct tail_ring *ring, size_t size)
{
	struct entry *entry;

	if (!ring->wrapped && ring->cap - ring->end < size) {
		if (ring->first < size)
			return NULL;
		ring->turn = ring->end;
		ring->end = 0;
		ring->wrapped = true;
	}
	if (ring->wrapped && ring->first - ring->end < size)
		return NULL;
	entry = entry_at(ring, ring->end);
	ring->end += size;
	return entry;
}

static struct span copy(uint8_t **at, struct span text)
{
	struct span copied = span_of_bytes(*at, text.len);

	if (text.len > 0)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return copied;
}

bool tail_ring_put(struct tail_ring *ring, const struct tail_record *record)
{
	size_t size =
		sizeof(struct entry) + record->logger.len + record->app.len + record->text.len;
	struct entry *entry;
	uint8_t *at;

	size = (size + alignof(struct entry) - 1) / alignof(struct entry) * alignof(struct entry);
	entry = take_room(ring, size);
	if (entry == NULL) {
		ring->missed++;
		return false;
	}
	at = (uint8_t *)(entry + 1);
	*entry = (struct entry){ .record = *record, .missed = ring->missed, .size = size };
	entry->record.logger = copy(&at, record->logger);
	entry->record.app = copy(&at, record->app);
	entry->record.text = copy(&at, record->text);
	ring->missed = 0;
	ring->count++;
	return true;
}

const struct tail_record *tail_ring_first(const struct tail_ring *ring)
{
	return ring->count == 0 ? NULL : &entry_at(ring, ring->first)->record;
}

uint64_t tail_ring_take_missed(struct tail_ring *ring)
{
	uint64_t *missed = ring->count == 0 ? &ring->missed : &entry_at(ring, ring->first)->missed;
	uint64_t taken = *missed;

	*missed = 0;
	return taken;
}

void tail_ring_drop(struct tail_ring *ring)
{
	assert(ring->count > 0);
	ring->first += entry_at(ring, ring->first)->size;
	ring->count--;
	if (ring->wrapped && ring->first == ring->turn) {
		ring->first = 0;
		ring->wrapped = false;
	}
	if (ring->count == 0)
		ring->first = ring->end = 0;
}

size_t tail_ring_count(const struct tail_ring *ring)
{
	return ring->count;
}
