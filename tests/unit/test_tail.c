/*
 * Proves what a tail shows: the records of the loggers and levels that were asked for, with the
 * fate that they had, a stranger only his own, in bounded slices; and that records which found no
 * room, and tails that found none, are counted.
 */
#include "tail.h"

#include <stdio.h>

#include "support/forward_fixture.h"
#include "support/suite.h"

#define SLICE_MOST 256

static struct tails *tails;
static const struct control_caller operator= { .is_operator = true };
static const struct control_caller stranger = { .uid = 1000 };

static void setup(void)
{
	forward_setup();
	tails = tails_new(forward);
	ck_assert_ptr_nonnull(tails);
}

static void teardown(void)
{
	tails_free(tails);
	forward_teardown();
}

static struct control_stream open_tail(const struct control_caller *caller, struct tail_wish wish)
{
	struct control_stream stream;

	ck_assert_int_eq(tails_open(tails, caller, &wish, &stream), 0);
	ck_assert(stream.endless);
	return stream;
}

/* The next slice, owned; NULL when there is nothing to say. */
static json_t *next(const struct control_stream *stream)
{
	enum control_pace pace = CONTROL_LAST;
	json_t *slice = stream->next(stream->state, &pace);

	ck_assert_int_eq(pace, CONTROL_LATER);
	return slice;
}

/* The entries of the next slice, in words: "app/accepted:text app/filtered:other". */
static const char *shown(const struct control_stream *stream)
{
	static char words[1024];
	json_t *slice = next(stream), *entry;
	size_t length = 0, i;

	words[0] = '\0';
	json_array_foreach(json_object_get(slice, "records"), i, entry)
	{
		const char *blank = i == 0 ? "" : " ";
		const json_t *missed = json_object_get(entry, "not_shown");

		if (missed != NULL)
			length += (size_t)snprintf(words + length, sizeof(words) - length, "%s-%d-",
						   blank, (int)json_integer_value(missed));
		else
			length += (size_t)
				snprintf(words + length, sizeof(words) - length, "%s%s/%s:%s",
					 blank, json_string_value(json_object_get(entry, "logger")),
					 json_string_value(json_object_get(entry, "fate")),
					 json_string_value(json_object_get(entry, "text")));
		ck_assert_uint_lt(length, sizeof(words));
	}
	json_decref(slice);
	return words;
}

START_TEST(first_slice_comes_at_once_and_says_whose_records)
{
	struct control_stream all = open_tail(&operator,(struct tail_wish){ 0 });
	struct control_stream own = open_tail(&stranger, (struct tail_wish){ 0 });
	json_t *slice = next(&all);

	ck_assert(json_is_null(json_object_get(slice, "only_uid")));
	json_decref(slice);
	slice = next(&own);
	ck_assert_int_eq(json_integer_value(json_object_get(slice, "only_uid")), 1000);
	json_decref(slice);
	ck_assert_ptr_null(next(&all));
	ck_assert_ptr_null(next(&own));
	all.end(all.state);
	own.end(own.state);
}
END_TEST

/* Gives one record of each fate: the fixture's root is info, app is debug, mute has no handler. */
static void give_one_of_each_fate(void)
{
	give_text("other", 20, "one");
	give_text("other", 19, "two");
	give_text("app.x", 10, "three");
	give_text("mute", 50, "four");
}

static const struct {
	struct tail_wish wish;
	const char *shown;
} wishes[] = {
	{ { 0 }, "other/accepted:one app.x/accepted:three mute/no_handler:four" },
	{ { .all = true },
	  "other/accepted:one other/filtered:two app.x/accepted:three "
	  "mute/no_handler:four" },
	{ { .level = 20 }, "other/accepted:one mute/no_handler:four" },
	{ { .level = 51, .all = true }, "" },
	{ { .pattern = "app.x" }, "app.x/accepted:three" },
	{ { .pattern = "app" }, "" },
	{ { .pattern = "app*" }, "app.x/accepted:three" },
	{ { .pattern = "m*", .level = 50 }, "mute/no_handler:four" },
	{ { .pattern = "root" }, "" },
};

START_TEST(tail_shows_what_was_asked_for)
{
	struct control_stream stream = open_tail(&operator, wishes[_i].wish);

	give_one_of_each_fate();
	ck_assert_str_eq(shown(&stream), wishes[_i].shown);
	stream.end(stream.state);
}
END_TEST

START_TEST(tail_shows_rate_limited_and_own_records)
{
	struct control_stream stream = open_tail(&operator,(struct tail_wish){ 0 });

	handlers[0].rate_limit = 1;
	handlers[0].rate_burst = 1;
	take_config();
	give_text("other", 20, "passes");
	give_text("other", 20, "is suppressed");
	forward_own_record(forward, span_of("mute.logfwd"), 25, span_of("own"));
	forward_own_record(forward, span_of("app"), 25, span_of("own"));
	ck_assert_str_eq(shown(&stream), "other/accepted:passes other/rate_limited:is suppressed "
					 "mute.logfwd/no_handler:own app/accepted:own");
	stream.end(stream.state);
}
END_TEST

static void give_as(uid_t uid, pid_t pid, const char *text)
{
	const struct record record = {
		.logger = span_of("other"),
		.app = span_of("a\xff"),
		.pid = pid,
		.uid = uid,
		.time_us = INT64_C(1700000000123456),
		.level = 20,
		.text = span_of(text),
		.original_length = strlen(text),
	};

	ops.record(ops.arg, &record);
	ops.flush(ops.arg);
}

START_TEST(stranger_sees_records_of_his_own_user_only)
{
	struct control_stream own = open_tail(&stranger, (struct tail_wish){ .all = true });
	struct control_stream all = open_tail(&operator,(struct tail_wish){ 0 });

	give_as(0, 1, "root's");
	give_as(1000, 2, "his");
	give_as((uid_t)-1, 0, "nobody knows whose");
	ck_assert_str_eq(shown(&own), "other/accepted:his");
	ck_assert_str_eq(shown(&all), "other/accepted:root's other/accepted:his "
				      "other/accepted:nobody knows whose");
	own.end(own.state);
	all.end(all.state);
}
END_TEST

static json_t *only_record(const struct control_stream *stream)
{
	json_t *slice = next(stream);
	json_t *record = json_incref(json_array_get(json_object_get(slice, "records"), 0));

	ck_assert_uint_eq(json_array_size(json_object_get(slice, "records")), 1);
	json_decref(slice);
	return record;
}

START_TEST(record_is_shown_whole)
{
	struct control_stream stream = open_tail(&operator,(struct tail_wish){ 0 });
	json_t *record, *expected;

	give_as(0, 0, "line\nbreak \xff");
	record = only_record(&stream);
	expected =
		json_pack("{s:s, s:s, s:i, s:s, s:n, s:i, s:s, s:s}", "time",
			  "2023-11-14T22:13:20.123456Z", "logger", "other", "level", 20, "app",
			  "a?", "pid", "uid", 0, "text", "line#012break #377", "fate", "accepted");
	ck_assert(json_equal(record, expected));
	json_decref(record);
	json_decref(expected);
	stream.end(stream.state);
}
END_TEST

START_TEST(long_texts_are_cut_and_say_so)
{
	static char text[TAIL_TEXT_BYTES + 2];
	struct control_stream stream = open_tail(&operator,(struct tail_wish){ 0 });
	json_t *record;

	memset(text, 'x', sizeof(text) - 1);
	strcpy(text + sizeof(text) - 3, "\xc3\xa4"); /* would be cut in two */
	give_as(0, 0, text);
	record = only_record(&stream);
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(record, "text"))),
			  TAIL_TEXT_BYTES - 1);
	ck_assert_int_eq(json_integer_value(json_object_get(record, "length")), sizeof(text) - 1);
	json_decref(record);
	stream.end(stream.state);
}
END_TEST

/* A reader that stands still: the ring fills, the rest is counted, and all of it is told. */
START_TEST(what_is_not_read_is_counted)
{
	enum { MANY = 100000 };
	struct control_stream stream = open_tail(&operator,(struct tail_wish){ 0 });
	struct tail_counts counts;
	uint64_t told = 0;
	json_t *slice;

	for (size_t i = 0; i < MANY; i++)
		give_as(0, 1, "text");
	counts = tails_counts(tails);
	ck_assert_uint_eq(counts.live, 1);
	ck_assert_uint_eq(counts.shown, 0);
	ck_assert_uint_gt(counts.not_shown, MANY / 2);
	while ((slice = next(&stream)) != NULL) {
		json_t *records = json_object_get(slice, "records"), *entry;
		size_t i;

		ck_assert_uint_le(json_array_size(records), SLICE_MOST + 1);
		json_array_foreach(records, i, entry) told +=
			(uint64_t)json_integer_value(json_object_get(entry, "not_shown"));
		json_decref(slice);
	}
	counts = tails_counts(tails);
	ck_assert_uint_eq(told, counts.not_shown);
	ck_assert_uint_eq(counts.shown + counts.not_shown, MANY);
	give_as(0, 1, "after");
	ck_assert_str_eq(shown(&stream), "other/accepted:after");
	stream.end(stream.state);
}
END_TEST

START_TEST(tail_that_ends_leaves_nothing)
{
	struct control_stream stream = open_tail(&operator,(struct tail_wish){ 0 });
	struct control_stream other = open_tail(&operator,(struct tail_wish){ 0 });

	give_text("other", 20, "one");
	stream.end(stream.state);
	ck_assert_uint_eq(tails_counts(tails).live, 1);
	ck_assert_uint_eq(tails_counts(tails).not_shown, 1);
	give_text("other", 20, "two");
	ck_assert_str_eq(shown(&other), "other/accepted:one other/accepted:two");
	other.end(other.state);
	give_text("other", 20, "three");
	ck_assert_uint_eq(tails_counts(tails).live, 0);
	ck_assert_uint_eq(tails_counts(tails).shown, 2);
}
END_TEST

START_TEST(tails_are_bounded_and_strangers_leave_room)
{
	struct control_stream open[TAILS_MAX], refused;
	struct tail_wish wish = { 0 };
	size_t count = 0;

	while (tails_open(tails, &stranger, &wish, &open[count]) == 0)
		count++;
	ck_assert_uint_eq(count, TAILS_STRANGERS_MAX);
	while (count < TAILS_MAX)
		open[count++] = open_tail(&operator, wish);
	ck_assert_int_eq(tails_open(tails, &operator, & wish, &refused), -EBUSY);
	ck_assert_uint_eq(tails_counts(tails).refused, 2);
	open[0].end(open[0].state);
	open[0] = open_tail(&operator, wish);
	while (count > 0) {
		count--;
		open[count].end(open[count].state);
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("tail");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, first_slice_comes_at_once_and_says_whose_records);
	tcase_add_loop_test(all, tail_shows_what_was_asked_for, 0, ARRAY_LEN(wishes));
	tcase_add_test(all, tail_shows_rate_limited_and_own_records);
	tcase_add_test(all, stranger_sees_records_of_his_own_user_only);
	tcase_add_test(all, record_is_shown_whole);
	tcase_add_test(all, long_texts_are_cut_and_say_so);
	tcase_add_test(all, what_is_not_read_is_counted);
	tcase_add_test(all, tail_that_ends_leaves_nothing);
	tcase_add_test(all, tails_are_bounded_and_strangers_leave_room);
	suite_add_tcase(suite, all);
	return suite;
}
