#include "route/recorder.h"

#include <assert.h>

#include "route/hash_table.h"

/* What malloc() adds to a block, about. */
#define BLOCK_BYTES 16

/* One record, with its texts behind it. */
struct kept {
	struct kept *next; /* younger */
	struct recorded record;
	uint8_t bytes[];
};

/* What is kept of one lease; there is none without a record but while one is added. */
struct flight {
	struct hash_link link;
	struct flight *previous, *next; /* of all, unordered */
	const struct lease *lease;	/* not looked into */
	uid_t uid;
	uint64_t bytes; /* of its records */
	uint32_t count;
	struct kept *oldest, **end;
};

struct recorder {
	struct recorder_room room;
	struct hash_table flights;
	struct flight *first;
	struct recorder_counts counts;
};

struct recorder *recorder_new(const struct recorder_room *room)
{
	CLEANUP(recorder_free) struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (recorder == NULL || hash_table_init(&recorder->flights) < 0)
		return NULL;
	recorder->room = *room;
	return move_ptr(recorder);
}

/* Addresses are multiples of some power of two: multiplied, they differ in the upper bits. */
static uint32_t lease_hash(const struct lease *lease)
{
	return (uint32_t)(((uint64_t)(uintptr_t)lease * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static struct flight *recorder_find(const struct recorder *recorder, const struct lease *lease)
{
	struct hash_link *link;

	if (recorder->counts.held == 0)
		return NULL;
	for (link = hash_table_find(&recorder->flights, lease_hash(lease)); link != NULL;
	     link = hash_link_next(link)) {
		struct flight *flight = hash_entry(link, struct flight, link);

		if (flight->lease == lease)
			return flight;
	}
	return NULL;
}

static bool recorder_take(struct recorder *recorder, uid_t uid, size_t bytes)
{
	if (!recorder->room.take(recorder->room.arg, uid, bytes))
		return false;
	recorder->counts.held_bytes += bytes;
	return true;
}

static void recorder_release(struct recorder *recorder, uid_t uid, size_t bytes)
{
	recorder->counts.held_bytes -= bytes;
	recorder->room.release(recorder->room.arg, uid, bytes);
}

#define FLIGHT_BYTES (sizeof(struct flight) + BLOCK_BYTES)

static struct flight *flight_new(struct recorder *recorder, const struct lease *lease, uid_t uid)
{
	struct flight *flight;

	if (!recorder_take(recorder, uid, FLIGHT_BYTES))
		return NULL;
	flight = calloc(1, sizeof(*flight));
	if (flight == NULL) {
		recorder_release(recorder, uid, FLIGHT_BYTES);
		return NULL;
	}
	flight->link.hash = lease_hash(lease);
	flight->lease = lease;
	flight->uid = uid;
	flight->end = &flight->oldest;
	flight->next = recorder->first;
	if (flight->next != NULL)
		flight->next->previous = flight;
	recorder->first = flight;
	hash_table_add(&recorder->flights, &flight->link);
	return flight;
}

/* Its records have gone. */
static void flight_free(struct recorder *recorder, struct flight *flight)
{
	assert(flight->count == 0);
	hash_table_remove(&recorder->flights, &flight->link);
	if (flight->next != NULL)
		flight->next->previous = flight->previous;
	if (flight->previous != NULL)
		flight->previous->next = flight->next;
	else
		recorder->first = flight->next;
	recorder_release(recorder, flight->uid, FLIGHT_BYTES);
	free(flight);
}

static size_t kept_bytes(const struct recorded *record)
{
	return sizeof(struct kept) + record->app.len + record->text.len + BLOCK_BYTES;
}

static struct span copy(uint8_t *to, struct span from)
{
	if (from.len > 0)
		memcpy(to, from.ptr, from.len);
	return span_of_bytes(to, from.len);
}

/* Room was taken. Returns false without memory. */
static bool flight_add(struct flight *flight, const struct recorded *record)
{
	struct kept *kept = malloc(sizeof(*kept) + record->app.len + record->text.len);

	if (kept == NULL)
		return false;
	kept->next = NULL;
	kept->record = *record;
	kept->record.app = copy(kept->bytes, record->app);
	kept->record.text = copy(kept->bytes + record->app.len, record->text);
	*flight->end = kept;
	flight->end = &kept->next;
	flight->count++;
	flight->bytes += kept_bytes(record);
	return true;
}

/* Takes the oldest record away; what became of it, the caller counts. */
static void flight_drop(struct recorder *recorder, struct flight *flight)
{
	struct kept *kept = flight->oldest;
	size_t bytes = kept_bytes(&kept->record);

	flight->oldest = kept->next;
	if (flight->oldest == NULL)
		flight->end = &flight->oldest;
	flight->count--;
	flight->bytes -= bytes;
	recorder->counts.held--;
	recorder_release(recorder, flight->uid, bytes);
	free(kept);
}

static void flight_shrink(struct recorder *recorder, struct flight *flight, uint32_t limit)
{
	while (flight->count > limit) {
		flight_drop(recorder, flight);
		recorder->counts.forgotten++;
	}
}

/* Takes room for a record, the oldest giving way if all of them together would do. */
static bool flight_make_room(struct recorder *recorder, struct flight *flight, size_t bytes)
{
	if (recorder_take(recorder, flight->uid, bytes))
		return true;
	if (flight->bytes < bytes)
		return false;
	while (flight->count > 0) {
		flight_shrink(recorder, flight, flight->count - 1);
		if (recorder_take(recorder, flight->uid, bytes))
			return true;
	}
	return false;
}

void recorder_keep(struct recorder *recorder, const struct lease *lease, uint32_t limit,
		   const struct recorded *record)
{
	struct flight *flight = recorder_find(recorder, lease);
	size_t bytes = kept_bytes(record);
	bool kept = false;

	assert(limit > 0);
	if (flight == NULL)
		flight = flight_new(recorder, lease, record->uid);
	if (flight != NULL && flight_make_room(recorder, flight, bytes)) {
		flight_shrink(recorder, flight, limit - 1);
		kept = flight_add(flight, record);
		if (!kept)
			recorder_release(recorder, flight->uid, bytes);
	}
	recorder->counts.kept += kept;
	recorder->counts.held += kept;
	recorder->counts.not_kept += !kept;
	if (flight != NULL && flight->count == 0)
		flight_free(recorder, flight);
}

bool recorder_holds(const struct recorder *recorder, const struct lease *lease)
{
	return recorder_find(recorder, lease) != NULL;
}

size_t recorder_send(struct recorder *recorder, const struct lease *lease, size_t most,
		     recorder_visitor *send, recorder_done *done, void *arg)
{
	struct flight *flight = recorder_find(recorder, lease);
	const struct kept *kept;
	size_t count = 0;

	if (flight == NULL)
		return 0;
	for (kept = flight->oldest; kept != NULL && count < most; kept = kept->next, count++)
		send(&kept->record, arg);
	done(arg);
	for (size_t i = 0; i < count; i++)
		flight_drop(recorder, flight);
	recorder->counts.sent += count;
	if (flight->count == 0)
		flight_free(recorder, flight);
	return count;
}

static void flight_trim(struct recorder *recorder, struct flight *flight, uint32_t limit)
{
	flight_shrink(recorder, flight, limit);
	if (flight->count == 0)
		flight_free(recorder, flight);
}

size_t recorder_forget(struct recorder *recorder, const struct lease *lease)
{
	struct flight *flight = recorder_find(recorder, lease);
	size_t count;

	if (flight == NULL)
		return 0;
	count = flight->count;
	flight_trim(recorder, flight, 0);
	return count;
}

static void flight_trim_to_room(struct recorder *recorder, struct flight *flight)
{
	while (flight->count > 0 && recorder->room.exceeded(recorder->room.arg, flight->uid))
		flight_shrink(recorder, flight, flight->count - 1);
	if (flight->count == 0)
		flight_free(recorder, flight);
}

void recorder_trim(struct recorder *recorder, recorder_limit *limit, void *arg)
{
	struct flight *next;

	for (struct flight *flight = recorder->first; flight != NULL; flight = next) {
		next = flight->next;
		flight_trim(recorder, flight, limit(flight->lease, arg));
	}
	for (struct flight *flight = recorder->first; flight != NULL; flight = next) {
		next = flight->next;
		flight_trim_to_room(recorder, flight);
	}
}

void recorder_free(struct recorder *recorder)
{
	if (recorder == NULL)
		return;
	while (recorder->first != NULL)
		flight_trim(recorder, recorder->first, 0);
	hash_table_deinit(&recorder->flights);
	free(recorder);
}

struct recorder_counts recorder_counts(const struct recorder *recorder)
{
	return recorder->counts;
}
