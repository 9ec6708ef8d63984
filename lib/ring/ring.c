#include "ring/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/*
 * Sleeping and waking: each side first writes its own word and then reads the other's, all in one
 * order (seq_cst). So of a commit and a ring_sleep() that meet, at least one sees the other: either
 * the consumer finds the bytes, or the producer finds it asleep. The same with the room.
 */

struct ring_producer ring_producer_over(void *memory, size_t capacity)
{
	struct ring_header *header = memory;
	uint64_t produced = atomic_load(&header->produced);

	return (struct ring_producer){
		.header = header,
		.data = (uint8_t *)memory + RING_HEADER_BYTES,
		.capacity = capacity,
		.written = produced,
		.committed = produced,
		.consumed = atomic_load(&header->consumed),
	};
}

struct ring_consumer ring_consumer_over(void *memory, size_t capacity)
{
	struct ring_header *header = memory;

	return (struct ring_consumer){
		.header = header,
		.data = (const uint8_t *)memory + RING_HEADER_BYTES,
		.capacity = capacity,
		.consumed = atomic_load(&header->consumed),
	};
}

/* The place of a byte, and how many there are from there to the end of the data. */
static size_t place_of(uint64_t index, uint64_t capacity, size_t *straight_out)
{
	size_t place = (size_t)(index & (capacity - 1));

	*straight_out = (size_t)capacity - place;
	return place;
}

/* The one time that the bytes are read: the other side may write them meanwhile. */
static void copy_out(const uint8_t *data, uint64_t capacity, uint64_t index, uint8_t *to,
		     size_t length)
{
	size_t straight;
	size_t place = place_of(index, capacity, &straight);
	size_t first = length < straight ? length : straight;

	memcpy(to, data + place, first);
	memcpy(to + first, data, length - first);
}

static void copy_in(struct ring_producer *producer, struct span bytes)
{
	size_t straight;
	size_t place = place_of(producer->written, producer->capacity, &straight);
	size_t first = bytes.len < straight ? bytes.len : straight;

	memcpy(producer->data + place, bytes.ptr, first);
	memcpy(producer->data, bytes.ptr + first, bytes.len - first);
}

/* What may still be put, by the consumer's index as it was last seen. */
static uint64_t room(const struct ring_producer *producer)
{
	return producer->capacity - (producer->written - producer->consumed);
}

/* Looks where the consumer is; false when it cannot be there. */
static bool look_at_consumer(struct ring_producer *producer)
{
	uint64_t consumed = atomic_load(&producer->header->consumed);

	/* It goes forward only, and not beyond what it was shown. */
	if (producer->committed - consumed > producer->committed - producer->consumed)
		return false;
	producer->consumed = consumed;
	return true;
}

int ring_put(struct ring_producer *producer, struct span bytes)
{
	if (room(producer) < bytes.len) {
		if (!look_at_consumer(producer))
			return -EPROTO;
		if (room(producer) < bytes.len)
			return -EAGAIN;
	}
	if (bytes.len > 0)
		copy_in(producer, bytes);
	producer->written += bytes.len;
	return 0;
}

bool ring_commit(struct ring_producer *producer)
{
	struct ring_header *header = producer->header;

	producer->committed = producer->written;
	atomic_store(&header->produced, producer->committed);
	/* One waking for one sleep, however many commits come before it is up. */
	return atomic_load(&header->consumer_sleeps) != 0 &&
	       atomic_exchange(&header->consumer_sleeps, 0) != 0;
}

bool ring_wait_for_room(struct ring_producer *producer, size_t bytes)
{
	assert(producer->written == producer->committed); /* else both would wait */
	atomic_store(&producer->header->producer_waits, 1);
	if (look_at_consumer(producer) && room(producer) < bytes)
		return true;
	atomic_store(&producer->header->producer_waits, 0);
	return false;
}

int64_t ring_unread(const struct ring_producer *producer, uint8_t *to)
{
	struct ring_producer last = *producer;

	if (!look_at_consumer(&last))
		return -EPROTO;
	copy_out(last.data, last.capacity, last.consumed, to,
		 (size_t)(last.committed - last.consumed));
	return (int64_t)(last.committed - last.consumed);
}

uint64_t ring_waiting(const struct ring_consumer *consumer)
{
	return atomic_load_explicit(&consumer->header->produced, memory_order_acquire) -
	       consumer->consumed;
}

int64_t ring_peek(const struct ring_consumer *consumer, uint8_t *to, size_t cap)
{
	uint64_t waiting = ring_waiting(consumer);
	size_t length = waiting < cap ? (size_t)waiting : cap;

	if (waiting > consumer->capacity)
		return -EPROTO;
	if (length > 0)
		copy_out(consumer->data, consumer->capacity, consumer->consumed, to, length);
	return (int64_t)length;
}

bool ring_consume(struct ring_consumer *consumer, size_t bytes)
{
	struct ring_header *header = consumer->header;

	assert(bytes <= consumer->capacity);
	consumer->consumed += bytes;
	atomic_store(&header->consumed, consumer->consumed);
	if (atomic_load(&header->producer_waits) == 0)
		return false;
	/* A little room at a time would be a waking for every frame. An empty ring has enough for all. */
	if (atomic_load(&header->produced) - consumer->consumed > consumer->capacity / 2)
		return false;
	return atomic_exchange(&header->producer_waits, 0) != 0;
}

bool ring_sleep(struct ring_consumer *consumer)
{
	struct ring_header *header = consumer->header;

	atomic_store(&header->consumer_sleeps, 1);
	if (atomic_load(&header->produced) == consumer->consumed)
		return true;
	atomic_store(&header->consumer_sleeps, 0);
	return false;
}

void ring_stay_awake(struct ring_consumer *consumer)
{
	atomic_store_explicit(&consumer->header->consumer_sleeps, 0, memory_order_relaxed);
}
