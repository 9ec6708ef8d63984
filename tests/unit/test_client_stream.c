/* Proves that the stream keeps order and bounds, and that only records give way, oldest first. */
#include "client/stream.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "support/suite.h"

#define FRAME_COST(length) (sizeof(struct waiting_frame) + (length))

static int append(struct stream *stream, enum frame_type type, const char *head, const char *text)
{
	struct outgoing frame = { .type = type, .head = span_of(head), .text = span_of(text) };

	return stream_append(stream, &frame);
}

static void expect(struct waiting_frame *frame, enum frame_type type, const char *bytes)
{
	ck_assert_ptr_nonnull(frame);
	ck_assert_int_eq(frame->type, type);
	ck_assert(span_equal(waiting_frame_span(frame), span_of(bytes)));
	free(frame);
}

START_TEST(stream_gives_back_whole_frames_in_order)
{
	struct stream stream;

	stream_init(&stream, 1000);
	ck_assert(stream_is_empty(&stream));
	ck_assert_int_eq(append(&stream, FRAME_RECORD, "head", "text"), 0);
	ck_assert_int_eq(append(&stream, FRAME_CLOSE, "close", NULL), 0);
	ck_assert_uint_eq(stream.records, 1);
	expect(stream_take(&stream), FRAME_RECORD, "headtext");
	expect(stream_take(&stream), FRAME_CLOSE, "close");
	ck_assert_ptr_null(stream_take(&stream));
	ck_assert_uint_eq(stream.bytes, 0);
	ck_assert_uint_eq(stream.records, 0);
}
END_TEST

START_TEST(stream_never_exceeds_its_limit)
{
	struct stream stream;

	stream_init(&stream, 2 * FRAME_COST(4));
	ck_assert_int_eq(append(&stream, FRAME_RECORD, "aaaa", NULL), 0);
	ck_assert_int_eq(append(&stream, FRAME_CLOSE, "bbbbb", NULL), -ENOBUFS);
	ck_assert_int_eq(append(&stream, FRAME_CLOSE, "bbbb", NULL), 0);
	ck_assert_int_eq(append(&stream, FRAME_RECORD, "", NULL), -ENOBUFS);
	ck_assert_uint_eq(stream.bytes, stream.limit);
	stream_clear(&stream);
	ck_assert_uint_eq(stream.bytes, 0);
}
END_TEST

START_TEST(stream_drops_the_oldest_record_from_behind_other_frames)
{
	struct stream stream;

	stream_init(&stream, 1000);
	append(&stream, FRAME_CONTEXT, "c1", NULL);
	append(&stream, FRAME_RECORD, "r1", NULL);
	append(&stream, FRAME_SET_LEVEL, "l1", NULL);
	append(&stream, FRAME_RECORD, "r2", NULL);
	expect(stream_take_oldest_record(&stream), FRAME_RECORD, "r1");
	expect(stream_take(&stream), FRAME_CONTEXT, "c1");
	append(&stream, FRAME_RECORD, "r3", NULL);
	expect(stream_take_oldest_record(&stream), FRAME_RECORD, "r2");
	expect(stream_take(&stream), FRAME_SET_LEVEL, "l1");
	expect(stream_take(&stream), FRAME_RECORD, "r3");
	ck_assert_ptr_null(stream_take_oldest_record(&stream));
	append(&stream, FRAME_RECORD, "r4", NULL);
	expect(stream_take_oldest_record(&stream), FRAME_RECORD, "r4");
	ck_assert(stream_is_empty(&stream));
}
END_TEST

START_TEST(stream_knows_what_dropping_records_could_make_room_for)
{
	struct stream stream;

	stream_init(&stream, 3 * FRAME_COST(4));
	append(&stream, FRAME_CLOSE, "cccc", NULL);
	append(&stream, FRAME_RECORD, "rrrr", NULL);
	append(&stream, FRAME_RECORD, "rrrr", NULL);
	ck_assert(stream_could_fit(&stream, sizeof(struct waiting_frame) + 8));
	ck_assert(!stream_could_fit(&stream, sizeof(struct waiting_frame) + 9));
	stream_clear(&stream);
}
END_TEST

START_TEST(stream_peek_fills_packets_but_gives_a_large_frame_alone)
{
	struct iovec iov[3];
	struct stream stream;

	stream_init(&stream, 1000);
	append(&stream, FRAME_RECORD, "0123456789", NULL);
	append(&stream, FRAME_RECORD, "abc", NULL);
	append(&stream, FRAME_RECORD, "def", NULL);
	append(&stream, FRAME_RECORD, "ghi", NULL);
	ck_assert_uint_eq(stream_peek(&stream, 9, iov, ARRAY_LEN(iov)), 1);
	ck_assert_uint_eq(iov[0].iov_len, 10);
	ck_assert_uint_eq(stream_peek(&stream, 13, iov, ARRAY_LEN(iov)), 2);
	ck_assert_mem_eq(iov[1].iov_base, "abc", 3);
	ck_assert_uint_eq(stream_peek(&stream, 1000, iov, ARRAY_LEN(iov)), 3);
	stream_clear(&stream);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_stream");
	TCase *frames = tcase_create("frames");

	tcase_add_test(frames, stream_gives_back_whole_frames_in_order);
	tcase_add_test(frames, stream_never_exceeds_its_limit);
	tcase_add_test(frames, stream_drops_the_oldest_record_from_behind_other_frames);
	tcase_add_test(frames, stream_knows_what_dropping_records_could_make_room_for);
	tcase_add_test(frames, stream_peek_fills_packets_but_gives_a_large_frame_alone);
	suite_add_tcase(suite, frames);
	return suite;
}
