/*
 * Proves that what is told of a stream of numbered records is exactly what became of it: over
 * random losses, copies, delays, resent records and new beginnings, against a model that knows
 * every number; and that only structured data is believed.
 */
#include "ctl/verify.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/numbered.h"
#include "support/suite.h"

static struct verify *verify;

static void setup(void)
{
	verify = verify_new();
	ck_assert_ptr_nonnull(verify);
}

static void teardown(void)
{
	verify_free(verify);
}

/* run: tells the text of one run of a daemon from that of another. */
static bool give_from(const char *host, const char *sender, uint32_t id, unsigned run, bool resent)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "<134>1 - %s a 1 - [logfwd@32473 logger=\"a\"%s][meta sequenceId=\"%u\"] run %u",
		 host, resent ? " resent=\"true\"" : "", id, run);
	return verify_take(verify, sender, span_of(text));
}

static void give(uint32_t id, unsigned run)
{
	ck_assert(give_from("h", "192.0.2.1", id, run, false));
}

static void give_range(uint32_t first, uint32_t last, unsigned run)
{
	for (uint32_t id = first; id <= last; id++)
		give(id, run);
}

static void expect(struct verify_counts wanted)
{
	struct verify_counts total = verify_total(verify);

	ck_assert_uint_eq(total.received, wanted.received);
	ck_assert_uint_eq(total.lost, wanted.lost);
	ck_assert_uint_eq(total.gaps, wanted.gaps);
	ck_assert_uint_eq(total.late, wanted.late);
	ck_assert_uint_eq(total.resent, wanted.resent);
	ck_assert_uint_eq(total.duplicates, wanted.duplicates);
	ck_assert_uint_eq(total.copies, wanted.copies);
	ck_assert_uint_eq(total.restarts, wanted.restarts);
}

START_TEST(stream_in_order_has_nothing_to_tell)
{
	give_range(1000, 20000, 0);
	expect((struct verify_counts){ .received = 19001 });
}
END_TEST

START_TEST(missing_number_is_lost_until_it_comes)
{
	give(7, 0);
	give(10, 0);
	expect((struct verify_counts){ .received = 2, .lost = 2, .gaps = 1 });
	give(8, 0);
	expect((struct verify_counts){ .received = 3, .lost = 1, .gaps = 1, .late = 1 });
	give(5, 0); /* before the first: what is between them is expected now */
	expect((struct verify_counts){ .received = 4, .lost = 2, .gaps = 1, .late = 2 });
}
END_TEST

START_TEST(copy_is_the_networks_unless_it_is_marked)
{
	give_range(1, 10, 0);
	give(5, 0);
	give_from("h", "192.0.2.1", 6, 0, true);
	expect((struct verify_counts){ .received = 12, .duplicates = 1, .resent = 1, .copies = 1 });
	give(12, 0);
	give_from("h", "192.0.2.1", 11, 0, true); /* the first of its number that comes */
	expect((struct verify_counts){
		.received = 14, .gaps = 1, .duplicates = 1, .resent = 2, .copies = 1 });
	give_range(13, 13 + 2 * VERIFY_WINDOW, 0);
	give_from("h", "192.0.2.1", 7, 0, true); /* too old to be looked up, and no restart */
	expect((struct verify_counts){ .received = 15 + 2 * VERIFY_WINDOW + 1,
				       .gaps = 1,
				       .duplicates = 1,
				       .resent = 3,
				       .copies = 2 });
}
END_TEST

/* After few records and after many; what the new beginning has lost is known. */
START_TEST(restart_is_told_from_copies_and_losses)
{
	give_range(1, 10, 0);
	give_range(1, 5, 1);
	expect((struct verify_counts){ .received = 15, .restarts = 1 });
	give_range(6, 20000, 1);
	give_range(3, 5, 2);
	expect((struct verify_counts){ .received = 20013, .lost = 2, .gaps = 1, .restarts = 2 });
	give(2, 2);
	expect((struct verify_counts){
		.received = 20014, .lost = 1, .gaps = 1, .late = 1, .restarts = 2 });
}
END_TEST

/* The new beginning fills places that nobody had before it comes to one that was seen. */
START_TEST(restart_is_told_by_who_did_not_see_the_beginning)
{
	give_range(500, 600, 0);
	give_range(1, 600, 1);
	expect((struct verify_counts){ .received = 701, .restarts = 1 });
	give_range(601, 700, 1);
	give_range(2, 4, 2);
	give_range(6, 700, 2);
	expect((struct verify_counts){ .received = 1499, .lost = 2, .gaps = 2, .restarts = 2 });
	give(5, 2);
	give(4, 2);
	expect((struct verify_counts){ .received = 1501,
				       .lost = 1,
				       .gaps = 2,
				       .late = 1,
				       .duplicates = 1,
				       .restarts = 2 });
}
END_TEST

/* It ends before it comes to one that was seen. */
START_TEST(short_run_is_told_by_who_did_not_see_the_beginning)
{
	give_range(500, 600, 0);
	give_range(1, 50, 1);
	give(52, 1);
	expect((struct verify_counts){ .received = 152, .lost = 1, .gaps = 1, .restarts = 1 });
}
END_TEST

START_TEST(restart_with_losses_is_told_by_who_did_not_see_the_beginning)
{
	give_range(20, 30, 0);
	give_range(2, 9, 1);
	give_range(12, 25, 1); /* 1, 10 and 11 are missing */
	expect((struct verify_counts){ .received = 33, .lost = 3, .gaps = 1, .restarts = 1 });
	give(10, 1);
	give(7, 1);
	expect((struct verify_counts){
		.received = 35, .lost = 2, .gaps = 1, .late = 1, .duplicates = 1, .restarts = 1 });
}
END_TEST

START_TEST(numbers_begin_again_behind_the_largest)
{
	for (uint32_t i = 0; i < 20000; i++)
		give((SEQUENCE_ID_MAX - 10000 + i - 1) % SEQUENCE_ID_MAX + 1, 0);
	expect((struct verify_counts){ .received = 20000 });
	give(SEQUENCE_ID_MAX, 0); /* 9,999 before: too far */
	ck_assert_uint_eq(verify_total(verify).restarts, 1);
}
END_TEST

START_TEST(window_spans_the_largest_number)
{
	give(SEQUENCE_ID_MAX - 1, 0);
	give(2, 0);
	give(1, 0);
	give(SEQUENCE_ID_MAX, 0);
	give(1, 0);
	give(SEQUENCE_ID_MAX, 0);
	expect((struct verify_counts){ .received = 6, .gaps = 1, .late = 2, .duplicates = 2 });
}
END_TEST

START_TEST(sources_are_told_apart_and_bounded)
{
	const char *host, *sender;
	char name[16];

	give_from("a", "192.0.2.1", 1, 0, false);
	give_from("b", "192.0.2.1", 1, 0, false);
	give_from("a", "192.0.2.2", 1, 0, false);
	give_from("a", "192.0.2.1", 3, 0, false);
	give_from("b", "192.0.2.1", 2, 0, false);
	expect((struct verify_counts){ .received = 5, .lost = 1, .gaps = 1 });
	ck_assert_uint_eq(verify_sources(verify), 3);
	ck_assert_uint_eq(verify_source(verify, 1, &host, &sender).received, 2);
	ck_assert_str_eq(host, "b");
	ck_assert_str_eq(sender, "192.0.2.1");
	for (int i = 3; i < VERIFY_SOURCES_MAX; i++) {
		snprintf(name, sizeof(name), "more-%d", i);
		ck_assert(give_from(name, "192.0.2.1", 1, 0, false));
	}
	ck_assert(!give_from("one-more", "192.0.2.1", 1, 0, false));
	ck_assert_uint_eq(verify_unnumbered(verify), 1);
	ck_assert(give_from("b", "192.0.2.1", 3, 0, false));
}
END_TEST

static const struct {
	const char *datagram;
	uint32_t id; /* 0: none is to be found */
} datagrams[] = {
	{ "<1>1 - h a - - [meta sequenceId=\"7\"]", 7 },
	{ "<1>1 - h a - - [meta sequenceId=\"2147483647\"] x", 2147483647 },
	{ "<1>1 - h a - - [x y=\"\\\"][meta sequenceId=\\\"8\\\"\"][meta sequenceId=\"7\"]", 7 },
	{ "<1>1 - h a - - [x y=\"]\"][meta a=\"\" sequenceId=\"7\" b=\"c\"]", 7 },
	{ "<1>1 - h a - - - [meta sequenceId=\"7\"]", 0 },
	{ "<1>1 - h a - - [x] [meta sequenceId=\"7\"]", 0 },
	{ "<1>1 - h a - - [meta sequenceId=\"0\"]", 0 },
	{ "<1>1 - h a - - [meta sequenceId=\"2147483648\"]", 0 },
	{ "<1>1 - h a - - [meta sequenceId=\"99999999999999999999999999\"]", 0 },
	{ "<1>1 - h a - - [meta sequenceId=\"\"]", 0 },
	{ "<1>1 - h a - - [meta sequenceId=\"7x\"]", 0 },
	{ "<1>1 - h a - - [metA sequenceId=\"7\"]", 0 },
	{ "<1>Nov 22 10:11:12 host app[42]: [meta sequenceId=\"7\"]", 0 },
	{ "", 0 },
};

/* Also every beginning of it, which must not be read beyond. */
START_TEST(only_structured_data_is_believed)
{
	size_t length = strlen(datagrams[_i].datagram);
	struct numbered numbered;

	for (size_t i = 0; i <= length; i++) {
		char *exact = malloc(i + 1);
		bool found;

		memcpy(exact, datagrams[_i].datagram, i);
		found = numbered_parse(span_of_bytes(exact, i), &numbered);
		if (i == length)
			ck_assert_int_eq(found, datagrams[_i].id != 0);
		if (i == length && found)
			ck_assert_uint_eq(numbered.sequence_id, datagrams[_i].id);
		free(exact);
	}
}
END_TEST

START_TEST(digest_is_of_all_but_the_mark)
{
	struct numbered plain, marked, other;

	ck_assert(numbered_parse(
		span_of("<1>1 - h a - - [logfwd@32473 logger=\"a\"][meta sequenceId=\"7\"] x"),
		&plain));
	ck_assert(
		numbered_parse(span_of("<1>1 - h a - - [logfwd@32473 logger=\"a\" resent=\"true\"]"
				       "[meta sequenceId=\"7\"] x"),
			       &marked));
	ck_assert(numbered_parse(
		span_of("<1>1 - h a - - [logfwd@32473 logger=\"a\"][meta sequenceId=\"7\"] y"),
		&other));
	ck_assert(!plain.resent && marked.resent);
	ck_assert_uint_eq(plain.digest, marked.digest);
	ck_assert_uint_ne(plain.digest, other.digest);
	ck_assert(span_equal(marked.host, span_of("h")));
}
END_TEST

/* The model: how often each number of a run has come, and which was the youngest before it. */
#define RUN_RECORDS (5 * VERIFY_WINDOW)
#define DELAY_MAX   (VERIFY_WINDOW / 2)

struct arrival {
	uint32_t when, id;
	bool resent;
};

static int by_time(const void *left, const void *right)
{
	const struct arrival *a = left, *b = right;

	if (a->when != b->when)
		return a->when < b->when ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static uint32_t chance(uint32_t of)
{
	return (uint32_t)random() % of;
}

/* Some are lost, some come twice, some late, some are sent again. */
static size_t make_arrivals(struct arrival *arrivals)
{
	size_t count = 0;

	for (uint32_t id = 1; id <= RUN_RECORDS; id++) {
		uint32_t copies = chance(50) == 0 ? 0 : chance(50) == 0 ? 2 + chance(2) : 1;

		for (uint32_t i = 0; i < copies; i++)
			arrivals[count++] = (struct arrival){
				.when = id + (chance(20) == 0 ? chance(DELAY_MAX) : 0),
				.id = id,
				.resent = i > 0 && chance(2) == 0,
			};
	}
	qsort(arrivals, count, sizeof(*arrivals), by_time);
	return count;
}

/* first: it is not known that the run begins with 1. */
static void model_run(const struct arrival *arrivals, size_t count, bool first,
		      struct verify_counts *model)
{
	static uint8_t seen[RUN_RECORDS + 1];
	uint32_t youngest = first ? arrivals[0].id - 1 : 0, oldest = youngest + 1;
	uint64_t unique = 0;

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < count; i++) {
		const struct arrival *arrival = &arrivals[i];

		model->received++;
		model->resent += arrival->resent;
		if (seen[arrival->id]++ > 0) {
			*(arrival->resent ? &model->copies : &model->duplicates) += 1;
			continue;
		}
		unique++;
		model->gaps += arrival->id > youngest + 1;
		model->late += arrival->id < youngest && !arrival->resent;
		youngest = arrival->id > youngest ? arrival->id : youngest;
		oldest = arrival->id < oldest ? arrival->id : oldest;
	}
	model->lost += youngest - oldest + 1 - unique;
}

START_TEST(counts_are_those_of_the_model)
{
	static struct arrival arrivals[3 * RUN_RECORDS];
	struct verify_counts model = { 0 };

	srandom((unsigned)_i);
	for (unsigned run = 0; run < 6; run++) {
		size_t count = make_arrivals(arrivals);

		model.restarts += run > 0;
		model_run(arrivals, count, run == 0, &model);
		for (size_t i = 0; i < count; i++)
			ck_assert(give_from("h", "192.0.2.1", arrivals[i].id, run,
					    arrivals[i].resent));
		expect(model);
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("verify");
	TCase *stream = tcase_create("stream");
	TCase *parse = tcase_create("parse");

	tcase_add_checked_fixture(stream, setup, teardown);
	tcase_add_test(stream, stream_in_order_has_nothing_to_tell);
	tcase_add_test(stream, missing_number_is_lost_until_it_comes);
	tcase_add_test(stream, copy_is_the_networks_unless_it_is_marked);
	tcase_add_test(stream, restart_is_told_from_copies_and_losses);
	tcase_add_test(stream, restart_is_told_by_who_did_not_see_the_beginning);
	tcase_add_test(stream, short_run_is_told_by_who_did_not_see_the_beginning);
	tcase_add_test(stream, restart_with_losses_is_told_by_who_did_not_see_the_beginning);
	tcase_add_test(stream, numbers_begin_again_behind_the_largest);
	tcase_add_test(stream, window_spans_the_largest_number);
	tcase_add_test(stream, sources_are_told_apart_and_bounded);
	tcase_add_loop_test(stream, counts_are_those_of_the_model, 0, 8);
	tcase_add_loop_test(parse, only_structured_data_is_believed, 0, ARRAY_LEN(datagrams));
	tcase_add_test(parse, digest_is_of_all_but_the_mark);
	suite_add_tcase(suite, stream);
	suite_add_tcase(suite, parse);
	return suite;
}
