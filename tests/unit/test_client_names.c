/* Proves that the level in force for a name is CPython's, from own leases and the daemon's map. */
#include "client/names.h"

#include <check.h>
#include <stdio.h>

#include "support/suite.h"
#include "wire/level.h"

#define MAX_LEASES 4

static struct {
	struct names names;
	struct level_map map;
	struct name *taken[MAX_LEASES];
	struct own_level own[MAX_LEASES];
	size_t leases;
} this;

static void set_up(void)
{
	names_init(&this.names, 42);
}

static void tear_down(void)
{
	while (this.leases > 0) {
		this.leases--;
		name_lease_ends(this.taken[this.leases], &this.own[this.leases]);
		names_give_back(&this.names, this.taken[this.leases]);
	}
	names_deinit(&this.names);
	level_map_clear(&this.map);
}

/* Leases a name, with a level of its own if that is not 0; returns its number. */
static size_t lease(const char *name, uint8_t level)
{
	size_t number = this.leases++;

	ck_assert_int_eq(names_take(&this.names, span_of(name), &this.taken[number]), 0);
	name_lease_begins(this.taken[number]);
	name_set_level(this.taken[number], &this.own[number], level);
	return number;
}

static void learn(const struct level_map_entry *entries, uint32_t count)
{
	uint8_t bytes[1024];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	struct frame_level_map map;

	frame_write_level_map(&writer, LEVEL_MAX + 1, entries, count);
	ck_assert(frame_parse_level_map(span_drop(writer_span(&writer), WIRE_HEADER_BYTES), &map));
	ck_assert_int_eq(level_map_replace(&this.map, &map), 0);
}

static uint8_t effective(const char *wanted)
{
	struct name *name;
	uint8_t level;

	ck_assert_int_eq(names_take(&this.names, span_of(wanted), &name), 0);
	level = names_effective_level(&this.names, &this.map, name);
	names_give_back(&this.names, name);
	return level;
}

START_TEST(names_inherit_from_the_nearest_that_has_a_level)
{
	struct level_map_entry entries[] = {
		{ span_of("root"), LEVEL_MAP_CONFIGURED, LEVEL_INFO },
		{ span_of("app.db"), LEVEL_MAP_CONFIGURED, LEVEL_DEBUG },
		{ span_of("app"), LEVEL_MAP_CONFIGURED, LEVEL_ERROR },
	};

	ck_assert_uint_eq(effective("app.db"), 0);
	learn(entries, ARRAY_LEN(entries));
	ck_assert_uint_eq(effective(""), LEVEL_INFO);
	ck_assert_uint_eq(effective("other"), LEVEL_INFO);
	ck_assert_uint_eq(effective("app"), LEVEL_ERROR);
	ck_assert_uint_eq(effective("app.web.x"), LEVEL_ERROR);
	ck_assert_uint_eq(effective("app.db"), LEVEL_DEBUG);
	ck_assert_uint_eq(effective("app.db.pool"), LEVEL_DEBUG);
	ck_assert_uint_eq(effective("app.dbx"), LEVEL_ERROR);
}
END_TEST

START_TEST(names_own_levels_come_before_the_map_and_newest_first)
{
	struct level_map_entry entries[] = { { span_of("app"), LEVEL_MAP_CONFIGURED,
					       LEVEL_ERROR } };
	size_t first, second;

	learn(entries, ARRAY_LEN(entries));
	first = lease("app", LEVEL_DEBUG);
	second = lease("app", LEVEL_WARNING);
	ck_assert_uint_eq(effective("app.x"), LEVEL_WARNING);
	name_set_level(this.taken[first], &this.own[first], LEVEL_INFO);
	ck_assert_uint_eq(effective("app.x"), LEVEL_INFO);
	name_set_level(this.taken[first], &this.own[first], 0);
	ck_assert_uint_eq(effective("app.x"), LEVEL_WARNING);
	name_set_level(this.taken[second], &this.own[second], 0);
	ck_assert_uint_eq(effective("app.x"), LEVEL_ERROR);
}
END_TEST

/* CPython: the parent of "a..b" is "a." if that is a logger, else the root, never "a". */
START_TEST(names_with_empty_components_have_pythons_parents)
{
	struct level_map_entry entries[] = {
		{ span_of(""), LEVEL_MAP_CONFIGURED, LEVEL_INFO },
		{ span_of("a"), LEVEL_MAP_CONFIGURED, LEVEL_ERROR },
		{ span_of("b."), LEVEL_MAP_CONFIGURED, LEVEL_DEBUG },
		{ span_of("b"), LEVEL_MAP_CONFIGURED, LEVEL_ERROR },
	};

	learn(entries, ARRAY_LEN(entries));
	ck_assert_uint_eq(effective("a..b"), LEVEL_INFO);
	ck_assert_uint_eq(effective("a."), LEVEL_ERROR);
	ck_assert_uint_eq(effective("b..c"), LEVEL_DEBUG);
	lease("a.", 0);
	ck_assert_uint_eq(effective("a..b"), LEVEL_ERROR);
}
END_TEST

START_TEST(names_operators_levels_come_before_all_others)
{
	struct level_map_entry entries[] = {
		{ span_of("app.db"), LEVEL_MAP_CONFIGURED, LEVEL_ERROR },
		{ span_of("app.db"), LEVEL_MAP_OVERRIDE, LEVEL_DEBUG },
		{ span_of("root"), LEVEL_MAP_OVERRIDE, LEVEL_CRITICAL },
	};

	lease("app.db", LEVEL_INFO);
	lease("app.db.x", LEVEL_WARNING);
	learn(entries, ARRAY_LEN(entries));
	ck_assert_uint_eq(effective("app.db"), LEVEL_DEBUG);
	ck_assert_uint_eq(effective("app.db.y"), LEVEL_DEBUG);
	ck_assert_uint_eq(effective("app.db.x"), LEVEL_WARNING); /* nearer */
	ck_assert_uint_eq(effective("other"), LEVEL_CRITICAL);
	learn(NULL, 0);
	ck_assert_uint_eq(effective("app.db"), LEVEL_INFO);
}
END_TEST

START_TEST(names_longest_prefix_counts_but_not_before_an_exact_level)
{
	struct level_map_entry entries[] = {
		{ span_of("Conn"), LEVEL_MAP_OVERRIDE_PREFIX, LEVEL_INFO },
		{ span_of("Connection.1"), LEVEL_MAP_OVERRIDE_PREFIX, LEVEL_DEBUG },
		{ span_of("Connection.12"), LEVEL_MAP_OVERRIDE, LEVEL_ERROR },
		{ span_of("root"), LEVEL_MAP_OVERRIDE_PREFIX, LEVEL_WARNING },
	};

	lease("Connection.17", LEVEL_CRITICAL);
	learn(entries, ARRAY_LEN(entries));
	ck_assert_uint_eq(effective("Con"), 0);
	ck_assert_uint_eq(effective("Conn"), LEVEL_INFO);
	ck_assert_uint_eq(effective("Connection.2"), LEVEL_INFO);
	ck_assert_uint_eq(effective("Connection.17"), LEVEL_DEBUG);
	ck_assert_uint_eq(effective("Connection.12"), LEVEL_ERROR);
	ck_assert_uint_eq(effective("rootless"), LEVEL_WARNING);
	ck_assert_uint_eq(effective(""), 0); /* the root is named "", and not begun by "root" */
}
END_TEST

START_TEST(names_all_begin_with_the_empty_prefix)
{
	struct level_map_entry entries[] = {
		{ span_of(""), LEVEL_MAP_OVERRIDE_PREFIX, LEVEL_DEBUG },
		{ span_of("a"), LEVEL_MAP_CONFIGURED, LEVEL_ERROR },
	};

	learn(entries, ARRAY_LEN(entries));
	ck_assert_uint_eq(effective(""), LEVEL_DEBUG);
	ck_assert_uint_eq(effective("a"), LEVEL_DEBUG);
	learn(entries + 1, 1);
	ck_assert_uint_eq(effective(""), 0); /* nothing of the prefix is left */
	ck_assert_uint_eq(effective("a"), LEVEL_ERROR);
}
END_TEST

START_TEST(level_map_keeps_kinds_of_one_name_apart)
{
	struct level_map_entry entries[] = {
		{ span_of("a"), LEVEL_MAP_RECORDER, 1 },
		{ span_of("a"), LEVEL_MAP_OVERRIDE_PREFIX, 33 },
		{ span_of("a"), LEVEL_MAP_OVERRIDE, 22 },
		{ span_of("a"), LEVEL_MAP_CONFIGURED, 11 },
		{ span_of("b"), LEVEL_MAP_RECORDER, 0 },
		{ span_of("c"), LEVEL_MAP_OVERRIDE_PREFIX, 44 },
	};

	learn(entries, ARRAY_LEN(entries));
	ck_assert_uint_eq(level_map_find(&this.map, span_of("a"), LEVEL_MAP_CONFIGURED), 11);
	ck_assert_uint_eq(level_map_override(&this.map, span_of("a")), 22);
	ck_assert_uint_eq(level_map_override(&this.map, span_of("ab")), 33);
	ck_assert_int_eq(level_map_recorder(&this.map, span_of("a")), 1);
	ck_assert_int_eq(level_map_recorder(&this.map, span_of("b")), 0);
	ck_assert_int_eq(level_map_recorder(&this.map, span_of("c")), -1);
	ck_assert(level_map_names(&this.map, span_of("b")));
	ck_assert(!level_map_names(&this.map, span_of("c"))); /* a prefix names nobody */
}
END_TEST

START_TEST(level_map_is_always_whole)
{
	struct level_map_entry first[] = { { span_of("a"), LEVEL_MAP_CONFIGURED, 11 },
					   { span_of("b"), LEVEL_MAP_CONFIGURED, 22 } };
	struct level_map_entry second[] = { { span_of("b"), LEVEL_MAP_CONFIGURED, 33 } };

	ck_assert(!this.map.known);
	learn(first, ARRAY_LEN(first));
	ck_assert(this.map.known);
	ck_assert_uint_eq(level_map_find(&this.map, span_of("a"), LEVEL_MAP_CONFIGURED), 11);
	learn(second, ARRAY_LEN(second));
	ck_assert_uint_eq(level_map_find(&this.map, span_of("a"), LEVEL_MAP_CONFIGURED), 0);
	ck_assert_uint_eq(level_map_find(&this.map, span_of("b"), LEVEL_MAP_CONFIGURED), 33);
	learn(NULL, 0);
	ck_assert_uint_eq(level_map_find(&this.map, span_of("b"), LEVEL_MAP_CONFIGURED), 0);
}
END_TEST

START_TEST(names_are_shared_and_found_among_many)
{
	struct name *names[500];
	struct name *again;
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(text, sizeof(text), "Connection.%zu", i);
		ck_assert_int_eq(names_take(&this.names, span_of(text), &names[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(text, sizeof(text), "Connection.%zu", i);
		ck_assert_int_eq(names_take(&this.names, span_of(text), &again), 0);
		ck_assert_ptr_eq(again, names[i]);
		names_give_back(&this.names, again);
		names_give_back(&this.names, names[i]);
	}
	ck_assert_uint_eq(this.names.count, 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_names");
	TCase *levels = tcase_create("levels");

	tcase_add_checked_fixture(levels, set_up, tear_down);
	tcase_add_test(levels, names_inherit_from_the_nearest_that_has_a_level);
	tcase_add_test(levels, names_own_levels_come_before_the_map_and_newest_first);
	tcase_add_test(levels, names_with_empty_components_have_pythons_parents);
	tcase_add_test(levels, names_operators_levels_come_before_all_others);
	tcase_add_test(levels, names_longest_prefix_counts_but_not_before_an_exact_level);
	tcase_add_test(levels, names_all_begin_with_the_empty_prefix);
	tcase_add_test(levels, level_map_keeps_kinds_of_one_name_apart);
	tcase_add_test(levels, level_map_is_always_whole);
	tcase_add_test(levels, names_are_shared_and_found_among_many);
	suite_add_tcase(suite, levels);
	return suite;
}
