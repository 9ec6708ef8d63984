/* Proves what each kind of sender's datagram is taken for, and that no bytes at all break the parser. */
#include "intake/syslog_message.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/suite.h"
#include "wire/level.h"

static uint8_t scratch_bytes[4096];

static struct syslog_message parse(const char *bytes, size_t len)
{
	struct writer scratch = writer_over(scratch_bytes, sizeof(scratch_bytes));
	struct syslog_message message;

	syslog_message_parse(span_of_bytes(bytes, len), &scratch, &message);
	return message;
}

static const struct {
	const char *input;
	uint8_t level;
	const char *tag, *text;
} cases[] = {
	/* glibc syslog(3), with and without LOG_PID */
	{ "<13>Nov 23 06:00:00 prog: hello", LEVEL_NOTICE, "prog", "hello" },
	{ "<11>Nov  3 06:00:00 prog[123]: a: b", LEVEL_ERROR, "prog", "a: b" },
	/* Python's SysLogHandler, with its NUL, without and with an ident */
	{ "<14>hello world", LEVEL_INFO, "", "hello world" },
	{ "<15>app: hello", LEVEL_DEBUG, "app", "hello" },
	/* util-linux logger */
	{ "<5>Nov 23 06:00:00 root: text\n", LEVEL_NOTICE, "root", "text" },
	/* RFC 5424 */
	{ "<165>1 2026-11-22T10:11:12.345678Z host app 77 ID47 - text", LEVEL_NOTICE, "app",
	  "text" },
	{ "<0>1 - - - - - - \xef\xbb\xbftext", LEVEL_EMERGENCY, "", "text" },
	{ "<191>1 - - app - - -", LEVEL_DEBUG, "app", "" },
	/* severities to levels */
	{ "<8>x", LEVEL_EMERGENCY, "", "x" },
	{ "<9>x", LEVEL_ALERT, "", "x" },
	{ "<10>x", LEVEL_CRITICAL, "", "x" },
	{ "<12>x", LEVEL_WARNING, "", "x" },
	/* no PRI, or none that is one: user.notice, and all of it is text */
	{ "plain", LEVEL_NOTICE, "", "plain" },
	{ "<192>x", LEVEL_NOTICE, "", "<192>x" },
	{ "<>x", LEVEL_NOTICE, "", "<>x" },
	{ "<1", LEVEL_NOTICE, "", "<1" },
	{ "<99999999999>x", LEVEL_NOTICE, "", "<99999999999>x" },
	{ "<-1>x", LEVEL_NOTICE, "", "<-1>x" },
	/* almost a tag, almost a time, almost RFC 5424 */
	{ "<13>two words: x", LEVEL_NOTICE, "", "two words: x" },
	{ "<13>prog[12: x", LEVEL_NOTICE, "", "prog[12: x" },
	{ "<13>prog[1\n2]: x", LEVEL_NOTICE, "", "prog[1\n2]: x" },
	{ "<13>Nov 23 06:00 prog: x", LEVEL_NOTICE, "", "Nov 23 06:00 prog: x" },
	{ "<13>1 2026 host", LEVEL_NOTICE, "", "1 2026 host" },
	{ "<13>1 x host app 1 2 - text", LEVEL_NOTICE, "", "1 x host app 1 2 - text" },
	{ "<13>:", LEVEL_NOTICE, "", ":" },
	{ "<13>a:", LEVEL_NOTICE, "a", "" },
	{ "\n\n", LEVEL_NOTICE, "", "" },
	/* structured data that is broken stays in the text */
	{ "<13>1 - - a - - [x y=\"1] t", LEVEL_NOTICE, "a", "[x y=\"1] t" },
	{ "<13>1 - - a - - [x y=\"a]b\"] t", LEVEL_NOTICE, "a", "[x y=\"a]b\"] t" },
	{ "<13>1 - - a - - [x k=\"1\"][z k=\"2\"] t", LEVEL_NOTICE, "a",
	  "[x k=\"1\"][z k=\"2\"] t" },
};

START_TEST(message_is_taken_as_what_it_is)
{
	struct syslog_message message = parse(cases[_i].input, strlen(cases[_i].input));

	ck_assert_uint_eq(message.level, cases[_i].level);
	ck_assert(span_equal(message.tag, span_of(cases[_i].tag)));
	ck_assert(span_equal(message.text, span_of(cases[_i].text)));
	ck_assert_uint_eq(message.n_context, 0);
}
END_TEST

START_TEST(message_loses_trailing_nul_and_newline_only)
{
	static const char with_nul[] = "<14>a\0b\n\0";
	struct syslog_message message = parse(with_nul, sizeof(with_nul));

	ck_assert_uint_eq(message.text.len, 3);
	ck_assert_mem_eq(message.text.ptr, "a\0b", 3);
}
END_TEST

START_TEST(structured_data_becomes_context)
{
	static const char input[] = "<13>1 - h app 5 - [timeQuality tzKnown=\"1\"]"
				    "[ex@1 user=\"o\\\"n\\]e\\\\\" raw=\"\\x\"][empty] text";
	struct syslog_message message = parse(input, sizeof(input) - 1);

	ck_assert_uint_eq(message.n_context, 2);
	ck_assert(span_equal(message.context[0].key, span_of("user")));
	ck_assert(span_equal(message.context[0].value, span_of("o\"n]e\\")));
	ck_assert(span_equal(message.context[1].key, span_of("raw")));
	ck_assert(span_equal(message.context[1].value, span_of("\\x")));
	ck_assert(span_equal(message.text, span_of("text")));
}
END_TEST

/* Every cut of a full message, and every byte value at every place: it stays within bounds. */
START_TEST(message_survives_any_bytes)
{
	static const char input[] =
		"<165>1 2026-11-22T10:11:12Z host app 7 ID [a b=\"c\\]\" d=\"\"] te";
	char copy[sizeof(input)];

	for (size_t len = 1; len < sizeof(input); len++) {
		char *exact = malloc(len); /* so that a sanitizer sees a read behind it */
		struct syslog_message message;

		memcpy(exact, input, len);
		message = parse(exact, len);
		ck_assert(message.text.len <= len && message.tag.len <= SYSLOG_TAG_MAX);
		free(exact);
	}
	for (size_t at = 0; at < sizeof(input) - 1; at++) {
		for (int byte = 0; byte < 256; byte++) {
			memcpy(copy, input, sizeof(copy));
			copy[at] = (char)byte;
			ck_assert(parse(copy, sizeof(copy) - 1).n_context <= CONTEXT_PAIRS_MAX);
		}
	}
}
END_TEST

START_TEST(structured_data_beyond_the_bounds_stays_text)
{
	char input[8192] = "<13>1 - - a - - [x";
	struct syslog_message message;

	for (int i = 0; i <= CONTEXT_PAIRS_MAX; i++) {
		char pair[32];

		snprintf(pair, sizeof(pair), " k%d=\"v\"", i);
		strcat(input, pair);
	}
	strcat(input, "] t");
	message = parse(input, strlen(input));
	ck_assert_uint_eq(message.n_context, 0);
	ck_assert_uint_eq(message.text.ptr[0], '[');
}
END_TEST

static const struct {
	const char *tag, *logger;
} names[] = {
	{ "", "syslog" },
	{ "prog", "syslog.prog" },
	{ "a.b", "syslog.a.b" },
	{ "...............................", "syslog" }, /* 33 components */
};

START_TEST(logger_name_of_a_tag)
{
	uint8_t name[LOGGER_NAME_MAX];

	ck_assert(span_equal(syslog_logger_name(span_of(names[_i].tag), name),
			     span_of(names[_i].logger)));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("syslog_message");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, message_is_taken_as_what_it_is, 0, ARRAY_LEN(cases));
	tcase_add_test(all, message_loses_trailing_nul_and_newline_only);
	tcase_add_test(all, structured_data_becomes_context);
	tcase_add_test(all, message_survives_any_bytes);
	tcase_add_test(all, structured_data_beyond_the_bounds_stays_text);
	tcase_add_loop_test(all, logger_name_of_a_tag, 0, ARRAY_LEN(names));
	suite_add_tcase(suite, all);
	return suite;
}
