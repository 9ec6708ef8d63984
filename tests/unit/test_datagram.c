/*
 * Proves that a datagram says what its message says, and that a strict parser takes it as one
 * record, whatever bytes a client supplies in whatever field.
 */
#include "format/datagram.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "support/datagram_oracle.h"
#include "support/format_fixture.h"
#include "support/suite.h"

static const enum format_kind kinds[] = { FORMAT_RFC5424, FORMAT_RFC3164 };

static struct workbench bench; /* Check forks for each test */

static struct format_options defaults(enum format_kind kind)
{
	return (struct format_options){ .kind = kind, .datagram_bytes = DATAGRAM_BYTES_DEFAULT };
}

static void check_exact(const struct format_options *options, const struct message *message,
			const char *expected)
{
	struct datagram datagram = workbench_check(&bench, options, message);
	uint8_t bytes[DATAGRAM_BYTES_DEFAULT];
	struct writer whole = writer_over(bytes, sizeof(bytes));

	writer_text(&whole, datagram.header);
	writer_text(&whole, datagram.text);
	ck_assert_msg(span_equal(writer_span(&whole), span_of(expected)), "%.*s", (int)whole.len,
		      (const char *)bytes);
}

/* The datagram as it would be sent again. */
static void check_marked(const struct format_options *options, const struct message *message,
			 const char *expected)
{
	struct datagram datagram = workbench_check(&bench, options, message);
	uint8_t bytes[DATAGRAM_BYTES_DEFAULT];
	struct writer whole = writer_over(bytes, sizeof(bytes));

	ck_assert_int_eq(datagram.kind, options->kind);
	writer_text(&whole, span_first(datagram.header, datagram.mark_at));
	writer_text(&whole, datagram_mark(datagram.kind));
	writer_text(&whole, span_drop(datagram.header, datagram.mark_at));
	writer_text(&whole, datagram.text);
	ck_assert_msg(span_equal(writer_span(&whole), span_of(expected)), "%.*s", (int)whole.len,
		      (const char *)bytes);
}

START_TEST(datagram_says_where_its_mark_goes)
{
	struct format_options options = defaults(FORMAT_RFC5424);
	struct message message = sample_message();

	setenv("TZ", "UTC0", 1);
	tzset();
	message.recorded = true;
	check_marked(&options, &message,
		     "<134>1 2026-11-22T10:11:12.345678Z edge1.example.com gateway 4242 - "
		     "[logfwd@32473 logger=\"Connection.140230\" recorded=\"true\" "
		     "resent=\"true\"][ctx@32473 peer=\"10.0.0.7:51234\"] hello world");
	message.recorded = false;
	message.n_context = 0;
	message.text = (struct span){ 0 };
	message.original_length = 0;
	check_marked(&options, &message,
		     "<134>1 2026-11-22T10:11:12.345678Z edge1.example.com gateway 4242 - "
		     "[logfwd@32473 logger=\"Connection.140230\" resent=\"true\"]");
	options.kind = FORMAT_RFC3164;
	check_marked(&options, &message,
		     "<134>Nov 22 10:11:12 edge1.example.com gateway[4242]: [resent]");
	message.text = span_of("hello");
	message.original_length = 5;
	message.recorded = true;
	check_marked(&options, &message,
		     "<134>Nov 22 10:11:12 edge1.example.com gateway[4242]: [resent] [recorded] "
		     "hello");
}
END_TEST

static const char *const loggers[][2] = {
	{ "app.db", "app.db" },
	{ "", "root" },
	{ "a \"quoted\\\" [logfwd@32473 logger=\"x\"]",
	  "a \\\"quoted\\\\\\\" [logfwd@32473 logger=\\\"x\\\"\\]" },
};

/* Whatever stands before it and behind it. */
START_TEST(datagram_tells_its_logger)
{
	struct format_options options = { .datagram_bytes = DATAGRAM_BYTES_DEFAULT };
	struct message message = sample_message();
	struct datagram datagram;
	struct span logger;

	message.app = span_of("[logfwd@32473 logger=\"no\"");
	message.logger = span_of(loggers[_i][0]);
	ck_assert_int_eq(workbench_format(&bench, &options, &message, &datagram), FORMAT_DONE);
	ck_assert(datagram_logger(FORMAT_RFC5424, datagram.header, &logger));
	ck_assert(span_equal(logger, span_of(loggers[_i][1])));
	for (size_t i = 0; i < datagram.header.len; i++) /* never beyond its end */
		datagram_logger(FORMAT_RFC5424, span_first(datagram.header, i), &logger);
	ck_assert(!datagram_logger(FORMAT_RFC3164, datagram.header, &logger));
}
END_TEST

START_TEST(datagram_rfc5424_has_its_shape)
{
	struct format_options options = defaults(FORMAT_RFC5424);
	struct message message = sample_message();

	check_exact(&options, &message,
		    "<134>1 2026-11-22T10:11:12.345678Z edge1.example.com gateway 4242 - "
		    "[logfwd@32473 logger=\"Connection.140230\"]"
		    "[ctx@32473 peer=\"10.0.0.7:51234\"] hello world");
	message.has_sequence = true;
	message.sequence_id = 2147483647;
	message.original_length = 90000;
	check_exact(&options, &message,
		    "<134>1 2026-11-22T10:11:12.345678Z edge1.example.com gateway 4242 - "
		    "[logfwd@32473 logger=\"Connection.140230\" truncated=\"90000\"]"
		    "[ctx@32473 peer=\"10.0.0.7:51234\"][meta sequenceId=\"2147483647\"] "
		    "hello world");
	message.recorded = true;
	message.has_sequence = false;
	check_exact(&options, &message,
		    "<134>1 2026-11-22T10:11:12.345678Z edge1.example.com gateway 4242 - "
		    "[logfwd@32473 logger=\"Connection.140230\" truncated=\"90000\" "
		    "recorded=\"true\"][ctx@32473 peer=\"10.0.0.7:51234\"] hello world");
	check_exact(&options,
		    &(struct message){ .level = 70, .time_us = INT64_MAX, .text = span_of("x") },
		    "<0>1 - - - - - [logfwd@32473 logger=\"root\"] x");
	check_exact(&options, &(struct message){ .level = 1, .facility = 23 },
		    "<191>1 1970-01-01T00:00:00.000000Z - - - - [logfwd@32473 logger=\"root\"]");
}
END_TEST

START_TEST(datagram_rfc3164_has_its_shape)
{
	struct format_options options = defaults(FORMAT_RFC3164);
	struct message message = sample_message();

	setenv("TZ", "UTC0", 1);
	tzset();
	check_exact(&options, &message,
		    "<134>Nov 22 10:11:12 edge1.example.com gateway[4242]: hello world");
	message.original_length = 90000;
	check_exact(&options, &message,
		    "<134>Nov 22 10:11:12 edge1.example.com gateway[4242]: hello world...");
	message.recorded = true;
	check_exact(&options, &message,
		    "<134>Nov 22 10:11:12 edge1.example.com gateway[4242]: [recorded] "
		    "hello world...");
	sample_set_text(&message, span_of(NULL));
	check_exact(&options, &message,
		    "<134>Nov 22 10:11:12 edge1.example.com gateway[4242]: [recorded]");
	message = sample_message();
	message.pid = 0;
	message.app = span_of("[kernel]: <0>");
	sample_set_text(&message, span_of(NULL));
	check_exact(&options, &message, "<134>Nov 22 10:11:12 edge1.example.com _kernel___<0>:");
}
END_TEST

START_TEST(datagram_priority_is_that_of_facility_and_level)
{
	for (uint8_t facility = 0; facility < 24; facility++) {
		for (uint8_t level = 1; level <= 100; level++) {
			struct message message = sample_message();

			message.facility = facility;
			message.level = level;
			for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
				struct format_options options = defaults(kinds[k]);

				workbench_check(&bench, &options, &message);
			}
		}
	}
}
END_TEST

/* Puts value into each field that a client supplies, one at a time, and all at once. */
static void check_in_every_field(struct span value)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct format_options options = defaults(kinds[k]);
		struct context_pair pair = { .key = span_of("key"), .value = value };
		struct message all = sample_message();

		all.context = &pair;
		all.n_context = 1;
		workbench_check(&bench, &options, &all);
		for (int field = 0; field < 4; field++) {
			struct message message = sample_message();

			switch (field) {
			case 0:
				sample_set_text(&message, value);
				sample_set_text(&all, value);
				break;
			case 1:
				message.logger = all.logger = value;
				break;
			case 2:
				message.app = all.app = value;
				break;
			default:
				message.host = all.host = value;
				break;
			}
			workbench_check(&bench, &options, &message);
		}
		workbench_check(&bench, &options, &all);
	}
}

START_TEST(datagram_takes_every_byte_in_every_field)
{
	uint8_t byte = (uint8_t)_i;
	uint8_t value[] = "ten bytes\0+";

	check_in_every_field(span_of_bytes(&byte, 1));
	for (size_t at = 0; at < sizeof(value); at++) {
		uint8_t kept = value[at];

		value[at] = byte;
		check_in_every_field(span_of_bytes(value, sizeof(value)));
		value[at] = kept;
	}
}
END_TEST

START_TEST(datagram_needs_valid_keys_and_no_others)
{
	struct format_options options = defaults(FORMAT_RFC5424);
	uint8_t key[] = { 'k', (uint8_t)_i, 'y' };
	struct context_pair pair = { .key = span_of_bytes(key, sizeof(key)),
				     .value = span_of("value") };
	struct message message = sample_message();
	struct datagram datagram;

	message.context = &pair;
	ck_assert_int_eq(workbench_format(&bench, &options, &message, &datagram), FORMAT_DONE);
	ck_assert_int_eq(datagram_complaint(&options, &message, &datagram) == NULL,
			 context_key_is_valid(pair.key));
}
END_TEST

static const struct {
	const char *value;
	size_t size;
} hostile[] = {
#define HOSTILE(value)                                                                             \
	{                                                                                          \
		value, sizeof(value) - 1                                                           \
	}
	HOSTILE(""),
	HOSTILE("-"),
	HOSTILE("\n<0>1 2026-11-22T10:11:12Z evil evil 1 - - forged"),
	HOSTILE("\r\n<0>Nov 22 10:11:12 evil evil[1]: forged\n"),
	HOSTILE("x\"][logfwd@32473 logger=\"forged\"] text"),
	HOSTILE("x\\\"][meta sequenceId=\"1\""),
	HOSTILE("x\\"),
	HOSTILE("]: [1]: forged"),
	HOSTILE("\0\0\0"),
	HOSTILE("\xe2\x80\xa8<0>1 - - - - - -"),
	HOSTILE("\xe2\x80\xae txet desrever"),
	HOSTILE("\xef\xbb\xbf marked"),
	HOSTILE("\xc0\x8a\xe0\x80\x8a\xf0\x80\x80\x8a"),
	HOSTILE("\xed\xa0\x80\xed\xb0\x80"),
	HOSTILE("\xf4\x90\x80\x80\xf8\x88\x80\x80\x80"),
	HOSTILE("torn \xf0\x9f\x8c"),
	HOSTILE("torn \xe2"),
	HOSTILE("\x1b]0;title\x07\x1b[2J"),
	HOSTILE("#012#000"),
	HOSTILE("truncated=\"1\" ..."),
#undef HOSTILE
};

START_TEST(datagram_takes_hostile_text_in_every_field)
{
	check_in_every_field(span_of_bytes(hostile[_i].value, hostile[_i].size));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("datagram");
	TCase *shape = tcase_create("shape");
	TCase *bytes = tcase_create("bytes");

	tcase_add_test(shape, datagram_says_where_its_mark_goes);
	tcase_add_test(shape, datagram_rfc5424_has_its_shape);
	tcase_add_loop_test(shape, datagram_tells_its_logger, 0, ARRAY_LEN(loggers));
	tcase_add_test(shape, datagram_rfc3164_has_its_shape);
	tcase_add_test(shape, datagram_priority_is_that_of_facility_and_level);
	suite_add_tcase(suite, shape);
	tcase_add_loop_test(bytes, datagram_takes_every_byte_in_every_field, 0, UINT8_MAX + 1);
	tcase_add_loop_test(bytes, datagram_needs_valid_keys_and_no_others, 0, UINT8_MAX + 1);
	tcase_add_loop_test(bytes, datagram_takes_hostile_text_in_every_field, 0,
			    ARRAY_LEN(hostile));
	suite_add_tcase(suite, bytes);
	return suite;
}
