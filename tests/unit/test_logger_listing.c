/*
 * Proves that loggers are listed by pattern, that thousands of siblings are rows of sums, and that
 * a listing of many comes in bounded slices, in which each logger that lives throughout is found
 * once while others come and go.
 */
#include "logger_listing.h"

#include <check.h>
#include <stdio.h>

#include "support/suite.h"

#define MANY	   20000
#define SLICE_MOST 400 /* rows; 256, and what one more step of the walk finds */

static struct tree *tree;
static struct lease *leases[MANY];

static void setup(void)
{
	static const uint8_t key[16] = { 1 };

	tree = tree_new(key);
	ck_assert_ptr_nonnull(tree);
}

static void teardown(void)
{
	tree_free(tree);
}

static void open_one(size_t index, const char *name)
{
	ck_assert_int_eq(tree_open(tree, span_of(name), &tree, &leases[index]), 0);
}

static void open_many(const char *parent, size_t first, size_t end)
{
	char name[64];

	for (size_t i = first; i < end; i++) {
		snprintf(name, sizeof(name), "%s.%zu", parent, i);
		open_one(i, name);
	}
}

static void close_many(size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		tree_close(tree, leases[i], LEASE_RELEASED);
}

/* What the slices of a listing are together. */
struct listed {
	json_t *loggers; /* array */
	json_int_t folds, count, leases;
	size_t slices;
};

typedef void slice_function(size_t slice);

/* Lists to the end; between: called after each slice but the last. */
static struct listed list(const char *pattern, bool all, slice_function *between)
{
	struct listed listed = { .loggers = json_array() };
	enum control_pace pace = CONTROL_AGAIN;
	struct control_stream stream;
	size_t i;

	ck_assert_int_eq(logger_listing(tree, pattern, all, &stream), 0);
	ck_assert(!stream.endless);
	while (pace == CONTROL_AGAIN) {
		json_t *slice = stream.next(stream.state, &pace), *row;

		ck_assert_uint_le(json_array_size(json_object_get(slice, "loggers")), SLICE_MOST);
		json_array_extend(listed.loggers, json_object_get(slice, "loggers"));
		json_array_foreach(json_object_get(slice, "folded"), i, row)
		{
			listed.folds++;
			listed.count += json_integer_value(json_object_get(row, "count"));
			listed.leases += json_integer_value(json_object_get(row, "leases"));
		}
		json_decref(slice);
		if (pace == CONTROL_AGAIN && between != NULL)
			between(listed.slices);
		listed.slices++;
	}
	ck_assert_int_eq(pace, CONTROL_LAST);
	stream.end(stream.state);
	return listed;
}

START_TEST(loggers_are_listed_by_pattern)
{
	static const struct {
		const char *pattern;
		size_t rows;
	} cases[] = {
		{ NULL, 4 }, { "", 1 },	   { "root", 1 }, { "a", 1 },
		{ "a*", 3 }, { "a.*", 2 }, { "b", 0 },	  { "*", 4 },
	};

	open_one(0, "a");
	open_one(1, "a.b");
	open_one(2, "a.\xff");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct listed listed = list(cases[i].pattern, false, NULL);

		ck_assert_uint_eq(json_array_size(listed.loggers), cases[i].rows);
		json_decref(listed.loggers);
	}
	close_many(0, 3);
}
END_TEST

START_TEST(pattern_may_be_as_long_as_a_name)
{
	char text[LOGGER_NAME_MAX + 2];
	struct listed listed;

	memset(text, 'n', LOGGER_NAME_MAX);
	strcpy(text + LOGGER_NAME_MAX, "");
	open_one(0, text);
	for (int with_star = 0; with_star <= 1; with_star++) {
		strcpy(text + LOGGER_NAME_MAX, with_star ? "*" : "");
		listed = list(text, false, NULL);
		ck_assert_uint_eq(json_array_size(listed.loggers), 1);
		json_decref(listed.loggers);
	}
	close_many(0, 1);
}
END_TEST

START_TEST(siblings_are_sums_unless_asked_for)
{
	struct listed listed;

	open_many("Connection", 0, MANY);
	listed = list(NULL, false, NULL);
	ck_assert_uint_eq(json_array_size(listed.loggers), 1); /* the root */
	ck_assert_int_ge(listed.folds, 1);
	ck_assert_int_le(listed.folds, (json_int_t)listed.slices);
	ck_assert_int_eq(listed.count, MANY);
	ck_assert_int_eq(listed.leases, MANY);
	json_decref(listed.loggers);
	listed = list(NULL, true, NULL);
	/* the root, the placeholder and all of them */
	ck_assert_uint_eq(json_array_size(listed.loggers), MANY + 2);
	ck_assert_uint_ge(listed.slices, MANY / SLICE_MOST);
	json_decref(listed.loggers);
	close_many(0, MANY);
}
END_TEST

START_TEST(who_is_named_is_no_mere_sibling)
{
	const struct level_override loud = {
		.name = span_of("Connection.17"),
		.level = 10,
		.until_ms = OVERRIDE_FOR_EVER,
	};
	const struct logger_options configured = { .name = "Connection.18", .propagate = true };
	const struct tree_options options = { .loggers = &configured, .n_loggers = 1 };
	static const struct {
		const char *pattern;
		size_t rows;
		json_int_t folded;
	} cases[] = {
		{ NULL, 3, 98 },
		{ "Connection.*", 2, 98 },
		{ "Connection.1*", 2, 9 },
		{ "Connection.5", 1, 0 },
		{ "Connection.17", 1, 0 },
		{ "Connection", 1, 0 },
		{ "Connection.500", 0, 0 },
	};
	struct tree_generation *generation;

	open_many("Connection", 0, 100);
	ck_assert_int_eq(tree_set_override(tree, &loud), 0);
	ck_assert_int_eq(tree_prepare(tree, &options, &generation), 0);
	tree_commit(tree, generation);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct listed listed = list(cases[i].pattern, false, NULL);

		ck_assert_uint_eq(json_array_size(listed.loggers), cases[i].rows);
		ck_assert_int_eq(listed.count, cases[i].folded);
		json_decref(listed.loggers);
	}
	close_many(0, 100);
}
END_TEST

#define STAY (MANY / 2)

/* Some that are there go, others come; all below names of their own. */
static void come_and_go(size_t slice)
{
	const size_t first = STAY + slice * 100;

	if (first + 100 > MANY)
		return;
	close_many(first, first + 100);
	open_many("later", first, first + 100);
}

START_TEST(who_stays_is_listed_once_while_others_come_and_go)
{
	struct listed listed;
	json_t *logger, *seen = json_object();
	size_t stayed = 0, i;

	open_many("stays", 0, STAY);
	open_many("goes", STAY, MANY);
	listed = list(NULL, true, come_and_go);
	json_array_foreach(listed.loggers, i, logger)
	{
		const char *name = json_string_value(json_object_get(logger, "name"));

		ck_assert_msg(json_object_get(seen, name) == NULL, "%s is there twice", name);
		json_object_set_new(seen, name, json_true());
		stayed += strncmp(name, "stays.", 6) == 0;
	}
	ck_assert_uint_eq(stayed, STAY);
	json_decref(listed.loggers);
	json_decref(seen);
	close_many(0, MANY);
}
END_TEST

START_TEST(stream_can_end_before_its_end)
{
	enum control_pace pace;
	struct control_stream stream;

	open_many("Connection", 0, MANY);
	ck_assert_int_eq(logger_listing(tree, NULL, true, &stream), 0);
	json_decref(stream.next(stream.state, &pace));
	ck_assert_int_eq(pace, CONTROL_AGAIN);
	stream.end(stream.state);
	close_many(0, MANY);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("logger_listing");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, loggers_are_listed_by_pattern);
	tcase_add_test(all, pattern_may_be_as_long_as_a_name);
	tcase_add_test(all, siblings_are_sums_unless_asked_for);
	tcase_add_test(all, who_is_named_is_no_mere_sibling);
	tcase_add_test(all, who_stays_is_listed_once_while_others_come_and_go);
	tcase_add_test(all, stream_can_end_before_its_end);
	suite_add_tcase(suite, all);
	return suite;
}
