/* Proves that the parser which judges our datagrams takes what RFC 5424 shows and nothing more. */
#include "support/rfc5424_parser.h"

#include <check.h>

#include "support/suite.h"

#define HEADER "<34>1 2003-10-11T22:14:15.003Z host app 42 ID47 "

static const char *const good[] = {
	/* The examples of RFC 5424 6.5, without the byte order mark that we never send. */
	"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed",
	"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.",
	"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
	"[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"] An entry",
	"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
	"[exampleSDID@32473 iut=\"3\"][examplePriority@32473 class=\"high\"]",
	"<0>1 - - - - - -",
	"<191>1 - - - - - - x",
	"<7>1 2024-02-29T23:59:59+05:30 - - - - - x",
	HEADER "[a@1]",
	HEADER "[meta sequenceId=\"1\"] x",
	HEADER "[a@1 b=\"\\\"\\\\\\]\"] x",
	HEADER "[a@1 b=\"[ =\"] x",
};

static const char *const bad[] = {
	"",
	"34>1 - - - - - -",
	"<>1 - - - - - -",
	"<00>1 - - - - - -",
	"<034>1 - - - - - -",
	"<192>1 - - - - - -",
	"<1111>1 - - - - - -",
	"<3x>1 - - - - - -",
	"<34>2 - - - - - -",
	"<34>1- - - - - -",
	"<34>1 - - - - -",
	"<34>1 - - - - - ",
	"<34>1  - - - - - -",
	"<34>1 - - - - - - ",
	"<34>1 - - - - - -x",
	"<34>1 - ho\tst - - - -",
	"<34>1 - h\xc3\xb6st - - - -",
	"<34>1 - - 0123456789012345678901234567890123456789012345678 - - -",
	"<34>1 2003-02-29T00:00:00Z - - - - -",
	"<34>1 2003-13-01T00:00:00Z - - - - -",
	"<34>1 2003-10-11T24:00:00Z - - - - -",
	"<34>1 2003-10-11T23:59:60Z - - - - -",
	"<34>1 2003-10-11t22:14:15Z - - - - -",
	"<34>1 2003-10-11T22:14:15z - - - - -",
	"<34>1 2003-10-11T22:14:15 - - - - -",
	"<34>1 2003-10-11T22:14:15.Z - - - - -",
	"<34>1 2003-10-11T22:14:15.1234567Z - - - - -",
	"<34>1 2003-10-11T22:14:15+0100 - - - - -",
	HEADER "[]",
	HEADER "[ a@1]",
	HEADER "[a]",
	HEADER "[a@]",
	HEADER "[@1]",
	HEADER "[a@x]",
	HEADER "[a@1@1]",
	HEADER "[a@1 ]",
	HEADER "[a@1  b=\"c\"]",
	HEADER "[a@1 b=c]",
	HEADER "[a@1 b=\"c]",
	HEADER "[a@1 b=\"]\"]",
	HEADER "[a@1 b=\"\\n\"]",
	HEADER "[a@1 b=\"\xff\"]",
	HEADER "[a@1 b=\"\n\"]",
	HEADER "[a@1 =\"c\"]",
	HEADER "[a@1 012345678901234567890123456789012=\"c\"]",
	HEADER "[a@1][a@1]",
	HEADER "[a@1] [b@1] \n",
	HEADER "[a@1]x",
	HEADER "[a@1",
	HEADER "-- x",
	HEADER "- a\nb",
	HEADER "- \xef\xbb\xbfx",
	HEADER "- \xc0\x8a",
};

START_TEST(rfc5424_parse_takes_what_the_rfc_shows)
{
	struct rfc5424_message message;
	const char *complaint = rfc5424_parse(span_of(good[_i]), &message);

	ck_assert_msg(complaint == NULL, "%s", complaint);
}
END_TEST

START_TEST(rfc5424_parse_refuses_the_rest)
{
	struct rfc5424_message message;

	ck_assert_ptr_nonnull(rfc5424_parse(span_of(bad[_i]), &message));
}
END_TEST

START_TEST(rfc5424_parse_finds_every_part)
{
	struct rfc5424_message message;
	struct span datagram =
		span_of(HEADER "[a@1 b=\"c\\]\" d=\"\"][e@2 f=\"g\"] the text [a@1]");

	ck_assert_ptr_null(rfc5424_parse(datagram, &message));
	ck_assert_uint_eq(message.priority, 34);
	ck_assert(span_equal(message.timestamp, span_of("2003-10-11T22:14:15.003Z")));
	ck_assert(span_equal(message.hostname, span_of("host")));
	ck_assert(span_equal(message.app_name, span_of("app")));
	ck_assert(span_equal(message.procid, span_of("42")));
	ck_assert(span_equal(message.msgid, span_of("ID47")));
	ck_assert_uint_eq(message.n_elements, 2);
	ck_assert(span_equal(message.sd_ids[1], span_of("e@2")));
	ck_assert_uint_eq(message.n_params, 3);
	ck_assert_uint_eq(message.params[0].element, 0);
	ck_assert(span_equal(message.params[0].name, span_of("b")));
	ck_assert(span_equal(message.params[0].value, span_of("c\\]")));
	ck_assert_uint_eq(message.params[2].element, 1);
	ck_assert(span_equal(message.text, span_of("the text [a@1]")));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("rfc5424_parser");
	TCase *parse = tcase_create("parse");

	tcase_add_loop_test(parse, rfc5424_parse_takes_what_the_rfc_shows, 0, ARRAY_LEN(good));
	tcase_add_loop_test(parse, rfc5424_parse_refuses_the_rest, 0, ARRAY_LEN(bad));
	tcase_add_test(parse, rfc5424_parse_finds_every_part);
	suite_add_tcase(suite, parse);
	return suite;
}
