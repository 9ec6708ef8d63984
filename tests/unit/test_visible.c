/* Proves that text from elsewhere reaches a terminal without control characters or broken UTF-8, and whole otherwise. */
#include "ctl/visible.h"

#include <check.h>
#include <stdlib.h>

#include "support/suite.h"

static char *visible(const void *bytes, size_t length)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	visible_write(out, span_of_bytes(bytes, length));
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
	const char *bytes;
	size_t length;
	const char *visible;
} cases[] = {
	{ BYTES(""), "" },
	{ BYTES("plain text"), "plain text" },
	{ BYTES("a\nb\r\tc"), "a#012b#015#011c" },
	{ BYTES("\0x\x7f"), "#000x#177" },
	{ BYTES("\x1b[2J"), "#033[2J" },
	{ BYTES("f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x90\x9f"),
	  "f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x90\x9f" },
	{ BYTES("\xc2\x9b"
		"2J \xc2\xa0"),
	  "#302#233"
	  "2J \xc2\xa0" }, /* CSI of C1 */
	{ BYTES("\xff\xfe"), "#377#376" },
	{ BYTES("\xc3"), "#303" },
	{ BYTES("\xe2\x82"), "#342#202" },
	{ BYTES("\xe2\x82z"), "#342#202z" },
	{ BYTES("\xc0\x80 \xe0\x80\x80 \xf0\x80\x80\x80"), /* overlong */
	  "#300#200 #340#200#200 #360#200#200#200" },
	{ BYTES("\xed\xa0\x80"), "#355#240#200" },	   /* a surrogate */
	{ BYTES("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" }, /* the last character */
	{ BYTES("\xf4\x90\x80\x80"), "#364#220#200#200" }, /* beyond it */
};

START_TEST(visible_write_escapes_only_what_must_be)
{
	char *text = visible(cases[_i].bytes, cases[_i].length);

	ck_assert_str_eq(text, cases[_i].visible);
	free(text);
}
END_TEST

START_TEST(visible_write_makes_one_line_of_all_bytes)
{
	uint8_t bytes[256];
	char *text;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	text = visible(bytes, sizeof(bytes));
	for (const char *c = text; *c != '\0'; c++)
		ck_assert(*c >= 0x20 && *c < 0x7f);
	free(text);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("visible");
	TCase *write_case = tcase_create("write");

	tcase_add_loop_test(write_case, visible_write_escapes_only_what_must_be, 0,
			    ARRAY_LEN(cases));
	tcase_add_test(write_case, visible_write_makes_one_line_of_all_bytes);
	suite_add_tcase(suite, write_case);
	return suite;
}
