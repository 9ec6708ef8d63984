/*
 * Proves that the scan before libconfuse blanks comments and nothing else, keeps every line
 * where it is, finds where sections begin, and refuses what libconfuse would take silently.
 */
#include "config/config_scan.h"

#include <check.h>
#include <stdlib.h>

#include "support/length.h"
#include "support/suite.h"

/* A text on its way through the scan, in memory of exactly its size. */
struct scanned {
	char *text;
	size_t length;
	uint32_t *opened;
	bool good;
	struct config_mistake mistake;
};

static struct scanned scan(const char *text, size_t length)
{
	struct scanned scanned = { .text = malloc(length + (length == 0)), .length = length };

	ck_assert_ptr_nonnull(scanned.text);
	memcpy(scanned.text, text, length);
	scanned.opened =
		calloc(config_scan_lines(span_of_bytes(text, length)) + 1, sizeof(*scanned.opened));
	ck_assert_ptr_nonnull(scanned.opened);
	scanned.good = config_scan(scanned.text, length, scanned.opened, &scanned.mistake);
	return scanned;
}

static void scanned_deinit(struct scanned *scanned)
{
	free(scanned->text);
	free(scanned->opened);
}

static const struct {
	const char *text;
	const char *blanked;
} comments[] = {
	{ "", "" },
	{ "a = 1", "a = 1" },
	{ "a = 1 # c", "a = 1    " },
	{ "a = 1# c\nb", "a = 1   \nb" },
	{ "## c ## \"\nb", "         \nb" },
	{ "// c 'x\n// d", "       \n    " },
	{ "/* c */a/* d */", "       a       " },
	{ "/**/b", "    b" },
	{ "/***/b", "     b" },
	{ "/*/ */b", "      b" },
	{ "/* c\n * \"d\n */ b", "    \n     \n    b" },
	{ "a = {1, # c\n2}", "a = {1,    \n2}" },
	{ "a = 25/* c */", "a = 25       " },
	{ "a = http://b//c", "a = http://b//c" }, /* as in libconfuse: within a word it is none */
	{ "a = /b/c", "a = /b/c" },
	{ "a = \"# // /* \" # c", "a = \"# // /* \"    " },
	{ "a = '# // /* ' # c", "a = '# // /* '    " },
	{ "a = \"\\\"# \" # c", "a = \"\\\"# \"    " },
	{ "a = '\\'# ' # c", "a = '\\'# '    " },
	{ "a = \"\\\\\" # c", "a = \"\\\\\"    " },
	{ "a = \"b\\\n# c\" # d", "a = \"b\\\n# c\"    " },
	{ "a\r\n# b\r\nc", "a\r\n    \nc" },
	{ "a += {1}", "a += {1}" },
	{ "a = '${HOME}' b = \"\\${HOME}\"", "a = '${HOME}' b = \"\\${HOME}\"" },
	{ "# ${HOME} */ * + } \"", "                    " },
	{ "a = \"\\101\\x41\\x041\\n\\377\"", "a = \"\\101\\x41\\x041\\n\\377\"" },
	{ "(\"x\")", "(\"x\")" },
};

START_TEST(config_scan_blanks_comments_only)
{
	struct scanned scanned = scan(comments[_i].text, strlen(comments[_i].text));

	ck_assert_msg(scanned.good, "%s", scanned.mistake.reason);
	ck_assert_uint_eq(scanned.length, strlen(comments[_i].blanked));
	ck_assert_mem_eq(scanned.text, comments[_i].blanked, scanned.length);
	scanned_deinit(&scanned);
}
END_TEST

static const struct {
	const char *text;
	unsigned line;
	const char *reason;
} mistakes[] = {
	{ "a\n/* b\nc", 2, "comment" },
	{ "/*", 1, "comment" },
	{ "/* *", 1, "comment" },
	{ "/*/", 1, "comment" },
	{ "a = 1/* b", 1, "comment" },
	{ "\na = \"b", 2, "string" },
	{ "a = \"b\n\"", 1, "string" },
	{ "a = \"b\\", 1, "string" },
	{ "a = \"b\\\"", 1, "string" },
	{ "a = \"b\\\nc\nd", 1, "string" },
	{ "a = 'b", 1, "string" },
	{ "a = 'b\\'", 1, "string" },
	{ "a = '", 1, "string" },
	{ "\n\xef\xbb\xbf# only in front it is a mark\n\na = \"", 4, "string" },
	{ "\xef\xbb\xbf"
	  "a = 1",
	  1, "byte order mark" },
	{ "a\nb\x01", 2, "control" },
	{ "a\n\nb\x7f", 3, "control" },
	{ "# \x1b[31m", 1, "control" },
	{ "a\rb", 1, "carriage return" },
	{ "a\n\r", 2, "carriage return" },
	{ "a = ${B}", 1, "environment" },
	{ "a = b${B}", 1, "environment" },
	{ "a\n= \"b${B}\"", 2, "environment" },
	{ "a = \"\\\\${B}\"", 1, "environment" },
	{ "${B} = 1", 1, "environment" },
	{ "a = \"\\0\"", 1, "octal" },
	{ "a = \"\\00\"", 1, "octal" },
	{ "a = \"\\400\"", 1, "octal" },
	{ "a = \"\\1234\"", 1, "octal" },
	{ "a = \"\\18\"", 1, "octal" },
	{ "a = \"\\9\"", 1, "octal" },
	{ "a = \"\\x0\"", 1, "NUL" },
	{ "a = \"\\x00\"", 1, "NUL" },
	{ "a = \"\\x0g\"", 1, "NUL" },
	{ "a = *", 1, "quote" },
	{ "a = b*c", 1, "quote" },
	{ "a = +1", 1, "quote" },
	{ "a + = {1}", 1, "quote" },
	{ "a {", 1, "} is missing" },
	{ "\na\n{ b = {1}\n", 2, "} is missing" },
	{ "a { }\nb { c = { }\n", 2, "} is missing" },
	{ "a { } }", 1, "closes nothing" },
	{ "\n}", 2, "closes nothing" },
};

START_TEST(config_scan_refuses_what_libconfuse_takes)
{
	struct scanned scanned = scan(mistakes[_i].text, strlen(mistakes[_i].text));

	ck_assert(!scanned.good);
	ck_assert_uint_eq(scanned.mistake.line, mistakes[_i].line);
	ck_assert_msg(strstr(scanned.mistake.reason, mistakes[_i].reason) != NULL, "%s",
		      scanned.mistake.reason);
	scanned_deinit(&scanned);
}
END_TEST

START_TEST(config_scan_refuses_a_nul)
{
	struct scanned scanned = scan("a\n# \0", 5);

	ck_assert(!scanned.good);
	ck_assert_uint_eq(scanned.mistake.line, 2);
	scanned_deinit(&scanned);
}
END_TEST

START_TEST(config_scan_says_where_a_section_begins)
{
	const char text[] = "# one\n"
			    "a b\n"
			    "{\n"
			    "  c = {\"}\",\n"
			    "       1}\n"
			    "} d {\n"
			    "}\n"
			    "e { } f { /* } */\n"
			    "}";
	const uint32_t opened[] = { 0, 0, 0, 0, 0, 0, 2, 6, 8, 8 };
	struct scanned scanned = scan(text, strlen(text));

	ck_assert(scanned.good);
	ck_assert_uint_eq(config_scan_lines(span_of(text)), 9);
	ck_assert_mem_eq(scanned.opened, opened, sizeof(opened));
	scanned_deinit(&scanned);
}
END_TEST

START_TEST(config_scan_bounds_the_sections)
{
	char *text = malloc(2 * CONFIG_SECTIONS_MAX + 4);
	struct scanned scanned;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i <= CONFIG_SECTIONS_MAX; i++)
		memcpy(text + 2 * i, "{}", 2);
	scanned = scan(text, 2 * CONFIG_SECTIONS_MAX);
	ck_assert(scanned.good);
	scanned_deinit(&scanned);
	scanned = scan(text, 2 * CONFIG_SECTIONS_MAX + 2);
	ck_assert(!scanned.good);
	ck_assert_ptr_nonnull(strstr(scanned.mistake.reason, "too many sections"));
	scanned_deinit(&scanned);
	free(text);
}
END_TEST

/* Any bytes: nothing is read or written outside, no line feed moves, a mistake has a line. */
START_TEST(config_scan_takes_any_text)
{
	static const char alphabet[] = "ab={}\"'\\#/*\n\r$+, \t0x\xff";
	size_t rounds = test_steps(20000, 1000000);
	unsigned random = 1;

	for (size_t round = 0; round < rounds; round++) {
		char text[24];
		size_t length = round % sizeof(text);
		struct scanned scanned;

		for (size_t i = 0; i < length; i++) {
			random = random * 1103515245 + 12345;
			text[i] = alphabet[(random >> 16) % (sizeof(alphabet) - 1)];
		}
		scanned = scan(text, length);
		for (size_t i = 0; i < length; i++)
			ck_assert_int_eq(scanned.text[i] == '\n', text[i] == '\n');
		if (!scanned.good) {
			ck_assert_uint_ge(scanned.mistake.line, 1);
			ck_assert_uint_le(scanned.mistake.line,
					  config_scan_lines(span_of_bytes(text, length)));
			ck_assert_ptr_nonnull(scanned.mistake.reason);
		}
		scanned_deinit(&scanned);
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("config_scan");
	TCase *scan_case = tcase_create("scan");
	TCase *random = tcase_create("random");

	tcase_add_loop_test(scan_case, config_scan_blanks_comments_only, 0, ARRAY_LEN(comments));
	tcase_add_loop_test(scan_case, config_scan_refuses_what_libconfuse_takes, 0,
			    ARRAY_LEN(mistakes));
	tcase_add_test(scan_case, config_scan_refuses_a_nul);
	tcase_add_test(scan_case, config_scan_says_where_a_section_begins);
	tcase_add_test(scan_case, config_scan_bounds_the_sections);
	suite_add_tcase(suite, scan_case);
	tcase_set_tags(random, LONG_TAG);
	tcase_add_test(random, config_scan_takes_any_text);
	suite_add_tcase(suite, random);
	return suite;
}
