/* Proves that a record carries its text as given: formatted, raw, and cut where it is too long. */
#include <check.h>
#include <time.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"
#include "wire/level.h"

static struct scripted_daemon played;
static struct logfwd_client *client;
static struct logfwd_logger *logger;
static uint32_t id;

static void begin(uint32_t record_bytes)
{
	daemon_init(&played, true);
	client = daemon_client(&played, (struct logfwd_options){ 0 });
	daemon_accept(&played, NULL);
	daemon_welcome(&played, record_bytes);
	logfwd_flush(client, 0);
	daemon_expect_flush(&played);
	logger = open_logger(client, "a");
	id = daemon_expect_open(&played, "a");
}

static void set_up(void)
{
	begin(WIRE_RECORD_MAX);
}

static void set_up_short(void)
{
	begin(10);
}

static void tear_down(void)
{
	logfwd_client_close(client);
	daemon_deinit(&played);
}

static struct frame_record next_record(void)
{
	struct frame frame = daemon_next(&played);
	struct frame_record record;

	ck_assert_int_eq(frame.type, FRAME_RECORD);
	ck_assert(frame_parse_record(frame.body, &record));
	ck_assert_uint_eq(record.logger_id, id);
	return record;
}

START_TEST(records_have_the_time_of_the_call)
{
	struct timespec before, after;
	struct frame_record record;

	clock_gettime(CLOCK_REALTIME, &before);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "now"), 0);
	clock_gettime(CLOCK_REALTIME, &after);
	record = next_record();
	ck_assert_int_ge(record.time_us, (int64_t)before.tv_sec * 1000000 + before.tv_nsec / 1000);
	ck_assert_int_le(record.time_us, (int64_t)after.tv_sec * 1000000 + after.tv_nsec / 1000);
}
END_TEST

START_TEST(records_take_any_bytes)
{
	uint8_t bytes[256];
	struct frame_record record;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	ck_assert_int_eq(logfwd_write(logger, LOGFWD_INFO, bytes, sizeof(bytes)), 0);
	record = next_record();
	ck_assert(span_equal(record.text, span_of_bytes(bytes, sizeof(bytes))));
	ck_assert_int_eq(logfwd_write(logger, LOGFWD_INFO, NULL, 0), 0);
	ck_assert_uint_eq(next_record().text.len, 0);
}
END_TEST

static const int lengths[] = { 0, 1, 1022, 1023, 1024, 1025, 5000, WIRE_RECORD_MAX };

START_TEST(records_are_formatted_whole_up_to_the_limit)
{
	int length = lengths[_i];
	struct frame_record record;

	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "%.*s%0*d", 0, "", length, 0), 0);
	record = next_record();
	ck_assert_uint_eq(record.text.len, length == 0 ? 1 : (size_t)length); /* "0" at least */
	ck_assert_uint_eq(record.original_length, record.text.len);
	for (size_t i = 0; i < record.text.len; i++)
		ck_assert_int_eq(record.text.ptr[i], '0');
}
END_TEST

START_TEST(records_longer_than_any_daemon_takes_are_cut)
{
	struct frame_record record;

	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "%0*d", 3 * WIRE_RECORD_MAX, 0), 0);
	record = next_record();
	ck_assert_uint_eq(record.text.len, WIRE_RECORD_MAX);
	ck_assert_uint_eq(record.original_length, 3 * WIRE_RECORD_MAX);
}
END_TEST

static const struct {
	const char *text;
	size_t kept; /* of 10 that the daemon takes */
} cuts[] = {
	{ "0123456789", 10 },
	{ "0123456789a", 10 },
	{ "01234567\xc3\xa9", 10 },	      /* ends with the two bytes of a character */
	{ "012345678\xc3\xa9", 9 },	      /* which would be split here */
	{ "01234567\xe2\x82\xac", 8 },	      /* three bytes, of which two would fit */
	{ "0123456\xf0\x9f\x98\x80", 7 },     /* four, of which three would */
	{ "012345\x80\x80\x80\x80\x80", 10 }, /* no UTF-8: cut where the limit is */
	{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 10 },
};

START_TEST(records_are_cut_between_characters)
{
	struct frame_record record;

	for (int by_write = 0; by_write < 2; by_write++) {
		size_t length = strlen(cuts[_i].text);

		if (by_write)
			ck_assert_int_eq(logfwd_write(logger, LOGFWD_INFO, cuts[_i].text, length),
					 0);
		else
			ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "%s", cuts[_i].text), 0);
		record = next_record();
		ck_assert_uint_eq(record.text.len, cuts[_i].kept);
		ck_assert_mem_eq(record.text.ptr, cuts[_i].text, cuts[_i].kept);
		ck_assert_uint_eq(record.original_length, length);
	}
}
END_TEST

START_TEST(records_formatted_on_the_heap_are_cut_as_well)
{
	struct frame_record record;

	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "012345678\xc3\xa9%02000d", 0), 0);
	record = next_record();
	ck_assert_uint_eq(record.text.len, 9);
	ck_assert_uint_eq(record.original_length, 2011);
}
END_TEST

START_TEST(records_name_their_program_in_bounds)
{
	char name[1000], kept[UINT8_MAX + 1];
	struct logfwd_client *other;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memcpy(kept, name, sizeof(kept));
	kept[sizeof(kept) - 1] = '\0';
	other = daemon_client(&played, (struct logfwd_options){ .app_name = name });
	daemon_accept(&played, kept);
	logfwd_client_close(other);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_records");
	TCase *records = tcase_create("records"), *cutting = tcase_create("cutting");

	tcase_add_checked_fixture(records, set_up, tear_down);
	tcase_add_test(records, records_have_the_time_of_the_call);
	tcase_add_test(records, records_take_any_bytes);
	tcase_add_loop_test(records, records_are_formatted_whole_up_to_the_limit, 0,
			    ARRAY_LEN(lengths));
	tcase_add_test(records, records_longer_than_any_daemon_takes_are_cut);
	tcase_add_test(records, records_name_their_program_in_bounds);
	tcase_add_checked_fixture(cutting, set_up_short, tear_down);
	tcase_add_loop_test(cutting, records_are_cut_between_characters, 0, ARRAY_LEN(cuts));
	tcase_add_test(cutting, records_formatted_on_the_heap_are_cut_as_well);
	suite_add_tcase(suite, records);
	suite_add_tcase(suite, cutting);
	return suite;
}
