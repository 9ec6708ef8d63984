/* Proves that times become the right texts: every day of the years 0 to 9999, and local ones. */
#include "format/timestamp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/suite.h"

#define S INT64_C(1000000) /* microseconds of a second */

static const struct {
	int64_t time_us;
	const char *text;
} utc[] = {
	{ 0, "1970-01-01T00:00:00.000000Z" },
	{ 1, "1970-01-01T00:00:00.000001Z" },
	{ -1, "1969-12-31T23:59:59.999999Z" },
	{ -S, "1969-12-31T23:59:59.000000Z" },
	{ -S - 1, "1969-12-31T23:59:58.999999Z" },
	{ 1795342272345678, "2026-11-22T10:11:12.345678Z" },
	{ 951782400 * S, "2000-02-29T00:00:00.000000Z" },
	{ 951868799 * S + 999999, "2000-02-29T23:59:59.999999Z" },
	{ 951868800 * S, "2000-03-01T00:00:00.000000Z" },
	{ 1709164800 * S, "2024-02-29T00:00:00.000000Z" },
	{ 1740700800 * S, "2025-02-28T00:00:00.000000Z" },
	{ 1740787200 * S, "2025-03-01T00:00:00.000000Z" },
	{ 1735689599 * S, "2024-12-31T23:59:59.000000Z" },
	{ 1735689600 * S, "2025-01-01T00:00:00.000000Z" },
	{ 1483228799 * S, "2016-12-31T23:59:59.000000Z" }, /* a leap second followed */
	{ 1483228800 * S, "2017-01-01T00:00:00.000000Z" },
	{ INT32_MAX * S, "2038-01-19T03:14:07.000000Z" },
	{ (INT32_MAX + 1 * INT64_C(1)) * S, "2038-01-19T03:14:08.000000Z" },
	{ UINT32_MAX * S, "2106-02-07T06:28:15.000000Z" },
	{ 4107542399 * S, "2100-02-28T23:59:59.000000Z" },
	{ 4107542400 * S, "2100-03-01T00:00:00.000000Z" }, /* no leap year */
	{ -2203891200 * S, "1900-03-01T00:00:00.000000Z" },
	{ 253402300799 * S + 999999, "9999-12-31T23:59:59.999999Z" },
	{ 253402300800 * S, "-" },
	{ -62135596800 * S, "0001-01-01T00:00:00.000000Z" },
	{ -62162035201 * S, "0000-02-29T23:59:59.000000Z" },
	{ -62167219200 * S, "0000-01-01T00:00:00.000000Z" },
	{ -62167219200 * S - 1, "-" },
	{ INT64_MAX, "-" },
	{ INT64_MIN, "-" },
};

static void check_text(const struct writer *writer, const char *expected)
{
	ck_assert(!writer->failed);
	ck_assert_uint_eq(writer->len, strlen(expected));
	ck_assert_mem_eq(writer->ptr, expected, writer->len);
}

static void check_utc(struct timestamp_cache *cache, int64_t time_us, const char *expected)
{
	uint8_t bytes[64];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	timestamp_write_rfc5424(cache, time_us, &writer);
	check_text(&writer, expected);
}

START_TEST(timestamp_rfc5424_is_utc_to_the_microsecond)
{
	struct timestamp_cache cache = { 0 };

	check_utc(&cache, utc[_i].time_us, utc[_i].text);
}
END_TEST

START_TEST(timestamp_rfc5424_keeps_no_stale_second)
{
	struct timestamp_cache cache = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(utc); i++) {
		size_t other = (i * 7 + 3) % ARRAY_LEN(utc);

		check_utc(&cache, utc[i].time_us, utc[i].text);
		check_utc(&cache, utc[other].time_us, utc[other].text);
		check_utc(&cache, utc[i].time_us, utc[i].text);
	}
}
END_TEST

static unsigned days_of_month(unsigned year, unsigned month)
{
	if (month == 2)
		return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Walks a calendar from day to day beside it, for ten thousand years. */
START_TEST(timestamp_rfc5424_knows_every_day)
{
	struct timestamp_cache cache = { 0 };
	int64_t second = -62167219200 + 86399;

	for (unsigned month = 1; month <= 10000 * 12; month++) {
		unsigned year = (month - 1) / 12;
		unsigned of_year = (month - 1) % 12 + 1;

		for (unsigned day = 1; day <= days_of_month(year, of_year); day++) {
			uint8_t bytes[64];
			char expected[64];
			struct writer writer = writer_over(bytes, sizeof(bytes));

			timestamp_write_rfc5424(&cache, second * S, &writer);
			snprintf(expected, sizeof(expected), "%04u-%02u-%02uT23:59:59.000000Z",
				 year, of_year, day);
			if (!span_equal(writer_span(&writer), span_of(expected)))
				ck_abort_msg("%s",
					     expected); /* asserting each would take minutes */
			second += 86400;
		}
	}
	ck_assert_int_eq(second, 253402300799 + 86400);
}
END_TEST

static const struct {
	const char *zone; /* POSIX, so that no zone files are needed */
	int64_t time_us;
	const char *text;
} local[] = {
	{ "UTC0", 1795342272345678, "Nov 22 10:11:12" },
	{ "UTC0", 0, "Jan  1 00:00:00" },
	{ "UTC0", -1, "Dec 31 23:59:59" },
	{ "UTC0", 951782400 * S, "Feb 29 00:00:00" },
	{ "UTC0", 1794355200 * S, "Nov 11 00:00:00" },
	{ "EST5", 0, "Dec 31 19:00:00" },
	{ "IST-5:30", 1795342272345678, "Nov 22 15:41:12" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1782864000 * S, "Jul  1 02:00:00" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1795342272 * S, "Nov 22 11:11:12" },
};

START_TEST(timestamp_rfc3164_is_local)
{
	struct timestamp_cache cache = { 0 };
	uint8_t bytes[64];

	setenv("TZ", local[_i].zone, 1);
	tzset();
	for (int round = 0; round < 2; round++) { /* computed, then kept */
		struct writer writer = writer_over(bytes, sizeof(bytes));

		timestamp_write_rfc3164(&cache, local[_i].time_us, &writer);
		check_text(&writer, local[_i].text);
	}
}
END_TEST

START_TEST(timestamp_rfc3164_takes_any_time)
{
	static const int64_t times[] = { INT64_MIN, -62167219200 * S, 253402300800 * S, INT64_MAX };
	struct timestamp_cache cache = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		uint8_t bytes[64];
		struct writer writer = writer_over(bytes, sizeof(bytes));

		timestamp_write_rfc3164(&cache, times[i], &writer);
		ck_assert(!writer.failed);
		ck_assert_uint_eq(writer.len, strlen("Nov 22 10:11:12"));
	}
}
END_TEST

START_TEST(timestamp_without_room_fails_the_writer)
{
	struct timestamp_cache cache = { 0 };
	uint8_t bytes[26];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	timestamp_write_rfc5424(&cache, 0, &writer);
	ck_assert(writer.failed);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("timestamp");
	TCase *rfc5424 = tcase_create("rfc5424");
	TCase *rfc3164 = tcase_create("rfc3164");

	tcase_add_loop_test(rfc5424, timestamp_rfc5424_is_utc_to_the_microsecond, 0,
			    ARRAY_LEN(utc));
	tcase_add_test(rfc5424, timestamp_rfc5424_keeps_no_stale_second);
	tcase_add_test(rfc5424, timestamp_rfc5424_knows_every_day);
	tcase_add_test(rfc5424, timestamp_without_room_fails_the_writer);
	tcase_set_timeout(rfc5424, 60);
	suite_add_tcase(suite, rfc5424);
	tcase_add_loop_test(rfc3164, timestamp_rfc3164_is_local, 0, ARRAY_LEN(local));
	tcase_add_test(rfc3164, timestamp_rfc3164_takes_any_time);
	suite_add_tcase(suite, rfc3164);
	return suite;
}
