/*
 * Proves that a datagram never exceeds its limit or its scratch, and that nothing is cut, left
 * out or copied without need, at every size and for every kind of text.
 */
#include "format/datagram.h"

#include <check.h>

#include "format/template.h"
#include "support/datagram_oracle.h"
#include "support/format_fixture.h"
#include "support/suite.h"
#include "wire/logger_name.h"

static const enum format_kind kinds[] = { FORMAT_RFC5424, FORMAT_RFC3164 };

static struct workbench bench; /* Check forks for each test */

static struct format_options defaults(enum format_kind kind)
{
	return (struct format_options){ .kind = kind, .datagram_bytes = DATAGRAM_BYTES_DEFAULT };
}

/* One period of a text of each kind; the sweep below repeats it. */
static const char *const periods[] = {
	"plain ",	"\xc3\xbc",
	"\xe2\x82\xac", "\xf0\x9f\x8c\x8d",
	"\n",		"\xff",
	"\xe2\x80\xa8", "a\xc3\xbc\n\xe2\x82\xac\xf0\x9f\x8c\x8d\xe2\x82\xff\xef\xbb\xbf.",
};

/* Texts that fit, that just do not, and that are far too long, at one size of datagrams. */
static void check_size(const struct format_options *options, struct message *message,
		       const char *period)
{
	static const size_t lengths[] = { 0, 1, 60, 64, 100, 300, 420, 2000 };

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		sample_set_text(message, sample_repeat(period, lengths[i]));
		workbench_check(&bench, options, message);
		message->original_length += 100000;
		workbench_check(&bench, options, message);
	}
}

/* A value that leaves some room for the text, or none. */
static const char medium[] = "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
			     "0123456789 0123456789 0123456789 0123456789 0123456789 \"\n\\]";

START_TEST(datagram_is_cut_exactly_at_every_size)
{
	struct context_pair pair = { .key = span_of("key"), .value = span_of(medium) };

	for (size_t bytes = DATAGRAM_BYTES_MIN; bytes < 700; bytes++) {
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			struct format_options options = { .kind = kinds[k],
							  .datagram_bytes = bytes };
			struct message message = sample_message();

			if (bytes % 3 == 0)
				message.context = &pair;
			message.n_context = bytes % 5 != 0;
			message.has_sequence = bytes % 2 == 0;
			message.sequence_id = 17;
			check_size(&options, &message, periods[_i]);
		}
	}
}
END_TEST

/* Around the length that just fits, with a large datagram. */
START_TEST(datagram_is_cut_exactly_at_every_length)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct format_options options = { .kind = kinds[k], .datagram_bytes = 1180 };
		struct message message = sample_message();

		for (size_t len = 100; len < 1300; len++) {
			sample_set_text(&message, sample_repeat(periods[_i], len));
			workbench_check(&bench, &options, &message);
		}
	}
}
END_TEST

START_TEST(datagram_with_a_template_is_cut_exactly)
{
	static const char *const texts[] = {
		"[{logger}] {message}",
		"{message}{message} {context} {time}",
		"\xe2\x82\xac\n{context.key}{context.peer}{host}{app}{pid}{level}{{}}",
		"{context.missing}",
	};
	char error[TEMPLATE_ERROR_BYTES];
	CLEANUP(template_free) struct template *template = NULL;

	ck_assert_int_eq(template_compile(texts[_i], &template, error), 0);
	for (size_t bytes = DATAGRAM_BYTES_MIN; bytes < 560; bytes++) {
		for (size_t p = 0; p < ARRAY_LEN(periods); p++) {
			struct format_options options = { .kind = kinds[bytes % 2],
							  .template = template,
							  .datagram_bytes = bytes };
			struct message message = sample_message();

			check_size(&options, &message, periods[p]);
		}
	}
}
END_TEST

START_TEST(datagram_leaves_out_a_context_that_leaves_no_room)
{
	struct context_pair pair = { .key = span_of("key") };
	struct format_options options = { .kind = FORMAT_RFC5424, .datagram_bytes = 512 };
	struct message message = sample_message();
	uint8_t value[CONTEXT_VALUE_MAX];
	bool kept = true;

	memset(value, 'v', sizeof(value));
	message.context = &pair;
	message.n_context = 1;
	sample_set_text(&message, sample_repeat("text", 200));
	for (size_t len = 0; len <= CONTEXT_VALUE_MAX; len++) {
		struct datagram datagram;
		bool keeps;

		pair.value = span_of_bytes(value, len);
		datagram = workbench_check(&bench, &options, &message);
		keeps = memmem(datagram.header.ptr, datagram.header.len, "[ctx", 4) != NULL;
		ck_assert(keeps || datagram.cut);
		ck_assert(datagram.text.len >= 64);
		ck_assert(kept || !keeps); /* once it is too long it stays so */
		kept = keeps;
	}
	ck_assert(!kept);
	sample_set_text(&message, span_of("short")); /* kept whole: it is the context that goes */
	ck_assert_uint_eq(workbench_check(&bench, &options, &message).text.len, strlen("short"));
}
END_TEST

/* A text that would fit without its context: what is to be split or dropped loses nothing first. */
START_TEST(context_is_left_out_only_of_what_may_be_cut)
{
	static const enum oversize ways[] = { OVERSIZE_CUT, OVERSIZE_SPLIT, OVERSIZE_DROP };
	struct context_pair pair = { .key = span_of("key") };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const struct format_options options = {
			.kind = FORMAT_RFC5424,
			.datagram_bytes = DATAGRAM_BYTES_MIN,
			.oversize = ways[i],
		};
		struct message message = sample_message();
		struct datagram datagram;

		pair.value = span_of(medium);
		message.context = &pair;
		message.n_context = 1;
		sample_set_text(&message, sample_repeat("plain ", 100));
		ck_assert(!workbench_check(&bench, &options, &message).cut);
		pair.value = sample_repeat("value ", 300);
		message.text = span_first(span_of(medium), 100);
		message.original_length = 100;
		ck_assert_int_eq(workbench_format(&bench, &options, &message, &datagram),
				 ways[i] == OVERSIZE_CUT ? FORMAT_DONE : FORMAT_TOO_LARGE);
	}
}
END_TEST

START_TEST(datagram_that_cannot_be_sent_is_too_large)
{
	struct format_options options = { .kind = FORMAT_RFC5424,
					  .datagram_bytes = DATAGRAM_BYTES_MIN };
	struct message message = sample_message();
	struct datagram datagram = { .cut = true };
	uint8_t logger[LOGGER_NAME_MAX];

	memset(logger, '\n', sizeof(logger));
	message.logger = span_of_bytes(logger, sizeof(logger));
	ck_assert_int_eq(workbench_format(&bench, &options, &message, &datagram), FORMAT_TOO_LARGE);
	ck_assert_uint_eq(bench.scratch.len, 0);
	ck_assert(!bench.scratch.failed);
	ck_assert_ptr_null(datagram.header.ptr); /* written on FORMAT_DONE only */
	options.kind = FORMAT_RFC3164;		 /* which does not name the logger */
	workbench_check(&bench, &options, &message);
}
END_TEST

/* The longest of everything, all to be escaped, with a template that repeats it. */
static struct message worst_case(struct context_pair pairs[static CONTEXT_PAIRS_MAX])
{
	static uint8_t controls[65536];
	static uint8_t keys[CONTEXT_PAIRS_MAX][CONTEXT_KEY_MAX];
	struct message message = sample_message();

	memset(controls, '\n', sizeof(controls));
	memset(keys, 'k', sizeof(keys));
	for (size_t i = 0; i < CONTEXT_PAIRS_MAX; i++) {
		keys[i][0] = (uint8_t)('A' + i);
		pairs[i].key = span_of_bytes(keys[i], CONTEXT_KEY_MAX);
		pairs[i].value = span_of_bytes(controls, CONTEXT_VALUE_MAX);
	}
	message.context = pairs;
	message.n_context = CONTEXT_PAIRS_MAX;
	message.pid = INT32_MAX;
	message.host = span_of_bytes(controls, 300);
	message.app = span_of_bytes(controls, 300);
	message.logger = span_of_bytes(controls, LOGGER_NAME_MAX);
	message.recorded = true;
	message.has_sequence = true;
	message.sequence_id = INT32_MAX;
	sample_set_text(&message, span_of_bytes(controls, sizeof(controls)));
	message.original_length = SIZE_MAX;
	return message;
}

START_TEST(datagram_scratch_always_suffices)
{
	char error[TEMPLATE_ERROR_BYTES];
	struct context_pair pairs[CONTEXT_PAIRS_MAX];
	struct message message = worst_case(pairs);
	CLEANUP(template_free) struct template *template = NULL;

	ck_assert_int_eq(template_compile("{context}{message}{logger}", &template, error), 0);
	for (size_t bytes = 2048; bytes <= DATAGRAM_BYTES_MAX; bytes += 1 + bytes % 997) {
		for (int i = 0; i < 4; i++) {
			struct format_options options = { .kind = kinds[i % 2],
							  .template = i < 2 ? NULL : template,
							  .datagram_bytes = bytes };
			struct datagram datagram;

			ck_assert_int_eq(workbench_format(&bench, &options, &message, &datagram),
					 FORMAT_DONE);
			ck_assert(datagram.cut);
			ck_assert_uint_le(datagram.header.len + datagram.text.len, bytes);
			ck_assert_uint_ge(datagram.header.len + datagram.text.len + 4, bytes);
		}
	}
}
END_TEST

START_TEST(datagram_with_less_scratch_is_the_same_or_waits)
{
	static const struct span texts[] = { { (const uint8_t *)"clean", 5 },
					     { (const uint8_t *)"dir\ty", 5 } };
	struct message message = sample_message();

	for (size_t i = 0; i < 2 * ARRAY_LEN(texts); i++) {
		struct format_options options = defaults(kinds[i / 2]);
		struct datagram expected;
		size_t needed;

		sample_set_text(&message, texts[i % 2]);
		expected = workbench_check(&bench, &options, &message);
		needed = bench.scratch.len;
		for (size_t room = 0; room <= needed + 8; room++) {
			uint8_t bytes[DATAGRAM_BYTES_DEFAULT] = "before";
			struct writer scratch = writer_over(bytes, 6 + room);
			struct datagram datagram;

			scratch.len = 6;
			if (format_datagram(&options, &message, &bench.cache, &scratch,
					    &datagram) == FORMAT_NO_ROOM) {
				ck_assert_uint_lt(room, needed);
				ck_assert_uint_eq(scratch.len, 6);
				ck_assert(!scratch.failed);
				continue;
			}
			ck_assert_uint_ge(room, needed);
			ck_assert(span_equal(datagram.header, expected.header));
			ck_assert(span_equal(datagram.text, expected.text));
			ck_assert_uint_eq(scratch.len, 6 + needed);
			ck_assert_mem_eq(bytes, "before", 6);
		}
	}
}
END_TEST

START_TEST(datagram_borrows_a_clean_text)
{
	struct format_options options = defaults(FORMAT_RFC5424);
	struct message message = sample_message();
	struct datagram datagram;

	sample_set_text(&message, sample_repeat("gr\xc3\xbc\xc3\x9f dich ", 5000));
	datagram = workbench_check(&bench, &options, &message);
	ck_assert(datagram.cut);
	ck_assert_ptr_eq(datagram.text.ptr, message.text.ptr);
	ck_assert_uint_eq(bench.scratch.len, datagram.header.len);
	/* What lies behind the cut is not sent and may be anything. */
	message.text = span_of_bytes("clean\n", 6);
	message.original_length = 6;
	datagram = workbench_check(&bench, &options, &message);
	ck_assert_ptr_ne(datagram.text.ptr, message.text.ptr);
}
END_TEST

/* Without a text there is no space before it, nor does one count. */
START_TEST(datagram_without_text_fits_to_the_last_byte)
{
	uint8_t logger[LOGGER_NAME_MAX];
	struct message message = sample_message();
	size_t done = 0;

	memset(logger, '\n', sizeof(logger));
	message.context = NULL;
	message.n_context = 0;
	sample_set_text(&message, span_of(NULL));
	for (size_t i = 4; i < 800; i++) {
		struct format_options options = { .kind = FORMAT_RFC5424,
						  .datagram_bytes = DATAGRAM_BYTES_MIN };
		struct datagram datagram;

		message.logger = span_of_bytes(logger, i / 4); /* four bytes more each */
		message.host = span_of_bytes("0123", i % 4 + 1);
		if (workbench_format(&bench, &options, &message, &datagram) == FORMAT_TOO_LARGE)
			continue;
		datagram = workbench_check(&bench, &options, &message);
		ck_assert_uint_eq(bench.scratch.len, datagram.header.len);
		done = datagram.header.len > done ? datagram.header.len : done;
	}
	ck_assert_uint_eq(done, DATAGRAM_BYTES_MIN);
}
END_TEST

START_TEST(datagram_scratch_holds_many)
{
	static uint8_t bytes[4096];
	struct writer scratch = writer_over(bytes, sizeof(bytes));
	struct format_options options = defaults(FORMAT_RFC5424);
	struct message message = sample_message();
	struct datagram datagrams[64];
	size_t count = 0;

	sample_set_text(&message, span_of("two\nlines"));
	while (format_datagram(&options, &message, &bench.cache, &scratch, &datagrams[count]) ==
	       FORMAT_DONE)
		count++;
	ck_assert_uint_gt(count, 10);
	for (size_t i = 0; i < count; i++)
		ck_assert_ptr_null(datagram_complaint(&options, &message, &datagrams[i]));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("datagram_size");
	TCase *size = tcase_create("size");
	TCase *scratch = tcase_create("scratch");

	tcase_add_loop_test(size, datagram_is_cut_exactly_at_every_size, 0, ARRAY_LEN(periods));
	tcase_add_loop_test(size, datagram_is_cut_exactly_at_every_length, 0, ARRAY_LEN(periods));
	tcase_add_loop_test(size, datagram_with_a_template_is_cut_exactly, 0, 4);
	tcase_add_test(size, datagram_leaves_out_a_context_that_leaves_no_room);
	tcase_add_test(size, datagram_without_text_fits_to_the_last_byte);
	tcase_add_test(size, context_is_left_out_only_of_what_may_be_cut);
	tcase_add_test(size, datagram_that_cannot_be_sent_is_too_large);
	tcase_set_timeout(size, 60);
	suite_add_tcase(suite, size);
	tcase_add_test(scratch, datagram_scratch_always_suffices);
	tcase_add_test(scratch, datagram_with_less_scratch_is_the_same_or_waits);
	tcase_add_test(scratch, datagram_borrows_a_clean_text);
	tcase_add_test(scratch, datagram_scratch_holds_many);
	tcase_set_timeout(scratch, 60);
	suite_add_tcase(suite, scratch);
	return suite;
}
