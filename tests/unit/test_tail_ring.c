/*
 * Proves that a tail's ring gives back what was put into it, in order and whole, never holds more
 * than its bytes, and knows where how many found no room: beside a model over random sequences.
 */
#include "tail_ring.h"

#include <check.h>
#include <stdio.h>

#include "support/suite.h"

#define RING_BYTES 4096
#define ENTRY_MAX  160 /* bytes of an entry beside its texts, at most */

static struct tail_ring *ring;

static void setup(void)
{
	ring = tail_ring_new(RING_BYTES);
	ck_assert_ptr_nonnull(ring);
}

static void teardown(void)
{
	tail_ring_free(ring);
}

static struct tail_record record_of(int64_t number, struct span text)
{
	return (struct tail_record){
		.time_us = number,
		.pid = 4711,
		.uid = 1000,
		.level = 30,
		.fate = 2,
		.logger = span_of("a.b"),
		.app = span_of("test"),
		.text = text,
		.original_length = 9999,
	};
}

static bool put(int64_t number, struct span text)
{
	struct tail_record record = record_of(number, text);

	return tail_ring_put(ring, &record);
}

START_TEST(record_is_copied_whole)
{
	char logger[] = "logger", app[] = "app", text[] = "text";
	struct tail_record record = {
		.time_us = 1,
		.pid = 2,
		.uid = 3,
		.level = 4,
		.fate = 1,
		.recorded = true,
		.logger = span_of(logger),
		.app = span_of(app),
		.text = span_of(text),
		.original_length = 5,
	};
	const struct tail_record *first;

	ck_assert(tail_ring_put(ring, &record));
	memset(logger, '?', sizeof(logger));
	memset(app, '?', sizeof(app));
	memset(text, '?', sizeof(text));
	first = tail_ring_first(ring);
	ck_assert_int_eq(first->time_us, 1);
	ck_assert_int_eq(first->pid, 2);
	ck_assert_uint_eq(first->uid, 3);
	ck_assert_uint_eq(first->level, 4);
	ck_assert_uint_eq(first->fate, 1);
	ck_assert(first->recorded);
	ck_assert(span_equal(first->logger, span_of("logger")));
	ck_assert(span_equal(first->app, span_of("app")));
	ck_assert(span_equal(first->text, span_of("text")));
	ck_assert_uint_eq(first->original_length, 5);
	tail_ring_drop(ring);
	ck_assert_ptr_null(tail_ring_first(ring));
}
END_TEST

START_TEST(texts_may_be_empty)
{
	const struct tail_record nothing = { .time_us = 7 };

	ck_assert(tail_ring_put(ring, &nothing));
	ck_assert_int_eq(tail_ring_first(ring)->time_us, 7);
	ck_assert_uint_eq(tail_ring_first(ring)->text.len, 0);
}
END_TEST

START_TEST(what_finds_no_room_is_counted_in_its_place)
{
	int64_t number = 0;

	while (put(number, span_of("x")))
		number++;
	ck_assert_uint_ge((size_t)number, RING_BYTES / ENTRY_MAX);
	ck_assert(!put(-1, span_of("x")));
	ck_assert_uint_eq(tail_ring_take_missed(ring), 0); /* none before the first */
	tail_ring_drop(ring);
	ck_assert(put(number, span_of("x")));
	for (int64_t i = 1; i < number; i++) {
		ck_assert_int_eq(tail_ring_first(ring)->time_us, i);
		ck_assert_uint_eq(tail_ring_take_missed(ring), 0);
		tail_ring_drop(ring);
	}
	ck_assert_uint_eq(tail_ring_take_missed(ring), 2);
	ck_assert_uint_eq(tail_ring_take_missed(ring), 0);
	ck_assert_int_eq(tail_ring_first(ring)->time_us, number);
	tail_ring_drop(ring);
	ck_assert_uint_eq(tail_ring_count(ring), 0);
}
END_TEST

START_TEST(missed_are_told_without_a_record_behind_them)
{
	static uint8_t huge[RING_BYTES];

	ck_assert(put(1, span_of("x")));
	ck_assert(!put(2, span_of_bytes(huge, sizeof(huge))));
	ck_assert_uint_eq(tail_ring_take_missed(ring), 0);
	tail_ring_drop(ring);
	ck_assert_uint_eq(tail_ring_take_missed(ring), 1);
	ck_assert(!put(3, span_of_bytes(huge, sizeof(huge))));
	ck_assert(put(4, span_of("it is as good as new")));
	ck_assert_uint_eq(tail_ring_take_missed(ring), 1);
}
END_TEST

/* Random lengths, put and dropped at random: what comes out is what a counter says. */
START_TEST(ring_agrees_with_a_model)
{
	static uint8_t text[RING_BYTES / 2];
	static struct {
		size_t length;
		uint64_t missed;
	} model[RING_BYTES];
	size_t put_so_far = 0, dropped = 0, bytes = 0;
	uint64_t missed = 0;

	srand((unsigned)_i);
	for (int64_t step = 0; step < 20000; step++) {
		size_t length = (size_t)rand() % (rand() % 8 == 0 ? sizeof(text) : 100);

		if (rand() % 2 == 0) {
			memset(text, (int)(put_so_far % 251), length);
			if (!put((int64_t)put_so_far, span_of_bytes(text, length))) {
				missed++;
				ck_assert_uint_gt(bytes + length + ENTRY_MAX, RING_BYTES / 4);
				continue;
			}
			model[put_so_far % RING_BYTES].length = length;
			model[put_so_far++ % RING_BYTES].missed = missed;
			missed = 0;
			bytes += length;
			ck_assert_uint_le(bytes, RING_BYTES);
		} else if (dropped < put_so_far) {
			const struct tail_record *first = tail_ring_first(ring);
			size_t expected = model[dropped % RING_BYTES].length;

			ck_assert_int_eq(first->time_us, (int64_t)dropped);
			ck_assert_uint_eq(first->text.len, expected);
			memset(text, (int)(dropped % 251), expected);
			ck_assert(expected == 0 || memcmp(first->text.ptr, text, expected) == 0);
			ck_assert_uint_eq(tail_ring_take_missed(ring),
					  model[dropped++ % RING_BYTES].missed);
			tail_ring_drop(ring);
			bytes -= expected;
		}
		ck_assert_uint_eq(tail_ring_count(ring), put_so_far - dropped);
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("tail_ring");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, record_is_copied_whole);
	tcase_add_test(all, texts_may_be_empty);
	tcase_add_test(all, what_finds_no_room_is_counted_in_its_place);
	tcase_add_test(all, missed_are_told_without_a_record_behind_them);
	tcase_add_loop_test(all, ring_agrees_with_a_model, 0, 20);
	suite_add_tcase(suite, all);
	return suite;
}
