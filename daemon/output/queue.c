#include "output/queue.h"

#include <assert.h>

#define N_SEVERITIES 8

/* On two lists: all in order, and those of its severity in order. */
struct entry {
	struct entry *next, *prev;
	struct entry *next_alike, *prev_alike;
	uint32_t len;
	uint8_t severity;
	uint8_t bytes[];
};

static_assert(sizeof(struct entry) <= QUEUE_ENTRY_BYTES,
	      "the bound must cover what an entry costs");

struct ends {
	struct entry *head, *tail;
};

struct queue {
	struct queue_limits limits;
	struct ends all;
	struct ends alike[N_SEVERITIES];
	size_t records;
	size_t bytes;
};

struct queue *queue_new(const struct queue_limits *limits)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (queue != NULL)
		queue->limits = *limits;
	return queue;
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	queue_consume(queue, queue->records);
	free(queue);
}

static size_t entry_cost(size_t len)
{
	return len + QUEUE_ENTRY_BYTES;
}

static void queue_append(struct queue *queue, struct entry *entry)
{
	struct ends *alike = &queue->alike[entry->severity];

	entry->prev = queue->all.tail;
	entry->prev_alike = alike->tail;
	*(queue->all.tail != NULL ? &queue->all.tail->next : &queue->all.head) = entry;
	*(alike->tail != NULL ? &alike->tail->next_alike : &alike->head) = entry;
	queue->all.tail = entry;
	alike->tail = entry;
	queue->records++;
	queue->bytes += entry_cost(entry->len);
}

static void queue_remove(struct queue *queue, struct entry *entry)
{
	struct ends *alike = &queue->alike[entry->severity];

	*(entry->prev != NULL ? &entry->prev->next : &queue->all.head) = entry->next;
	*(entry->next != NULL ? &entry->next->prev : &queue->all.tail) = entry->prev;
	*(entry->prev_alike != NULL ? &entry->prev_alike->next_alike : &alike->head) =
		entry->next_alike;
	*(entry->next_alike != NULL ? &entry->next_alike->prev_alike : &alike->tail) =
		entry->prev_alike;
	queue->records--;
	queue->bytes -= entry_cost(entry->len);
	free(entry);
}

/* Who gives way to a record of this severity; NULL: the record itself. */
static struct entry *queue_victim(const struct queue *queue, uint8_t severity)
{
	switch (queue->limits.when_full) {
	case WHEN_FULL_DROP_NEWEST:
		return NULL;
	case WHEN_FULL_DROP_LOWEST:
		for (size_t s = N_SEVERITIES - 1; s > severity; s--) {
			if (queue->alike[s].head != NULL)
				return queue->alike[s].head;
		}
		return queue->alike[severity].head;
	case WHEN_FULL_DROP_OLDEST:
		break;
	}
	return queue->all.head;
}

size_t queue_set_limits(struct queue *queue, const struct queue_limits *limits)
{
	size_t dropped = 0;

	queue->limits = *limits;
	while (queue->bytes > limits->bytes) {
		struct entry *victim = limits->when_full == WHEN_FULL_DROP_NEWEST
					       ? queue->all.tail
					       : queue_victim(queue, 0);

		queue_remove(queue, victim != NULL ? victim : queue->all.head);
		dropped++;
	}
	return dropped;
}

static struct entry *entry_new(struct span header, struct span text, uint8_t severity)
{
	size_t len = header.len + text.len;
	struct entry *entry = malloc(sizeof(*entry) + len);

	if (entry == NULL)
		return NULL;
	*entry = (struct entry){ .len = (uint32_t)len, .severity = severity };
	if (header.len > 0)
		memcpy(entry->bytes, header.ptr, header.len);
	if (text.len > 0)
		memcpy(entry->bytes + header.len, text.ptr, text.len);
	return entry;
}

struct queue_push_result queue_push(struct queue *queue, struct span header, struct span text,
				    uint8_t severity)
{
	struct queue_push_result result = { 0 };
	size_t cost = entry_cost(header.len + text.len);
	struct entry *entry;

	severity &= N_SEVERITIES - 1;
	if (cost > queue->limits.bytes)
		return (struct queue_push_result){ .dropped = 1 };
	while (queue->bytes + cost > queue->limits.bytes) {
		struct entry *victim = queue_victim(queue, severity);

		result.dropped++;
		if (victim == NULL)
			return result;
		queue_remove(queue, victim);
	}
	entry = entry_new(header, text, severity);
	if (entry == NULL)
		result.out_of_memory = true;
	else
		queue_append(queue, entry);
	return result;
}

size_t queue_peek(const struct queue *queue, struct iovec *iov_out, size_t cap)
{
	size_t count = 0;

	for (struct entry *e = queue->all.head; e != NULL && count < cap; e = e->next)
		iov_out[count++] = (struct iovec){ .iov_base = e->bytes, .iov_len = e->len };
	return count;
}

void queue_consume(struct queue *queue, size_t count)
{
	assert(count <= queue->records);
	while (count-- > 0)
		queue_remove(queue, queue->all.head);
}

size_t queue_records(const struct queue *queue)
{
	return queue->records;
}

size_t queue_bytes(const struct queue *queue)
{
	return queue->bytes;
}
