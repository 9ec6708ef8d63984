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
		.consumed = atomic_load(&header->consumed) & ~RING_TAKEN_BACK,
	};
}

struct ring_consumer ring_consumer_over(void *memory, size_t capacity)
{
	struct ring_header *header = memory;

	return (struct ring_consumer){
		.header = header,
		.data = (const uint8_t *)memory + RING_HEADER_BYTES,
		.capacity = capacity,
		.consumed = atomic_load(&header->consumed) & ~RING_TAKEN_BACK,
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

/* The consumer is there, by what the header says; false when it cannot be. */
static bool see_consumed(struct ring_producer *producer, uint64_t consumed)
{
	/* It goes forward only, and not beyond what it was shown. */
	if (producer->committed - consumed > producer->committed - producer->consumed)
		return false;
	producer->consumed = consumed;
	return true;
}

static bool look_at_consumer(struct ring_producer *producer)
{
	return see_consumed(producer, atomic_load(&producer->header->consumed));
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

void ring_cancel(struct ring_producer *producer)
{
	producer->written = producer->committed;
}

bool ring_has_room(struct ring_producer *producer, size_t bytes)
{
	return room(producer) >= bytes || (look_at_consumer(producer) && room(producer) >= bytes);
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

uint64_t ring_consumed(struct ring_producer *producer)
{
	look_at_consumer(producer);
	return producer->consumed;
}

int64_t ring_take_back(struct ring_producer *producer, uint8_t *to)
{
	uint64_t consumed = atomic_fetch_or(&producer->header->consumed, RING_TAKEN_BACK);
	uint64_t length;

	if (!see_consumed(producer, consumed))
		return -EPROTO;
	length = producer->committed - producer->consumed;
	copy_out(producer->data, producer->capacity, producer->consumed, to, (size_t)length);
	return (int64_t)length;
}

uint64_t ring_waiting(const struct ring_consumer *consumer)
{
	if (consumer->is_taken_back)
		return 0;
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

/* Moves our index as the producer sees it; it may take the ring back at the same time. */
static int move_consumed(struct ring_consumer *consumer, uint64_t to)
{
	uint64_t shown = consumer->consumed;

	if (atomic_compare_exchange_strong(&consumer->header->consumed, &shown, to)) {
		consumer->consumed = to;
		return 0;
	}
	if (shown != (consumer->consumed | RING_TAKEN_BACK))
		return -EPROTO;
	consumer->is_taken_back = true;
	return -ECANCELED;
}

int ring_consume(struct ring_consumer *consumer, size_t bytes, bool *tell_out)
{
	struct ring_header *header = consumer->header;
	int error;

	assert(bytes <= consumer->capacity);
	*tell_out = false;
	error = move_consumed(consumer, consumer->consumed + bytes);
	if (error < 0 || atomic_load(&header->producer_waits) == 0)
		return error;
	/* A little room at a time would be a waking for every frame. An empty ring has enough for all. */
	if (atomic_load(&header->produced) - consumer->consumed <= consumer->capacity / 2)
		*tell_out = atomic_exchange(&header->producer_waits, 0) != 0;
	return 0;
}

bool ring_sleep(struct ring_consumer *consumer)
{
	struct ring_header *header = consumer->header;

	atomic_store(&header->consumer_sleeps, 1);
	if (consumer->is_taken_back || atomic_load(&header->produced) == consumer->consumed)
		return true;
	atomic_store(&header->consumer_sleeps, 0);
	return false;
}

void ring_resign(struct ring_consumer *consumer)
{
	atomic_store(&consumer->header->consumer_sleeps, 1);
}
