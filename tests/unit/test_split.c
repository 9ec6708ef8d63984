/*
 * Proves that a record that exceeds a datagram goes in parts that are each valid by themselves
 * and as large as they may be, that their texts together are the text as it would have been in
 * one large datagram, and that no client makes a record into more of them than the bound says.
 */
#include "format/split.h"

#include <check.h>

#include "format/template.h"
#include "support/format_fixture.h"
#include "support/rfc5424_parser.h"
#include "support/suite.h"

static struct workbench bench;
static uint8_t shaped[SPLIT_TEXT_BYTES];
static uint8_t joined[SPLIT_TEXT_BYTES + 16];
static uint8_t header_room[FORMAT_SCRATCH_BYTES];

/* What the parts of one record were, together. */
struct parts {
	uint32_t count;
	struct span text; /* of all of them */
	bool cut;
	bool context; /* each has it */
};

static size_t param(const struct rfc5424_message *message, const char *name, struct span *value_out)
{
	for (size_t i = 0; i < message->n_params; i++) {
		if (span_equal(message->params[i].name, span_of(name))) {
			*value_out = message->params[i].value;
			return message->params[i].element;
		}
	}
	return SIZE_MAX;
}

static uint32_t number(const struct rfc5424_message *message, const char *name)
{
	struct span value = { 0 };
	uint32_t number = 0;

	if (param(message, name, &value) == SIZE_MAX)
		return 0;
	for (size_t i = 0; i < value.len; i++)
		number = number * 10 + (value.ptr[i] - '0');
	return number;
}

/* One part by itself: strict, not too large, in its place, and not smaller than it need be. */
static void check_part(const struct split *split, const struct datagram *datagram, uint32_t part,
		       struct parts *parts)
{
	uint8_t bytes[FORMAT_SCRATCH_BYTES];
	struct writer whole = writer_over(bytes, sizeof(bytes));
	struct rfc5424_message message;
	struct span ignored;

	writer_text(&whole, datagram->header);
	writer_text(&whole, datagram->text);
	ck_assert_uint_le(whole.len, split->options.datagram_bytes);
	ck_assert_ptr_null(rfc5424_parse(writer_span(&whole), &message));
	ck_assert_uint_eq(number(&message, "part"), part);
	ck_assert_uint_eq(number(&message, "parts"), split->message.parts);
	ck_assert_uint_eq(number(&message, "sequenceId"), 100 + part);
	ck_assert_int_eq(param(&message, "truncated", &ignored) != SIZE_MAX, split->cut);
	ck_assert_int_eq(datagram->split, part == 1);
	ck_assert_int_eq(datagram->cut, part == 1 && split->cut);
	parts->context = parts->context && param(&message, "key", &ignored) != SIZE_MAX;
	if (split_left(split) > 0) /* what the longest numbers would take, and half a character */
		ck_assert_uint_ge(whole.len + 60, split->options.datagram_bytes);
}

/* False when the record does not go in parts. */
static bool split(const struct format_options *options, const struct message *message,
		  struct parts *parts_out)
{
	struct writer text = writer_over(joined, sizeof(joined));
	struct parts parts = { .context = true };
	struct message numbered = *message;
	struct split split;

	numbered.has_sequence = true;
	if (!split_begin(&split, options, &numbered, &bench.cache, shaped))
		return false;
	while (split_left(&split) > 0) {
		struct writer scratch = writer_over(header_room, sizeof(header_room));
		struct datagram datagram;

		ck_assert(split_next(&split, 101 + parts.count, &bench.cache, &scratch, &datagram));
		check_part(&split, &datagram, ++parts.count, &parts);
		writer_text(&text, datagram.text);
	}
	parts.cut = split.cut;
	parts.text = writer_span(&text);
	ck_assert(!text.failed);
	*parts_out = parts;
	return true;
}

static const char *const periods[] = { "plain ",	   "\xc3\xbc", "\xe2\x82\xac",
				       "\xf0\x9f\x8c\x8d", "\n",       "\xff" };
static const char *const escaped[] = { "plain ",	   "\xc3\xbc", "\xe2\x82\xac",
				       "\xf0\x9f\x8c\x8d", "#012",     "#377" };

/* Every size of datagram, with a text of every kind that needs a few of them. */
START_TEST(parts_together_are_the_text)
{
	const struct context_pair pair = { span_of("key"), span_of("value") };

	for (size_t bytes = DATAGRAM_BYTES_MIN; bytes < 900; bytes++) {
		struct format_options options = { .datagram_bytes = bytes };
		struct message message = sample_message();
		struct parts parts;

		message.context = &pair;
		message.n_context = 1;
		sample_set_text(&message, sample_repeat(periods[_i], 3000));
		ck_assert(split(&options, &message, &parts));
		ck_assert(!parts.cut);
		ck_assert(parts.context);
		ck_assert_uint_ge(parts.count, 3000 / bytes);
		ck_assert_uint_ge(parts.text.len, 3000);
		for (size_t at = 0, len = strlen(escaped[_i]); at + len <= parts.text.len;
		     at += len)
			ck_assert_mem_eq(parts.text.ptr + at, escaped[_i], len);
	}
}
END_TEST

START_TEST(template_shapes_the_whole_once)
{
	const struct format_options plain = { .datagram_bytes = 600 };
	struct format_options options = plain;
	struct message message = sample_message();
	CLEANUP(template_free) struct template *template = NULL;
	char error[TEMPLATE_ERROR_BYTES];
	struct parts parts;

	ck_assert_int_eq(template_compile("<{message}>", &template, error), 0);
	options.template = template;
	sample_set_text(&message, sample_repeat("x", 5000));
	ck_assert(split(&options, &message, &parts));
	ck_assert_uint_eq(parts.text.len, 5002);
	ck_assert_int_eq(parts.text.ptr[0], '<');
	ck_assert_int_eq(parts.text.ptr[5001], '>');
}
END_TEST

/* Half a million bytes once escaped, in the smallest datagrams. */
START_TEST(parts_are_bounded_and_the_rest_is_marked_as_cut)
{
	const struct format_options options = { .datagram_bytes = DATAGRAM_BYTES_MIN };
	struct message message = sample_message();
	struct parts parts;

	sample_set_text(&message, sample_repeat("\n", 65536));
	ck_assert(split(&options, &message, &parts));
	ck_assert(parts.cut);
	ck_assert_uint_eq(parts.count, SPLIT_PARTS_MAX);
	ck_assert_uint_gt(parts.text.len, SPLIT_PARTS_MAX * 200);
}
END_TEST

START_TEST(longest_record_fits_the_smallest_datagrams)
{
	const struct format_options options = { .datagram_bytes = DATAGRAM_BYTES_MIN };
	struct message message = sample_message();
	struct parts parts;

	sample_set_text(&message, sample_repeat("x", 65536));
	ck_assert(split(&options, &message, &parts));
	ck_assert(!parts.cut);
	ck_assert_uint_eq(parts.text.len, 65536);
}
END_TEST

START_TEST(context_that_leaves_no_room_is_left_out)
{
	const struct format_options options = { .datagram_bytes = DATAGRAM_BYTES_MIN };
	static char value[400];
	struct context_pair pair = { .key = span_of("key") };
	struct message message = sample_message();
	struct parts parts;

	memset(value, 'v', sizeof(value));
	pair.value = span_of_bytes(value, sizeof(value));
	message.context = &pair;
	message.n_context = 1;
	sample_set_text(&message, sample_repeat("x", 1000));
	ck_assert(split(&options, &message, &parts));
	ck_assert(parts.cut);
	ck_assert(!parts.context);
	ck_assert_uint_eq(parts.text.len, 1000);
	sample_set_text(&message, span_of("one part would do without it"));
	ck_assert(!split(&options, &message, &parts));
}
END_TEST

START_TEST(header_that_leaves_no_room_is_not_repeated)
{
	const struct format_options options = { .datagram_bytes = DATAGRAM_BYTES_MIN };
	static char name[255];
	struct message message = sample_message();
	struct parts parts;

	memset(name, '\n', sizeof(name));
	message.logger = span_of_bytes(name, sizeof(name));
	sample_set_text(&message, sample_repeat("x", 1000));
	ck_assert(!split(&options, &message, &parts));
}
END_TEST

START_TEST(text_that_the_client_cut_says_so_in_every_part)
{
	const struct format_options options = { .datagram_bytes = DATAGRAM_BYTES_MIN };
	struct message message = sample_message();
	struct parts parts;

	sample_set_text(&message, sample_repeat("x", 1000));
	message.original_length = 100000;
	ck_assert(split(&options, &message, &parts));
	ck_assert(parts.cut);
	ck_assert_uint_eq(parts.text.len, 1000);
}
END_TEST

/* A scratch of any size: what does not fit leaves everything as it was. */
START_TEST(part_waits_for_room_in_the_scratch)
{
	const struct format_options options = { .datagram_bytes = DATAGRAM_BYTES_MIN };
	struct message message = sample_message();
	struct split split;
	struct datagram datagram;

	sample_set_text(&message, sample_repeat("x", 1000));
	ck_assert(split_begin(&split, &options, &message, &bench.cache, shaped));
	for (size_t room = 0;; room++) {
		struct writer scratch = writer_over(header_room, room);

		if (split_next(&split, 1, &bench.cache, &scratch, &datagram))
			break;
		ck_assert_uint_eq(scratch.len, 0);
		ck_assert(!scratch.failed);
		ck_assert_uint_eq(split.message.part, 0);
	}
	ck_assert_uint_eq(split.message.part, 1);
}
END_TEST

START_TEST(rfc3164_numbers_its_parts_before_the_text)
{
	const struct format_options options = { .kind = FORMAT_RFC3164,
						.datagram_bytes = DATAGRAM_BYTES_MIN };
	struct message message = sample_message();
	struct writer scratch = writer_over(header_room, sizeof(header_room));
	struct split split;
	struct datagram datagram;
	uint32_t part = 0;

	sample_set_text(&message, sample_repeat("x", 1000));
	message.original_length = 100000;
	ck_assert(split_begin(&split, &options, &message, &bench.cache, shaped));
	ck_assert_uint_eq(split.message.parts, 3);
	while (split_left(&split) > 0) {
		char mark[] = ": [part 1/3] ";

		ck_assert(split_next(&split, 0, &bench.cache, &scratch, &datagram));
		mark[8] = (char)('1' + part++);
		ck_assert_mem_eq(datagram.header.ptr + datagram.header.len - strlen(mark), mark,
				 strlen(mark));
		ck_assert_uint_le(datagram.header.len + datagram.text.len, DATAGRAM_BYTES_MIN);
	}
	ck_assert_mem_eq(datagram.text.ptr + datagram.text.len - 4, "x...", 4);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("split");
	TCase *parts = tcase_create("parts");

	tcase_add_loop_test(parts, parts_together_are_the_text, 0, ARRAY_LEN(periods));
	tcase_add_test(parts, template_shapes_the_whole_once);
	tcase_add_test(parts, parts_are_bounded_and_the_rest_is_marked_as_cut);
	tcase_add_test(parts, longest_record_fits_the_smallest_datagrams);
	tcase_add_test(parts, context_that_leaves_no_room_is_left_out);
	tcase_add_test(parts, header_that_leaves_no_room_is_not_repeated);
	tcase_add_test(parts, text_that_the_client_cut_says_so_in_every_part);
	tcase_add_test(parts, part_waits_for_room_in_the_scratch);
	tcase_add_test(parts, rfc3164_numbers_its_parts_before_the_text);
	suite_add_tcase(suite, parts);
	return suite;
}
