/*
 * Proves that the branch of the logger tree with most of some records is found in bounded memory,
 * and that its count keeps the bounds that it promises beside an exact count of every name.
 */
#include "output/prefixes.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/suite.h"

static struct prefixes prefixes;
static uint64_t records;

static void setup(void)
{
	prefixes = (struct prefixes){ 0 };
	records = 0;
}

static void add(const char *logger, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		prefixes_add(&prefixes, span_of(logger));
	records += times;
}

static void expect(const char *name, uint64_t count)
{
	struct span found;

	ck_assert_uint_eq(prefixes_most(&prefixes, records, &found), count);
	ck_assert_msg(span_equal(found, span_of(name)), "%.*s", (int)found.len, found.ptr);
}

START_TEST(nothing_has_no_prefix)
{
	expect("", 0);
}
END_TEST

START_TEST(longest_prefix_with_half_of_all_is_named)
{
	add("app.db.pool.7", 5);
	expect("app.db.pool", 5);
	add("app.db.query", 4);
	add("app.db", 1);
	expect("app.db.pool", 5); /* half is enough */
	add("app.db.query", 2);
	expect("app.db.query", 6);
	add("app.db", 2);
	expect("app.db", 14);
	add("app.web", 14);
	add("other", 27);
	expect("app", 28);
	add("third", 60);
	expect("third", 60);
}
END_TEST

START_TEST(without_a_half_the_largest_component_is_named)
{
	add("a.x", 3);
	add("b.x", 4);
	add("c.x", 3);
	expect("b", 4);
}
END_TEST

/* A logger for each connection: none of them stands out, what they have in common does. */
START_TEST(many_names_below_one_are_that_one)
{
	char name[32];

	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "Connection.%d", i);
		add(name, 1);
	}
	expect("Connection", 100000);
}
END_TEST

START_TEST(odd_names_have_a_place)
{
	static char longest[256];

	add("", 3);
	expect("root", 3);
	setup();
	add(".a", 2); /* its first component is empty, and counted as such */
	setup();
	memset(longest, 'x', sizeof(longest) - 1);
	add(longest, 2);
	longest[PREFIX_BYTES] = '\0';
	expect(longest, 2);
}
END_TEST

#define NAMES 40

/* Names as uneven as those of programs, in random order, against exact counts. */
START_TEST(counts_keep_their_bounds)
{
	uint64_t exact[NAMES] = { 0 };
	char name[16];

	srandom((unsigned)_i);
	for (int i = 0; i < 20000; i++) {
		long which = random() % NAMES;

		which = random() % 3 == 0 ? which : which % (1 + random() % 4);
		snprintf(name, sizeof(name), "n%ld", which);
		add(name, 1);
		exact[which]++;
	}
	for (int i = 0; i < NAMES; i++) {
		uint64_t counted = 0;

		snprintf(name, sizeof(name), "n%d", i);
		for (size_t k = 0; k < PREFIXES_COUNTERS; k++) {
			const struct prefix_count *counter = &prefixes.counters[0][k];

			if (span_equal(span_of_bytes(counter->name, counter->length),
				       span_of(name)))
				counted += counter->records;
		}
		ck_assert_uint_le(counted, exact[i]);
		ck_assert_uint_le(exact[i] - counted, records / (PREFIXES_COUNTERS + 1));
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("prefixes");
	TCase *most = tcase_create("most");

	tcase_add_checked_fixture(most, setup, NULL);
	tcase_add_test(most, nothing_has_no_prefix);
	tcase_add_test(most, longest_prefix_with_half_of_all_is_named);
	tcase_add_test(most, without_a_half_the_largest_component_is_named);
	tcase_add_test(most, many_names_below_one_are_that_one);
	tcase_add_test(most, odd_names_have_a_place);
	tcase_add_loop_test(most, counts_keep_their_bounds, 0, 20);
	suite_add_tcase(suite, most);
	return suite;
}
