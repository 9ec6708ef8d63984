/*
 * Proves that every frame comes back as it was written, and that no truncation and no changed
 * byte makes a decoder read outside or accept what is out of range.
 */
#include "wire/frame.h"

#include <stdlib.h>

#include "support/frame_codec.h"
#include "support/suite.h"
#include "wire/level.h"

#define PACKET_BYTES 512

/* One frame of each type and of each optional part. */
static void write_sample(struct writer *writer, int sample)
{
	const struct level_map_entry entries[] = {
		{ span_of(""), LEVEL_MAP_CONFIGURED, 20 },
		{ span_of("a.b"), LEVEL_MAP_OVERRIDE, 100 },
		{ span_of("a"), LEVEL_MAP_OVERRIDE_PREFIX, 1 },
		{ span_of("a.b"), LEVEL_MAP_RECORDER, 1 },
		{ span_of("a.b.c"), LEVEL_MAP_RECORDER, 0 },
	};
	const struct context_pair pair = { span_of("peer"), span_of("10.0.0.7:51234") };
	const struct context_pair key = { .key = span_of("peer") };

	switch (sample) {
	case 0:
		frame_write_hello(writer, &(struct frame_hello){ WIRE_VERSION, 5, span_of("app") });
		break;
	case 1:
		frame_write_welcome(writer, &(struct frame_welcome){ WIRE_VERSION, 6, 65536 });
		break;
	case 2:
		frame_write_open(writer, &(struct frame_open){ 7, span_of("Connection.1") });
		break;
	case 3:
		frame_write_close(writer, &(struct frame_close){ UINT32_MAX });
		break;
	case 4:
		frame_write_record(writer, &(struct frame_record){ 8, 1764000000123456, 1, 5,
								   span_of("hello") });
		break;
	case 5: /* cut by the client */
		frame_write_record(writer, &(struct frame_record){ 9, -1, LEVEL_MAX, UINT32_MAX,
								   span_of("hel") });
		break;
	case 6:
		frame_write_set_level(writer, &(struct frame_set_level){ 10, 0 });
		break;
	case 7:
		frame_write_context(writer, &(struct frame_context){ 11, true, pair });
		break;
	case 8:
		frame_write_context(writer, &(struct frame_context){ 12, false, key });
		break;
	case 9:
		frame_write_dropped(writer, &(struct frame_dropped){ UINT64_MAX, INT64_MIN, 1 });
		break;
	case 10:
		frame_write_flush(writer, FRAME_FLUSH, &(struct frame_flush){ 13 });
		break;
	case 11:
		frame_write_flush(writer, FRAME_FLUSHED, &(struct frame_flush){ 14 });
		break;
	case 12:
		frame_write_level_map(writer, LEVEL_MAX + 1, entries, ARRAY_LEN(entries));
		break;
	case 13:
		frame_write_level_map(writer, 1, NULL, 0);
		break;
	case 14:
		frame_write_error(writer, FRAME_ERROR,
				  &(struct frame_error){ FRAME_ERROR_NAME, 15, span_of("why") });
		break;
	case 15:
		frame_write_leave(writer);
		break;
	case 16:
		frame_write_ring(writer, FRAME_RING);
		break;
	case 17:
		frame_write_ring(writer, FRAME_ROOM);
		break;
	default:
		frame_write_error(writer, FRAME_BYE,
				  &(struct frame_error){ FRAME_ERROR_SHUTDOWN, 0, span_of("") });
		break;
	}
}
#define SAMPLES 19

static struct span sample_packet(int sample, uint8_t packet[static PACKET_BYTES])
{
	struct writer writer = writer_over(packet, PACKET_BYTES);

	write_sample(&writer, sample);
	ck_assert(!writer.failed);
	return writer_span(&writer);
}

/* Decodes all frames of a packet that are known; the packet stands in a block of its own size. */
static void decode_all(struct span packet)
{
	uint8_t *block = malloc(packet.len);
	uint8_t again[PACKET_BYTES];
	struct span rest = span_of_bytes(block, packet.len);
	struct frame frame;

	if (packet.len > 0)
		memcpy(block, packet.ptr, packet.len);
	while (frame_take(&rest, &frame) == FRAME_TAKEN) {
		struct writer writer = writer_over(again, sizeof(again));

		if (frame_type_is_known(frame.type))
			frame_recode(&frame, &writer);
	}
	free(block);
}

START_TEST(frame_comes_back_as_written)
{
	uint8_t packet[PACKET_BYTES];
	uint8_t again[PACKET_BYTES];
	struct span written = sample_packet(_i, packet);
	struct writer writer = writer_over(again, sizeof(again));
	struct span rest = written;
	struct frame frame;

	ck_assert_int_eq(frame_take(&rest, &frame), FRAME_TAKEN);
	ck_assert_int_eq(frame_take(&rest, &frame), FRAME_END);
	ck_assert(frame_type_is_known(frame.type));
	ck_assert(frame_recode(&frame, &writer));
	ck_assert(span_equal(writer_span(&writer), written));
}
END_TEST

/* A torn frame is broken as a packet; with its length put right the body is refused, too. */
START_TEST(frame_is_refused_at_every_cut)
{
	uint8_t packet[PACKET_BYTES];
	struct span written = sample_packet(_i, packet);
	bool ends_in_text = packet[0] == FRAME_RECORD;

	for (size_t length = 1; length < written.len; length++) {
		struct span cut = span_first(written, length);
		struct frame frame;
		struct writer writer = writer_over(NULL, 0);

		ck_assert_int_eq(frame_take(&cut, &frame), FRAME_BROKEN);
		ck_assert_uint_eq(cut.len, length);
		decode_all(cut);
		if (length < WIRE_HEADER_BYTES || (ends_in_text && length >= 22))
			continue;
		frame = (struct frame){ packet[0], span_drop(cut, WIRE_HEADER_BYTES) };
		ck_assert(!frame_recode(&frame, &writer));
	}
}
END_TEST

START_TEST(frame_survives_every_changed_byte)
{
	uint8_t packet[PACKET_BYTES];
	struct span written = sample_packet(_i, packet);

	for (size_t at = 0; at < written.len; at++) {
		uint8_t before = packet[at];

		for (unsigned value = 0; value <= UINT8_MAX; value++) {
			packet[at] = (uint8_t)value;
			decode_all(written);
		}
		packet[at] = before;
	}
}
END_TEST

START_TEST(frame_with_bytes_left_over_is_refused)
{
	uint8_t packet[PACKET_BYTES];
	struct span written = sample_packet(_i, packet);
	struct frame frame = { .type = packet[0] };
	struct writer writer = writer_over(NULL, 0);

	packet[written.len] = 0;
	frame.body = span_of_bytes(packet + WIRE_HEADER_BYTES, written.len + 1 - WIRE_HEADER_BYTES);
	if (frame.type == FRAME_RECORD)
		return; /* its text is all that is left */
	ck_assert(!frame_recode(&frame, &writer));
}
END_TEST

START_TEST(frame_writers_write_whole_frames_only)
{
	uint8_t packet[PACKET_BYTES];
	size_t length = sample_packet(_i, packet).len;

	for (size_t cap = 0; cap < length; cap++) {
		struct writer writer = writer_over(packet, cap);

		write_sample(&writer, _i);
		ck_assert(writer.failed);
		ck_assert_uint_eq(writer.len, 0);
	}
}
END_TEST

START_TEST(frame_packets_hold_many)
{
	uint8_t packet[SAMPLES * 64];
	struct writer writer = writer_over(packet, sizeof(packet));
	struct span rest;
	struct frame frame;

	for (int sample = 0; sample < SAMPLES; sample++)
		write_sample(&writer, sample);
	ck_assert(!writer.failed);
	rest = writer_span(&writer);
	for (int sample = 0; sample < SAMPLES; sample++) {
		uint8_t single[PACKET_BYTES];

		ck_assert_int_eq(frame_take(&rest, &frame), FRAME_TAKEN);
		ck_assert(span_equal(frame.body,
				     span_drop(sample_packet(sample, single), WIRE_HEADER_BYTES)));
	}
	ck_assert_int_eq(frame_take(&rest, &frame), FRAME_END);
	ck_assert_int_eq(frame_take(&rest, &frame), FRAME_END);
}
END_TEST

/* A bad frame does not take back the good ones before it. */
START_TEST(frame_packets_may_break_in_the_middle)
{
	uint8_t packet[PACKET_BYTES];
	struct writer writer = writer_over(packet, sizeof(packet));
	struct span rest;
	struct frame frame;

	write_sample(&writer, 3);
	writer_u16(&writer, FRAME_CLOSE);
	writer_u16(&writer, 1); /* reserved */
	writer_u32(&writer, 0);
	rest = writer_span(&writer);
	ck_assert_int_eq(frame_take(&rest, &frame), FRAME_TAKEN);
	ck_assert_int_eq(frame_take(&rest, &frame), FRAME_BROKEN);
	ck_assert_int_eq(frame_take(&rest, &frame), FRAME_BROKEN);
}
END_TEST

#define ID	    "\1\0\0\0"
#define ID_AND_TIME ID "\0\0\0\0\0\0\0\0"

/* Bodies of the right shape whose values are out of range. */
static const struct {
	uint16_t type;
	const char *body;
	size_t length;
	bool accepted;
} ranges[] = {
	{ FRAME_RECORD, ID_AND_TIME "\x00\0", 14, false }, /* level 0 */
	{ FRAME_RECORD, ID_AND_TIME "\x64\0", 14, true },
	{ FRAME_RECORD, ID_AND_TIME "\x65\0", 14, false },
	{ FRAME_RECORD, ID_AND_TIME "\x14\2", 14, false },	     /* an unknown flag */
	{ FRAME_RECORD, ID_AND_TIME "\x14\1\1\0\0\0xx", 20, false }, /* it grew */
	{ FRAME_RECORD, ID_AND_TIME "\x14\1\3\0\0\0xx", 20, true },
	{ FRAME_SET_LEVEL, ID "\x64", 5, true },
	{ FRAME_SET_LEVEL, ID "\x65", 5, false },
	{ FRAME_CONTEXT, ID "\2\1k\1\0v", 10, false }, /* an unknown flag */
	{ FRAME_CONTEXT, ID "\0\1k\1\0v", 10, false }, /* unset, with a value */
	{ FRAME_WELCOME, "\1\0\0\0\0\0\0\0\1\0", 10, true },
	{ FRAME_WELCOME, "\1\0\0\0\0\0\1\0\1\0", 10, false }, /* WIRE_RECORD_MAX + 1 */
	{ FRAME_LEVEL_MAP, "\1\1\0\0\0\1a\0\x00", 9, false },
	{ FRAME_LEVEL_MAP, "\1\1\0\0\0\1a\0\x64", 9, true },
	{ FRAME_LEVEL_MAP, "\1\1\0\0\0\1a\0\x65", 9, false },
	{ FRAME_LEVEL_MAP, "\1\1\0\0\0\1a\2\x00", 9, false }, /* an override with no level */
	{ FRAME_LEVEL_MAP, "\1\1\0\0\0\1a\2\x64", 9, true },
	{ FRAME_LEVEL_MAP, "\1\1\0\0\0\1a\3\x00", 9, true }, /* a recorder that is off */
	{ FRAME_LEVEL_MAP, "\1\1\0\0\0\1a\3\x01", 9, true },
	{ FRAME_LEVEL_MAP, "\1\1\0\0\0\1a\3\x02", 9, false },
	{ FRAME_LEVEL_MAP, "\1\1\0\0\0\1a\4\x01", 9, false }, /* an unknown kind */
	{ FRAME_LEVEL_MAP, "\0\1\0\0\0\1a\0\x64", 9, false }, /* no such floor */
	{ FRAME_LEVEL_MAP, "\x65\1\0\0\0\1a\0\x64", 9, true },
	{ FRAME_LEVEL_MAP, "\x66\1\0\0\0\1a\0\x64", 9, false },
	{ FRAME_LEVEL_MAP, "\1\xff\xff\xff\xff\1a\0\x64", 9, false }, /* fewer than it says */
	{ FRAME_HELLO, "\1\0\0\0\0\0\1amore", 12, false },
	{ FRAME_HELLO, "\2\0\0\0\0\0\1amore", 12, true }, /* of a later version */
};

START_TEST(frame_values_have_a_range)
{
	uint8_t again[PACKET_BYTES];
	struct writer writer = writer_over(again, sizeof(again));
	const struct frame frame = {
		.type = ranges[_i].type,
		.body = span_of_bytes(ranges[_i].body, ranges[_i].length),
	};

	ck_assert_int_eq(frame_recode(&frame, &writer), ranges[_i].accepted);
}
END_TEST

START_TEST(frame_record_has_a_largest_text)
{
	static uint8_t packet[WIRE_PACKET_MAX];
	static uint8_t text[WIRE_RECORD_MAX + 1];
	struct frame_record record = { 1, 0, LEVEL_INFO, WIRE_RECORD_MAX,
				       span_of_bytes(text, WIRE_RECORD_MAX) };
	struct writer writer = writer_over(packet, sizeof(packet));
	struct span rest;
	struct frame frame;

	record.original_length = WIRE_RECORD_MAX + 1;
	frame_write_record(&writer, &record);
	ck_assert(!writer.failed);
	ck_assert_uint_eq(writer.len, WIRE_RECORD_OVERHEAD + WIRE_RECORD_MAX);
	rest = writer_span(&writer);
	ck_assert_int_eq(frame_take(&rest, &frame), FRAME_TAKEN);
	ck_assert(frame_parse_record(frame.body, &record));
	ck_assert_uint_eq(record.original_length, WIRE_RECORD_MAX + 1);
	writer = writer_over(packet, sizeof(packet));
	record.text = span_of_bytes(text, WIRE_RECORD_MAX + 1);
	frame_write_record(&writer, &record);
	rest = writer_span(&writer);
	ck_assert_int_eq(frame_take(&rest, &frame), FRAME_TAKEN);
	ck_assert(!frame_parse_record(frame.body, &record));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("frame");
	TCase *single = tcase_create("frames");
	TCase *packets = tcase_create("packets");
	TCase *values = tcase_create("values");

	tcase_add_loop_test(single, frame_comes_back_as_written, 0, SAMPLES);
	tcase_add_loop_test(single, frame_is_refused_at_every_cut, 0, SAMPLES);
	tcase_add_loop_test(single, frame_survives_every_changed_byte, 0, SAMPLES);
	tcase_add_loop_test(single, frame_with_bytes_left_over_is_refused, 0, SAMPLES);
	tcase_add_loop_test(single, frame_writers_write_whole_frames_only, 0, SAMPLES);
	suite_add_tcase(suite, single);
	tcase_add_test(packets, frame_packets_hold_many);
	tcase_add_test(packets, frame_packets_may_break_in_the_middle);
	suite_add_tcase(suite, packets);
	tcase_add_loop_test(values, frame_values_have_a_range, 0, ARRAY_LEN(ranges));
	tcase_add_test(values, frame_record_has_a_largest_text);
	suite_add_tcase(suite, values);
	return suite;
}
