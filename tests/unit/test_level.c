/* Proves the table of levels: every name and alias, and the severity of every number. */
#include "wire/level.h"

#include <stdio.h>

#include "support/suite.h"

static const struct {
	const char *names[4]; /* the name first, then its aliases */
	uint8_t level;
	uint8_t severity;
	uint8_t from; /* lowest level of the range that ends at level */
} table[] = {
	{ { "trace" }, 5, 7, 1 },
	{ { "debug" }, 10, 7, 6 },
	{ { "info" }, 20, 6, 11 },
	{ { "notice" }, 25, 5, 21 },
	{ { "warning", "warn" }, 30, 4, 26 },
	{ { "error", "err" }, 40, 3, 31 },
	{ { "critical", "crit", "fatal" }, 50, 2, 41 },
	{ { "alert" }, 60, 1, 51 },
	{ { "emergency", "emerg", "panic" }, 70, 0, 61 },
};

START_TEST(level_names_and_aliases_are_read_in_any_case)
{
	for (size_t i = 0; table[_i].names[i] != NULL; i++) {
		char name[16];
		uint8_t level = 0;

		snprintf(name, sizeof(name), "%s", table[_i].names[i]);
		ck_assert(level_parse(span_of(name), &level));
		ck_assert_uint_eq(level, table[_i].level);
		for (char *letter = name; *letter != '\0'; letter += 2)
			*letter = (char)(*letter - 'a' + 'A');
		level = 0;
		ck_assert(level_parse(span_of(name), &level));
		ck_assert_uint_eq(level, table[_i].level);
	}
	ck_assert_str_eq(level_name(table[_i].level), table[_i].names[0]);
	ck_assert_uint_eq(level_of_severity(table[_i].severity),
			  table[_i].level == LEVEL_TRACE ? LEVEL_DEBUG : table[_i].level);
}
END_TEST

START_TEST(level_numbers_map_to_the_named_one_above)
{
	uint8_t level = (uint8_t)_i;
	size_t row = 0;

	while (row + 1 < ARRAY_LEN(table) && level > table[row].level)
		row++;
	if (level <= LEVEL_EMERGENCY)
		ck_assert_uint_ge(level, table[row].from);
	ck_assert_uint_eq(level_severity(level), table[row].severity);
	ck_assert_str_eq(level_name_above(level), table[row].names[0]);
	if (level != table[row].level)
		ck_assert_ptr_null(level_name(level));
}
END_TEST

START_TEST(level_numbers_are_read)
{
	char text[8];
	uint8_t level = 0xff;

	snprintf(text, sizeof(text), "%d", _i);
	ck_assert(level_parse(span_of(text), &level));
	ck_assert_uint_eq(level, _i);
}
END_TEST

START_TEST(level_notset_is_zero)
{
	uint8_t level = 0xff;

	ck_assert(level_parse(span_of("NotSet"), &level));
	ck_assert_uint_eq(level, LEVEL_NOTSET);
	ck_assert_str_eq(level_name(LEVEL_NOTSET), "notset");
	ck_assert_str_eq(level_name_above(LEVEL_NOTSET), "notset");
}
END_TEST

static const char *const refused[] = {
	"",	"101",	 "1000",   "-1",       "+1",  " 10",	 "10 ",	 "1e1",
	"0x10", "infos", "warnin", "warnings", "nul", "debug\n", "emer", "99999999999999999999",
};

START_TEST(level_parse_refuses)
{
	uint8_t level = 0xab;

	ck_assert(!level_parse(span_of(refused[_i]), &level));
	ck_assert_uint_eq(level, 0xab);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("level");
	TCase *names = tcase_create("names");
	TCase *numbers = tcase_create("numbers");

	tcase_add_loop_test(names, level_names_and_aliases_are_read_in_any_case, 0,
			    ARRAY_LEN(table));
	tcase_add_test(names, level_notset_is_zero);
	tcase_add_loop_test(names, level_parse_refuses, 0, ARRAY_LEN(refused));
	suite_add_tcase(suite, names);
	tcase_add_loop_test(numbers, level_numbers_are_read, 0, LEVEL_MAX + 1);
	tcase_add_loop_test(numbers, level_numbers_map_to_the_named_one_above, 1, LEVEL_MAX + 1);
	suite_add_tcase(suite, numbers);
	return suite;
}
