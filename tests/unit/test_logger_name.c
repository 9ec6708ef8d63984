/* Proves that names are bounded, and that a logger's ancestors are those that CPython asks for. */
#include "wire/logger_name.h"

#include "support/suite.h"

static const struct {
	const char *name;
	const char *ancestors; /* nearest first, '|' between; as Manager._fixupParents() of 3.11 */
} paths[] = {
	{ "", "" },	      { "a", "" },
	{ "a.b.c", "a.b|a" }, { "a..b", "a." },
	{ "a...b", "a..|a" }, { "a....b", "a...|a." },
	{ ".a", "" },	      { "a.", "a" },
	{ ".", "" },	      { "..", "." },
	{ "...", ".." },      { "....", "...|." },
	{ ".a.b", ".a" },     { "a.b..c", "a.b.|a" },
	{ "..a", "." },	      { "root.x", "root" },
};

START_TEST(logger_name_ancestor_is_pythons)
{
	struct span name = span_of(paths[_i].name);
	char found[64] = "";
	size_t length = name.len;

	while ((length = logger_name_ancestor(name, length)) > 0) {
		if (found[0] != '\0')
			strcat(found, "|");
		strncat(found, paths[_i].name, length);
	}
	ck_assert_str_eq(found, paths[_i].ancestors);
}
END_TEST

/* Names of one repeated piece. */
static const struct {
	const char *piece;
	size_t times;
	enum logger_name_error error;
} bounds[] = {
	{ "", 0, LOGGER_NAME_OK },
	{ "x", LOGGER_NAME_MAX, LOGGER_NAME_OK },
	{ "x", LOGGER_NAME_MAX + 1, LOGGER_NAME_TOO_LONG },
	{ ".", LOGGER_NAME_DEPTH_MAX - 1, LOGGER_NAME_OK },
	{ ".", LOGGER_NAME_DEPTH_MAX, LOGGER_NAME_TOO_DEEP },
	{ "x.", LOGGER_NAME_DEPTH_MAX - 1, LOGGER_NAME_OK },
	{ "x.", LOGGER_NAME_DEPTH_MAX, LOGGER_NAME_TOO_DEEP },
	{ "\xff\n \x01", 4, LOGGER_NAME_OK }, /* any byte but NUL */
};

START_TEST(logger_name_check_bounds_length_and_depth)
{
	char name[2 * LOGGER_NAME_MAX] = "";

	for (size_t i = 0; i < bounds[_i].times; i++)
		strcat(name, bounds[_i].piece);
	ck_assert_int_eq(logger_name_check(span_of(name)), bounds[_i].error);
}
END_TEST

START_TEST(logger_name_check_refuses_nul)
{
	for (size_t at = 0; at < 3; at++) {
		char name[3] = { 'a', 'b', 'c' };

		name[at] = '\0';
		ck_assert_int_eq(logger_name_check(span_of_bytes(name, 3)), LOGGER_NAME_HAS_NUL);
	}
}
END_TEST

START_TEST(logger_name_errors_name_the_bound)
{
	ck_assert_ptr_nonnull(strstr(logger_name_error_text(LOGGER_NAME_TOO_LONG), "255 bytes"));
	ck_assert_ptr_nonnull(
		strstr(logger_name_error_text(LOGGER_NAME_TOO_DEEP), "32 components"));
	ck_assert_ptr_nonnull(strstr(logger_name_error_text(LOGGER_NAME_HAS_NUL), "NUL"));
	ck_assert_int_eq(LOGGER_NAME_MAX, 255);
	ck_assert_int_eq(LOGGER_NAME_DEPTH_MAX, 32);
}
END_TEST

START_TEST(logger_name_root_has_two_names)
{
	ck_assert(span_equal(logger_name_canonical(span_of("root")), span_of("")));
	ck_assert(span_equal(logger_name_canonical(span_of("")), span_of("")));
	ck_assert(span_equal(logger_name_canonical(span_of("roots")), span_of("roots")));
	ck_assert(span_equal(logger_name_canonical(span_of("root.x")), span_of("root.x")));
	ck_assert(span_equal(logger_name_canonical(span_of("Root")), span_of("Root")));
}
END_TEST

/* As Python's logging.Filter(prefix).filter(). */
static const struct {
	const char *name;
	const char *prefix;
	bool under;
} filters[] = {
	{ "a", "", true },	{ "", "", true },	  { "a", "a", true },
	{ "a.b", "a", true },	{ "a.b.c", "a.b", true }, { "ab", "a", false },
	{ "a", "a.b", false },	{ "b.a", "a", false },	  { "a..b", "a", true },
	{ "a..b", "a.", true }, { "a.b", "a.", false },	  { "", "a", false },
};

START_TEST(logger_name_is_under_is_pythons_filter)
{
	ck_assert_int_eq(logger_name_is_under(span_of(filters[_i].name),
					      span_of(filters[_i].prefix)),
			 filters[_i].under);
}
END_TEST

START_TEST(logger_name_is_irregular_with_two_dots_in_a_row)
{
	static const char *const irregular[] = { "a..b", "..", "..a", "a..", "a.b..c.d", "..." };
	static const char *const regular[] = { "", ".", "a", ".a", "a.", "a.b", ".a.b.", "root" };

	for (size_t i = 0; i < ARRAY_LEN(irregular); i++)
		ck_assert(logger_name_is_irregular(span_of(irregular[i])));
	for (size_t i = 0; i < ARRAY_LEN(regular); i++)
		ck_assert(!logger_name_is_irregular(span_of(regular[i])));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("logger_name");
	TCase *bounded = tcase_create("bounds");
	TCase *hierarchy = tcase_create("hierarchy");

	tcase_add_loop_test(bounded, logger_name_check_bounds_length_and_depth, 0,
			    ARRAY_LEN(bounds));
	tcase_add_test(bounded, logger_name_check_refuses_nul);
	tcase_add_test(bounded, logger_name_errors_name_the_bound);
	suite_add_tcase(suite, bounded);
	tcase_add_loop_test(hierarchy, logger_name_ancestor_is_pythons, 0, ARRAY_LEN(paths));
	tcase_add_test(hierarchy, logger_name_root_has_two_names);
	tcase_add_loop_test(hierarchy, logger_name_is_under_is_pythons_filter, 0,
			    ARRAY_LEN(filters));
	tcase_add_test(hierarchy, logger_name_is_irregular_with_two_dots_in_a_row);
	suite_add_tcase(suite, hierarchy);
	return suite;
}
