#include "output/queue.h"

#include <assert.h>

#define N_SEVERITIES 8

/* On two lists: all in order, and those of its severity in order. */
struct entry {
	struct entry *next, *prev;
	struct entry *next_alike, *prev_alike;
	uint32_t len;
	struct datagram_traits traits;
	uint8_t bytes[];
};

static_assert(sizeof(struct entry) <= QUEUE_ENTRY_BYTES,
	      "the bound must cover what an entry costs");

struct ends {
	struct entry *head, *tail;
	size_t bytes; /* of those of one severity, as they cost */
};

struct queue {
	struct queue_limits limits;
	struct ends all;
	struct ends alike[N_SEVERITIES];
	queue_dropped *dropped; /* may be NULL */
	void *arg;
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

void queue_on_drop(struct queue *queue, queue_dropped *dropped, void *arg)
{
	queue->dropped = dropped;
	queue->arg = arg;
}

static void queue_tell(const struct queue *queue, const struct iovec *parts,
		       struct datagram_traits traits)
{
	if (queue->dropped != NULL)
		queue->dropped(parts, traits, queue->arg);
}

static size_t entry_cost(size_t len)
{
	return len + QUEUE_ENTRY_BYTES;
}

/* One that is on both lists now. */
static void queue_count(struct queue *queue, const struct entry *entry)
{
	queue->records++;
	queue->bytes += entry_cost(entry->len);
	queue->alike[entry->traits.severity].bytes += entry_cost(entry->len);
}

static void queue_append(struct queue *queue, struct entry *entry)
{
	struct ends *alike = &queue->alike[entry->traits.severity];

	entry->prev = queue->all.tail;
	entry->prev_alike = alike->tail;
	*(queue->all.tail != NULL ? &queue->all.tail->next : &queue->all.head) = entry;
	*(alike->tail != NULL ? &alike->tail->next_alike : &alike->head) = entry;
	queue->all.tail = entry;
	alike->tail = entry;
	queue_count(queue, entry);
}

static void queue_prepend(struct queue *queue, struct entry *entry)
{
	struct ends *alike = &queue->alike[entry->traits.severity];

	entry->next = queue->all.head;
	entry->next_alike = alike->head;
	entry->prev = NULL;
	entry->prev_alike = NULL;
	*(queue->all.head != NULL ? &queue->all.head->prev : &queue->all.tail) = entry;
	*(alike->head != NULL ? &alike->head->prev_alike : &alike->tail) = entry;
	queue->all.head = entry;
	alike->head = entry;
	queue_count(queue, entry);
}

static void queue_unlink(struct queue *queue, struct entry *entry)
{
	struct ends *alike = &queue->alike[entry->traits.severity];

	*(entry->prev != NULL ? &entry->prev->next : &queue->all.head) = entry->next;
	*(entry->next != NULL ? &entry->next->prev : &queue->all.tail) = entry->prev;
	*(entry->prev_alike != NULL ? &entry->prev_alike->next_alike : &alike->head) =
		entry->next_alike;
	*(entry->next_alike != NULL ? &entry->next_alike->prev_alike : &alike->tail) =
		entry->prev_alike;
	queue->records--;
	queue->bytes -= entry_cost(entry->len);
	alike->bytes -= entry_cost(entry->len);
}

static void queue_remove(struct queue *queue, struct entry *entry)
{
	queue_unlink(queue, entry);
	free(entry);
}

static void queue_drop(struct queue *queue, struct entry *entry)
{
	const struct iovec record = { .iov_base = entry->bytes, .iov_len = entry->len };

	queue_tell(queue, &record, entry->traits);
	queue_remove(queue, entry);
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

/* Nobody gives way to a record that has no room even then. */
static bool queue_can_hold(const struct queue *queue, size_t cost, uint8_t severity)
{
	size_t stays = 0;

	if (queue->limits.when_full == WHEN_FULL_DROP_LOWEST) {
		for (size_t s = 0; s < severity; s++)
			stays += queue->alike[s].bytes;
	}
	return stays + cost <= queue->limits.bytes;
}

size_t queue_set_limits(struct queue *queue, const struct queue_limits *limits)
{
	size_t dropped = 0;

	queue->limits = *limits;
	while (queue->bytes > limits->bytes) {
		struct entry *victim = limits->when_full == WHEN_FULL_DROP_NEWEST
					       ? queue->all.tail
					       : queue_victim(queue, 0);

		queue_drop(queue, victim != NULL ? victim : queue->all.head);
		dropped++;
	}
	return dropped;
}

static size_t parts_bytes(const struct iovec *parts, size_t n_parts)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n_parts; i++)
		bytes += parts[i].iov_len;
	return bytes;
}

static struct entry *entry_new(const struct iovec *parts, size_t n_parts, size_t len,
			       struct datagram_traits traits)
{
	struct entry *entry = malloc(sizeof(*entry) + len);
	uint8_t *end;

	if (entry == NULL)
		return NULL;
	*entry = (struct entry){ .len = (uint32_t)len, .traits = traits };
	end = entry->bytes;
	for (size_t i = 0; i < n_parts; i++) {
		if (parts[i].iov_len > 0)
			memcpy(end, parts[i].iov_base, parts[i].iov_len);
		end += parts[i].iov_len;
	}
	return entry;
}

struct queue_push_result queue_push(struct queue *queue, const struct iovec *parts, size_t n_parts,
				    struct datagram_traits traits)
{
	struct queue_push_result result = { 0 };
	size_t len = parts_bytes(parts, n_parts);
	struct entry *entry;

	traits.severity &= N_SEVERITIES - 1;
	if (!queue_can_hold(queue, entry_cost(len), traits.severity)) {
		queue_tell(queue, parts, traits);
		return (struct queue_push_result){ .dropped = 1 };
	}
	while (queue->bytes + entry_cost(len) > queue->limits.bytes) {
		struct entry *victim = queue_victim(queue, traits.severity);

		result.dropped++;
		if (victim == NULL) {
			queue_tell(queue, parts, traits);
			return result;
		}
		queue_drop(queue, victim);
	}
	entry = entry_new(parts, n_parts, len, traits);
	if (entry == NULL)
		result.out_of_memory = true;
	else
		queue_append(queue, entry);
	return result;
}

size_t queue_peek(const struct queue *queue, struct iovec *iov_out,
		  struct datagram_traits *traits_out, size_t cap)
{
	size_t count = 0;

	for (struct entry *e = queue->all.head; e != NULL && count < cap; e = e->next) {
		traits_out[count] = e->traits;
		iov_out[count++] = (struct iovec){ .iov_base = e->bytes, .iov_len = e->len };
	}
	return count;
}

void queue_consume(struct queue *queue, size_t count)
{
	assert(count <= queue->records);
	while (count-- > 0)
		queue_remove(queue, queue->all.head);
}

void queue_take(struct queue *queue, uint64_t which)
{
	struct entry *entry = queue->all.head;

	for (; which != 0; which >>= 1) {
		struct entry *next = entry->next;

		if ((which & 1) != 0)
			queue_remove(queue, entry);
		entry = next;
	}
}

size_t queue_find(const struct queue *queue, queue_matches *matches, const void *arg)
{
	size_t place = 0;

	for (const struct entry *e = queue->all.head; e != NULL; e = e->next, place++) {
		if (matches(span_of_bytes(e->bytes, e->len), e->traits, arg))
			return place;
	}
	return SIZE_MAX;
}

struct datagram_traits queue_traits(const struct queue *queue, size_t place)
{
	const struct entry *entry = queue->all.head;

	for (; place > 0; place--)
		entry = entry->next;
	return entry->traits;
}

void queue_put_back(struct queue *queue, struct queue *from, size_t first)
{
	while (from->records > first) {
		struct entry *entry = from->all.tail;

		queue_unlink(from, entry);
		queue_prepend(queue, entry);
	}
}

size_t queue_records(const struct queue *queue)
{
	return queue->records;
}

size_t queue_bytes(const struct queue *queue)
{
	return queue->bytes;
}
