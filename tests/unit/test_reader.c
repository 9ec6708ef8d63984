/*
 * Proves that reader and writer never touch a byte outside, say so for ever after the first
 * time, and agree on how every field looks.
 */
#include "base/reader.h"

#include <stdlib.h>

#include "base/writer.h"
#include "support/suite.h"

/* Every kind of field, in one order for both. */
static void write_all(struct writer *writer)
{
	writer_u8(writer, 0x01);
	writer_u16(writer, 0x0302);
	writer_u32(writer, 0x07060504);
	writer_u64(writer, UINT64_C(0x0f0e0d0c0b0a0908));
	writer_string8(writer, span_of("eight"));
	writer_string16(writer, span_of("sixteen"));
	writer_bytes(writer, "bytes", 5);
}

static const uint8_t all[] = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
			     "\x05"
			     "eight"
			     "\x07\0"
			     "sixteenbytes";
#define ALL_LENGTH (sizeof(all) - 1)

START_TEST(reader_reads_little_endian)
{
	struct reader reader = reader_of(span_of_bytes(all, ALL_LENGTH));

	ck_assert_uint_eq(reader_u8(&reader), 0x01);
	ck_assert_uint_eq(reader_u16(&reader), 0x0302);
	ck_assert_uint_eq(reader_u32(&reader), 0x07060504);
	ck_assert_uint_eq(reader_u64(&reader), UINT64_C(0x0f0e0d0c0b0a0908));
	ck_assert(span_equal(reader_string8(&reader), span_of("eight")));
	ck_assert(span_equal(reader_string16(&reader), span_of("sixteen")));
	ck_assert(!reader_is_done(&reader));
	ck_assert(span_equal(reader_rest(&reader), span_of("bytes")));
	ck_assert(reader_is_done(&reader));
	ck_assert_uint_eq(reader_rest(&reader).len, 0);
	ck_assert(reader_is_done(&reader));
}
END_TEST

START_TEST(reader_fails_at_every_cut_and_stays_failed)
{
	/* in a block of its own a read behind the end is seen */
	uint8_t *cut = malloc((size_t)_i);
	struct reader reader = reader_of(span_of_bytes(cut, (size_t)_i));
	struct span rest;

	memcpy(cut, all, (size_t)_i);
	reader_u8(&reader);
	reader_u16(&reader);
	reader_u32(&reader);
	reader_u64(&reader);
	reader_string8(&reader);
	reader_string16(&reader);
	reader_bytes(&reader, 5);
	ck_assert(reader.failed);
	ck_assert(!reader_is_done(&reader));
	rest = reader.rest;
	ck_assert_uint_eq(reader_u8(&reader), 0);
	ck_assert_uint_eq(reader_u64(&reader), 0);
	ck_assert_uint_eq(reader_rest(&reader).len, 0);
	ck_assert_uint_eq(reader_bytes(&reader, SIZE_MAX).len, 0);
	ck_assert_ptr_eq(reader.rest.ptr, rest.ptr);
	ck_assert_uint_eq(reader.rest.len, rest.len);
	ck_assert(reader.failed);
	free(cut);
}
END_TEST

START_TEST(reader_takes_nothing_of_what_does_not_fit)
{
	struct reader reader = reader_of(span_of_bytes(all, 3));

	ck_assert_uint_eq(reader_u32(&reader), 0);
	ck_assert_uint_eq(reader.rest.len, 3);
	ck_assert_uint_eq(reader_u8(&reader), 0); /* though there would be one */
	ck_assert(!reader_is_done(&reader));
}
END_TEST

START_TEST(reader_of_nothing_is_done)
{
	struct reader reader = reader_of((struct span){ 0 });

	ck_assert(reader_is_done(&reader));
	ck_assert_uint_eq(reader_bytes(&reader, 0).len, 0);
	ck_assert(reader_is_done(&reader));
	ck_assert_uint_eq(reader_u8(&reader), 0);
	ck_assert(reader.failed);
}
END_TEST

START_TEST(writer_writes_little_endian)
{
	uint8_t buffer[ALL_LENGTH];
	struct writer writer = writer_over(buffer, sizeof(buffer));

	write_all(&writer);
	ck_assert(!writer.failed);
	ck_assert_uint_eq(writer_room(&writer), 0);
	ck_assert(span_equal(writer_span(&writer), span_of_bytes(all, ALL_LENGTH)));
	writer_bytes(&writer, NULL, 0);
	ck_assert(!writer.failed);
}
END_TEST

START_TEST(writer_fails_at_every_size_and_stays_failed)
{
	size_t cap = (size_t)_i;
	uint8_t buffer[ALL_LENGTH + 1];
	struct writer writer = writer_over(buffer, cap);
	size_t length;

	memset(buffer, 0xee, sizeof(buffer));
	write_all(&writer);
	ck_assert(writer.failed);
	ck_assert_uint_eq(writer_room(&writer), 0);
	length = writer.len;
	ck_assert_uint_le(length, cap);
	ck_assert_mem_eq(buffer, all, length);
	for (size_t i = length; i < sizeof(buffer); i++)
		ck_assert_uint_eq(buffer[i], 0xee);
	writer_u8(&writer, 1);
	writer_bytes(&writer, NULL, 0);
	ck_assert(writer.failed);
	ck_assert_uint_eq(writer.len, length);
}
END_TEST

START_TEST(writer_refuses_strings_longer_than_their_field)
{
	static uint8_t text[UINT16_MAX + 1];
	static uint8_t buffer[UINT16_MAX + 4];
	struct writer writer = writer_over(buffer, sizeof(buffer));

	writer_string8(&writer, span_of_bytes(text, UINT8_MAX));
	ck_assert_uint_eq(writer.len, 1 + UINT8_MAX);
	writer_string8(&writer, span_of_bytes(text, UINT8_MAX + 1));
	ck_assert(writer.failed);
	writer = writer_over(buffer, sizeof(buffer));
	writer_string16(&writer, span_of_bytes(text, UINT16_MAX));
	ck_assert_uint_eq(writer.len, 2 + UINT16_MAX);
	writer = writer_over(buffer, sizeof(buffer));
	writer_string16(&writer, span_of_bytes(text, UINT16_MAX + 1));
	ck_assert(writer.failed);
	ck_assert_uint_eq(writer.len, 0);
}
END_TEST

static const struct {
	uint64_t value;
	const char *text;
} decimals[] = {
	{ 0, "0" },   { 9, "9" },	{ 10, "10" },
	{ 99, "99" }, { 1000, "1000" }, { UINT64_MAX, "18446744073709551615" },
};

START_TEST(writer_decimal_has_no_leading_zero)
{
	uint8_t buffer[20];
	struct writer writer = writer_over(buffer, sizeof(buffer));

	writer_decimal(&writer, decimals[_i].value);
	ck_assert(!writer.failed);
	ck_assert(span_equal(writer_span(&writer), span_of(decimals[_i].text)));
	writer = writer_over(buffer, strlen(decimals[_i].text) - 1);
	writer_decimal(&writer, decimals[_i].value);
	ck_assert(writer.failed);
	ck_assert_uint_eq(writer.len, 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("reader");
	TCase *reading = tcase_create("reader");
	TCase *writing = tcase_create("writer");

	tcase_add_test(reading, reader_reads_little_endian);
	tcase_add_loop_test(reading, reader_fails_at_every_cut_and_stays_failed, 0, ALL_LENGTH);
	tcase_add_test(reading, reader_takes_nothing_of_what_does_not_fit);
	tcase_add_test(reading, reader_of_nothing_is_done);
	suite_add_tcase(suite, reading);
	tcase_add_test(writing, writer_writes_little_endian);
	tcase_add_loop_test(writing, writer_fails_at_every_size_and_stays_failed, 0, ALL_LENGTH);
	tcase_add_test(writing, writer_refuses_strings_longer_than_their_field);
	tcase_add_loop_test(writing, writer_decimal_has_no_leading_zero, 0, ARRAY_LEN(decimals));
	suite_add_tcase(suite, writing);
	return suite;
}
