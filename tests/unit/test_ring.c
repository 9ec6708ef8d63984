/*
 * Proves that a ring hands on every byte once and in order, whatever is put, taken and left, at
 * every place of its memory and of its counters; and that no index that cannot be is believed.
 */
#include "ring/ring.h"

#include <errno.h>
#include <stdlib.h>

#include "support/suite.h"

#define CAPACITY_MAX 64
#define SEED	     20

static struct ring_producer producer;
static struct ring_consumer consumer;
static struct ring_header *header;

/* In a block of its own, so that an access outside is seen. */
static void make_ring(size_t capacity, uint64_t begin)
{
	void *memory =
		aligned_alloc(RING_CACHE_LINE, ring_bytes(capacity) + RING_CACHE_LINE -
						       ring_bytes(capacity) % RING_CACHE_LINE);

	ck_assert_ptr_nonnull(memory);
	memset(memory, 0, ring_bytes(capacity));
	header = memory;
	header->produced = begin;
	header->consumed = begin;
	producer = ring_producer_over(memory, capacity);
	consumer = ring_consumer_over(memory, capacity);
}

static void drop_ring(void)
{
	free(header);
}

/* What the byte with that number is: no two near each other are equal by chance for long. */
static uint8_t byte_of(uint64_t number)
{
	return (uint8_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static int put(uint64_t number, size_t length)
{
	uint8_t bytes[2 * CAPACITY_MAX];

	for (size_t i = 0; i < length; i++)
		bytes[i] = byte_of(number + i);
	return ring_put(&producer, span_of_bytes(bytes, length));
}

/* There are so many bytes in it, beginning with that one. */
static void check_peek(uint64_t number, size_t length)
{
	uint8_t bytes[CAPACITY_MAX];

	ck_assert_int_eq(ring_peek(&consumer, bytes, sizeof(bytes)), (int64_t)length);
	for (size_t i = 0; i < length; i++)
		ck_assert_uint_eq(bytes[i], byte_of(number + i));
}

/* Returns whether the producer has to be told. */
static bool consume(size_t length)
{
	bool tell;

	ck_assert_int_eq(ring_consume(&consumer, length, &tell), 0);
	return tell;
}

/* Begin, how full, how much more, how much is taken: all of them. */
static void try_all(size_t capacity, uint64_t begin)
{
	for (size_t full = 0; full <= capacity; full++) {
		for (size_t more = 0; more <= capacity + 1; more++) {
			for (size_t taken = 0; taken <= full; taken++) {
				bool fits = full + more <= capacity;

				make_ring(capacity, begin);
				ck_assert_int_eq(put(begin, full), 0);
				ring_commit(&producer);
				ck_assert_int_eq(put(begin + full, more), fits ? 0 : -EAGAIN);
				check_peek(begin, full); /* and nothing that is not committed */
				consume(taken);
				ring_commit(&producer);
				check_peek(begin + taken, full - taken + (fits ? more : 0));
				drop_ring();
			}
		}
	}
}

START_TEST(ring_is_right_at_every_place_and_length)
{
	for (size_t capacity = 1; capacity <= 8; capacity *= 2) {
		for (uint64_t begin = 0; begin < capacity; begin++)
			try_all(capacity, begin);
		for (uint64_t before = 1; before <= 2 * capacity; before++)
			try_all(capacity, (UINT64_C(1) << 32) - before);
	}
}
END_TEST

/* A queue is two numbers here: the bytes themselves follow from theirs. */
struct model {
	uint64_t taken, committed, put;
};

static void random_step(struct model *model, size_t capacity)
{
	size_t length = (size_t)rand() % (capacity + 2);

	switch (rand() % 4) {
	case 0:
	case 1:
		if (model->put - model->taken + length <= capacity) {
			ck_assert_int_eq(put(model->put, length), 0);
			model->put += length;
		} else {
			ck_assert_int_eq(put(model->put, length), -EAGAIN);
		}
		break;
	case 2:
		ring_commit(&producer);
		model->committed = model->put;
		break;
	default:
		if (length > model->committed - model->taken)
			length = (size_t)(model->committed - model->taken);
		consume(length);
		model->taken += length;
		break;
	}
	check_peek(model->taken, (size_t)(model->committed - model->taken));
}

START_TEST(ring_does_what_a_queue_does)
{
	srand(SEED);
	for (size_t capacity = 1; capacity <= CAPACITY_MAX; capacity *= 2) {
		const uint64_t begin = (UINT64_C(1) << 32) - 10 * capacity;
		struct model model = { begin, begin, begin };

		make_ring(capacity, begin);
		for (int step = 0; step < 20000; step++)
			random_step(&model, capacity);
		drop_ring();
	}
}
END_TEST

START_TEST(ring_peek_copies_no_more_than_there_is_room_for)
{
	uint8_t bytes[5] = { 0 };

	make_ring(16, 14);
	put(0, 10);
	ring_commit(&producer);
	ck_assert_int_eq(ring_peek(&consumer, bytes, 4), 4);
	ck_assert_uint_eq(bytes[3], byte_of(3));
	ck_assert_uint_eq(bytes[4], 0);
	drop_ring();
}
END_TEST

START_TEST(ring_forgets_what_is_cancelled)
{
	make_ring(16, 11);
	put(0, 3);
	ring_commit(&producer);
	put(50, 13);
	ring_cancel(&producer);
	put(3, 13);
	ring_commit(&producer);
	check_peek(0, 16);
	drop_ring();
}
END_TEST

START_TEST(ring_has_room_as_soon_as_it_is_consumed)
{
	make_ring(16, 0);
	ck_assert(ring_has_room(&producer, 16));
	ck_assert(!ring_has_room(&producer, 17));
	put(0, 10);
	ring_commit(&producer);
	ck_assert(!ring_has_room(&producer, 7));
	consume(1);
	ck_assert(ring_has_room(&producer, 7));
	ck_assert_uint_eq(ring_consumed(&producer), 1);
	header->consumed = 11; /* it cannot be there */
	ck_assert(!ring_has_room(&producer, 8));
	ck_assert_uint_eq(ring_consumed(&producer), 1);
	drop_ring();
}
END_TEST

START_TEST(ring_takes_back_what_was_committed_and_not_consumed)
{
	uint8_t bytes[16];
	bool tell;

	make_ring(16, 11);
	put(0, 10);
	ring_commit(&producer);
	put(10, 3); /* not committed: its caller knows of it still */
	consume(4);
	check_peek(4, 6); /* in the consumer's hands, and not consumed yet */
	ck_assert_int_eq(ring_take_back(&producer, bytes), 6);
	for (size_t i = 0; i < 6; i++)
		ck_assert_uint_eq(bytes[i], byte_of(4 + i));
	ck_assert_int_eq(ring_consume(&consumer, 6, &tell), -ECANCELED);
	ck_assert_uint_eq(ring_waiting(&consumer), 0);
	check_peek(0, 0);
	ck_assert(ring_sleep(&consumer));
	drop_ring();
}
END_TEST

/* Wherever the other side's index stands, only the distances that can be are believed. */
START_TEST(ring_believes_no_index_of_the_producer)
{
	uint8_t bytes[16];

	make_ring(16, 1000);
	for (uint64_t produced = 900; produced < 1100; produced++) {
		header->produced = produced;
		if (produced >= 1000 && produced <= 1016)
			ck_assert_int_eq(ring_peek(&consumer, bytes, sizeof(bytes)),
					 (int64_t)(produced - 1000));
		else
			ck_assert_int_eq(ring_peek(&consumer, bytes, sizeof(bytes)), -EPROTO);
	}
	header->produced = 0;
	ck_assert_int_eq(ring_peek(&consumer, bytes, sizeof(bytes)), -EPROTO);
	header->produced = UINT64_MAX;
	ck_assert_int_eq(ring_peek(&consumer, bytes, sizeof(bytes)), -EPROTO);
	drop_ring();
}
END_TEST

START_TEST(ring_believes_no_index_of_the_consumer)
{
	uint8_t bytes[16];

	for (uint64_t consumed = 900; consumed < 1100; consumed++) {
		bool can_be = consumed >= 1000 && consumed <= 1010;

		make_ring(16, 1000);
		put(0, 10);
		ring_commit(&producer);
		put(10, 6); /* it was never shown these: it cannot have taken them */
		header->consumed = consumed;
		if (!can_be)
			ck_assert_int_eq(put(16, 1), -EPROTO);
		else
			ck_assert_int_eq(put(16, 1), consumed == 1000 ? -EAGAIN : 0);
		ck_assert_int_eq(ring_take_back(&producer, bytes),
				 can_be ? (int64_t)(1010 - consumed) : -EPROTO);
		drop_ring();
	}
}
END_TEST

/* The consumer shows its index; that it finds another there is no reason to believe it. */
START_TEST(ring_keeps_its_own_index)
{
	bool tell;

	make_ring(16, 0);
	put(0, 10);
	ring_commit(&producer);
	consume(3);
	for (uint64_t other = 0; other < 20; other++) {
		header->consumed = other == 3 ? RING_TAKEN_BACK | 4 : other;
		check_peek(3, 7);
		ck_assert_int_eq(ring_consume(&consumer, 1, &tell), -EPROTO);
	}
	header->consumed = 3;
	consume(1);
	ck_assert_uint_eq(header->consumed, 4);
	drop_ring();
}
END_TEST

START_TEST(ring_wakes_a_sleeper_once)
{
	make_ring(16, 0);
	put(0, 1);
	ck_assert(!ring_commit(&producer)); /* it is awake */
	ck_assert(!ring_sleep(&consumer));  /* there is something to do */
	put(1, 1);
	ck_assert(!ring_commit(&producer));
	consume(2);
	ck_assert(ring_sleep(&consumer));
	put(2, 1);
	ck_assert(ring_commit(&producer));
	put(3, 1);
	ck_assert(!ring_commit(&producer)); /* it was woken already */
	consume(2);
	ck_assert(ring_sleep(&consumer));
	drop_ring();
}
END_TEST

START_TEST(ring_that_nobody_reads_any_more_wakes_nobody_in_vain)
{
	make_ring(16, 0);
	put(0, 1);
	ck_assert(!ring_commit(&producer));
	ring_resign(&consumer); /* also when something is there, which it still reads */
	consume(1);
	put(1, 1);
	ck_assert(ring_commit(&producer)); /* who tries that finds out */
	drop_ring();
}
END_TEST

START_TEST(ring_tells_of_room_once_half_of_it_is_free)
{
	make_ring(16, 0);
	put(0, 16);
	ring_commit(&producer);
	ck_assert(!consume(0)); /* nobody waits */
	ck_assert(ring_wait_for_room(&producer, 1));
	ck_assert(!consume(7));
	ck_assert(consume(1));
	ck_assert(!consume(1)); /* it was told */
	ck_assert(!ring_wait_for_room(&producer, 9));
	ck_assert(!consume(1)); /* it does not wait */
	ck_assert(ring_wait_for_room(&producer, 16));
	ck_assert(consume(6)); /* and one that needs all of it is told in the end */
	ck_assert(!ring_wait_for_room(&producer, 16));
	drop_ring();
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("ring");
	TCase *all = tcase_create("all");

	tcase_add_test(all, ring_is_right_at_every_place_and_length);
	tcase_add_test(all, ring_does_what_a_queue_does);
	tcase_add_test(all, ring_peek_copies_no_more_than_there_is_room_for);
	tcase_add_test(all, ring_forgets_what_is_cancelled);
	tcase_add_test(all, ring_has_room_as_soon_as_it_is_consumed);
	tcase_add_test(all, ring_takes_back_what_was_committed_and_not_consumed);
	tcase_add_test(all, ring_believes_no_index_of_the_producer);
	tcase_add_test(all, ring_believes_no_index_of_the_consumer);
	tcase_add_test(all, ring_keeps_its_own_index);
	tcase_add_test(all, ring_wakes_a_sleeper_once);
	tcase_add_test(all, ring_that_nobody_reads_any_more_wakes_nobody_in_vain);
	tcase_add_test(all, ring_tells_of_room_once_half_of_it_is_free);
	suite_add_tcase(suite, all);
	return suite;
}
