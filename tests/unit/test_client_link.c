/*
 * Proves what a daemon sees of a client: one ordered stream, whatever happens to the
 * connection; nothing twice, nothing before what it depends on, and each loss reported.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"
#include "wire/level.h"

#define SMALL_BUFFER 4096

static struct scripted_daemon played;
static struct logfwd_client *client;

static void set_up(void)
{
	daemon_init(&played, true);
}

static void tear_down(void)
{
	logfwd_client_close(client);
	client = NULL;
	daemon_deinit(&played);
}

/* Logs "PREFIX NUMBER" until a record is refused; returns how many were taken. */
static unsigned log_until_full(struct logfwd_logger *logger, const char *prefix)
{
	unsigned count = 0;

	while (logfwd_log(logger, LOGFWD_INFO, "%s %u", prefix, count) == 0)
		ck_assert_uint_lt(++count, 1000000);
	return count;
}

static void expect_records(uint32_t id, const char *prefix, unsigned first, unsigned count)
{
	char text[64];

	for (unsigned number = first; number < first + count; number++) {
		snprintf(text, sizeof(text), "%s %u", prefix, number);
		daemon_expect_record(&played, id, text);
	}
}

START_TEST(link_sends_each_call_at_once)
{
	struct logfwd_logger *logger;
	struct frame_record record;
	uint32_t id;

	client = daemon_client(&played, (struct logfwd_options){ .app_name = "tester" });
	daemon_accept(&played, "tester");
	logger = open_logger(client, "Connection.1");
	id = daemon_expect_open(&played, "Connection.1");
	ck_assert_int_eq(logfwd_logger_set_level(logger, 15), 0);
	daemon_expect_level(&played, id, 15);
	ck_assert_int_eq(logfwd_logger_set_context(logger, "peer", "10.0.0.7"), 0);
	daemon_expect_context(&played, id, "peer", "10.0.0.7");
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_WARNING, "hello %s", "world"), 0);
	record = daemon_expect_record(&played, id, "hello world");
	ck_assert_uint_eq(record.level, LOGFWD_WARNING);
	ck_assert_uint_eq(record.original_length, 11);
	ck_assert_int_eq(logfwd_logger_set_context(logger, "peer", NULL), 0);
	daemon_expect_context(&played, id, "peer", NULL);
	logfwd_logger_close(logger);
	daemon_expect_close(&played, id);
	ck_assert(!daemon_has_next(&played, 0));
	ck_assert_uint_eq(client_stats(client).sent, 1);
	ck_assert_uint_eq(client_stats(client).loggers, 0);
}
END_TEST

START_TEST(link_gives_ids_out_again_only_after_their_close)
{
	struct logfwd_logger *first, *second;
	uint32_t first_id, second_id;

	client = daemon_connected_client(&played);
	first = open_logger(client, "a");
	second = open_logger(client, "b");
	first_id = daemon_expect_open(&played, "a");
	second_id = daemon_expect_open(&played, "b");
	ck_assert_uint_ne(first_id, second_id);
	logfwd_logger_close(first);
	open_logger(client, "c");
	daemon_expect_close(&played, first_id);
	ck_assert_uint_eq(daemon_expect_open(&played, "c"), first_id);
	logfwd_logger_close(second);
	daemon_expect_close(&played, second_id);
}
END_TEST

START_TEST(link_works_without_a_daemon_and_in_order_once_it_is_there)
{
	struct logfwd_logger *logger, *gone;
	uint32_t id, gone_id;

	daemon_die(&played);
	client = daemon_client(&played, (struct logfwd_options){ 0 });
	logger = open_logger(client, "a");
	logfwd_logger_set_context(logger, "peer", "first");
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "one"), 0);
	logfwd_logger_set_context(logger, "peer", "second");
	logfwd_logger_set_level(logger, LOGFWD_DEBUG);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "two"), 0);
	gone = open_logger(client, "gone");
	logfwd_log(gone, LOGFWD_INFO, "three");
	logfwd_logger_close(gone);
	logfwd_logger_close(open_logger(client, "never heard of"));
	ck_assert_uint_eq(client_stats(client).buffered, 3);
	ck_assert_uint_eq(client_stats(client).connected, 0);

	daemon_listen(&played);
	/* Nobody answers, whether the next attempt is due within this time or not. */
	ck_assert_int_lt(logfwd_flush(client, 1), 0);
	while (client_stats(client).connected == 0)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	id = daemon_expect_open(&played, "a");
	daemon_expect_context(&played, id, "peer", "first");
	gone_id = daemon_expect_open(&played, "gone");
	daemon_expect_record(&played, id, "one");
	daemon_expect_context(&played, id, "peer", "second");
	daemon_expect_level(&played, id, LOGFWD_DEBUG);
	daemon_expect_record(&played, id, "two");
	daemon_expect_record(&played, gone_id, "three");
	daemon_expect_close(&played, gone_id);
	daemon_expect_flush(&played);
	ck_assert_uint_eq(client_stats(client).buffered, 0);
}
END_TEST

START_TEST(link_keeps_the_earliest_when_full)
{
	struct logfwd_options options = { .buffer_bytes = SMALL_BUFFER };
	struct logfwd_logger *logger;
	unsigned taken;
	uint32_t id;

	daemon_die(&played);
	client = daemon_client(&played, options);
	logger = open_logger(client, "a");
	taken = log_until_full(logger, "record");
	ck_assert_uint_gt(taken, 10);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "lost too"), -ENOBUFS);
	ck_assert_uint_eq(client_stats(client).dropped, 2);

	daemon_listen(&played);
	while (client_stats(client).connected == 0)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	id = daemon_expect_open(&played, "a");
	expect_records(id, "record", 0, taken);
	daemon_expect_dropped(&played, 2);
	daemon_expect_flush(&played);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "after"), 0);
	daemon_expect_record(&played, id, "after");
	ck_assert(!daemon_has_next(&played, 0));
}
END_TEST

START_TEST(link_keeps_the_latest_when_full_and_told_so)
{
	struct logfwd_options options = {
		.when_full = LOGFWD_DROP_OLDEST,
		.buffer_bytes = SMALL_BUFFER,
	};
	const unsigned count = 1000;
	struct logfwd_logger *logger;
	struct frame_dropped dropped;
	unsigned kept;
	uint32_t id;

	daemon_die(&played);
	client = daemon_client(&played, options);
	logger = open_logger(client, "a");
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "record %u", i), 0);
	kept = (unsigned)client_stats(client).buffered;
	ck_assert_uint_gt(kept, 10);
	ck_assert_uint_eq(client_stats(client).dropped, count - kept);

	daemon_listen(&played);
	while (client_stats(client).connected == 0)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	id = daemon_expect_open(&played, "a");
	expect_records(id, "record", count - kept, kept);
	dropped = daemon_expect_dropped(&played, count - kept);
	ck_assert_int_gt(dropped.first_us, 0);
}
END_TEST

START_TEST(link_never_drops_what_is_no_record)
{
	struct logfwd_options options = {
		.when_full = LOGFWD_DROP_OLDEST,
		.buffer_bytes = SMALL_BUFFER,
	};
	struct logfwd_logger *logger;
	int error = 0;

	daemon_die(&played);
	client = daemon_client(&played, options);
	logger = open_logger(client, "a");
	logfwd_log(logger, LOGFWD_INFO, "goes first");
	for (int i = 0; error == 0; i++)
		error = logfwd_logger_set_level(logger, 1 + i % 5);
	ck_assert_int_eq(error, -ENOBUFS);
	ck_assert_int_eq(logfwd_logger_set_context(logger, "key", "value"), -ENOBUFS);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "%0100d", 0), -ENOBUFS);
	ck_assert_uint_eq(client_stats(client).buffered, 1);
	ck_assert_uint_eq(client_stats(client).dropped, 1);
}
END_TEST

/* What a daemon has seen of loggers "a" and "late", which number their records from 0. */
struct seen {
	uint32_t id, late_id;
	unsigned records;
	uint64_t dropped;
	bool closed;
};

static void see_record(struct seen *seen, struct span body)
{
	struct frame_record record;
	char expected[64];

	ck_assert(frame_parse_record(body, &record));
	ck_assert_uint_eq(record.logger_id, seen->id);
	ck_assert(!seen->closed);
	snprintf(expected, sizeof(expected), "record %u", seen->records++);
	ck_assert(span_equal(record.text, span_of(expected)));
}

static void see(struct seen *seen, const struct frame *frame)
{
	struct frame_dropped dropped;
	struct frame_close close;
	struct frame_open open;

	switch (frame->type) {
	case FRAME_RECORD:
		see_record(seen, frame->body);
		break;
	case FRAME_OPEN:
		ck_assert(frame_parse_open(frame->body, &open));
		ck_assert(span_equal(open.name, span_of("late")));
		ck_assert_uint_eq(seen->late_id, 0);
		seen->late_id = open.logger_id;
		break;
	case FRAME_CLOSE:
		ck_assert(frame_parse_close(frame->body, &close));
		ck_assert_uint_eq(close.logger_id, seen->id);
		seen->closed = true;
		break;
	case FRAME_DROPPED:
		ck_assert(frame_parse_dropped(frame->body, &dropped));
		seen->dropped += dropped.records;
		break;
	default:
		ck_assert_int_eq(frame->type,
				 FRAME_FLUSH); /* by which the test drives the library */
	}
}

START_TEST(link_waits_in_its_buffer_while_the_daemon_does_not_read)
{
	struct logfwd_options options = { .buffer_bytes = 256 * 1024 };
	struct logfwd_logger *logger;
	struct seen seen = { 0 };
	struct frame frame;
	unsigned taken;

	client = daemon_client(&played, options);
	daemon_accept(&played, NULL);
	daemon_welcome(&played, WIRE_RECORD_MAX);
	logger = open_logger(client, "a");
	seen.id = daemon_expect_open(&played, "a");
	taken = log_until_full(logger, "record");
	ck_assert_uint_gt(client_stats(client).sent, 0);
	ck_assert_uint_gt(client_stats(client).buffered, 100);
	open_logger(client, "late"); /* neither of these finds room */
	logfwd_logger_close(logger);

	played.packets = 0;
	while (seen.late_id == 0 || !seen.closed || seen.dropped == 0) {
		logfwd_flush(client, 0);
		while (daemon_has_next(&played, 0)) {
			frame = daemon_next(&played);
			see(&seen, &frame);
		}
	}
	ck_assert_uint_eq(seen.records, taken);
	ck_assert_uint_eq(seen.dropped, 1);
	ck_assert_uint_eq(client_stats(client).buffered, 0);
	ck_assert_uint_lt(played.packets, taken); /* those that waited shared packets */
}
END_TEST

#define MANY 5000

START_TEST(link_registers_everything_anew_before_what_waited)
{
	static struct logfwd_logger *loggers[MANY];
	static uint32_t ids[MANY];
	char name[32], value[32];

	client = daemon_connected_client(&played);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "Connection.%u", i);
		snprintf(value, sizeof(value), "10.0.0.7:%u", i);
		loggers[i] = open_logger(client, name);
		ids[i] = daemon_expect_open(&played, name);
		ck_assert_int_eq(logfwd_logger_set_context(loggers[i], "peer", value), 0);
		daemon_expect_context(&played, ids[i], "peer", value);
		ck_assert_int_eq(logfwd_logger_set_level(loggers[i], LOGFWD_DEBUG), 0);
		daemon_expect_level(&played, ids[i], LOGFWD_DEBUG);
	}
	logfwd_logger_close(loggers[1]);
	daemon_expect_close(&played, ids[1]);
	daemon_die(&played);
	ck_assert_int_eq(logfwd_log(loggers[2], LOGFWD_INFO, "meanwhile"), 0);
	logfwd_logger_set_level(loggers[2], LOGFWD_INFO);
	logfwd_logger_close(loggers[2]);

	daemon_listen(&played);
	while (client_stats(client).connected == 1)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		if (i == 1)
			continue;
		while (!daemon_has_next(&played, 0)) /* it takes more than one socket buffer */
			logfwd_flush(client, 0);
		snprintf(name, sizeof(name), "Connection.%u", i);
		snprintf(value, sizeof(value), "10.0.0.7:%u", i);
		ck_assert_uint_eq(daemon_expect_open(&played, name), ids[i]);
		daemon_expect_level(&played, ids[i], LOGFWD_DEBUG);
		daemon_expect_context(&played, ids[i], "peer", value);
	}
	daemon_expect_record(&played, ids[2], "meanwhile");
	daemon_expect_level(&played, ids[2], LOGFWD_INFO);
	daemon_expect_close(&played, ids[2]);
	ck_assert_uint_eq(client_stats(client).connected, 2);
	ck_assert_uint_eq(client_stats(client).loggers, MANY - 2);
}
END_TEST

/* Of two leases on one name the level set last counts: the daemon must be told it last. */
START_TEST(link_registers_levels_in_the_order_in_which_they_were_set)
{
	struct logfwd_logger *first, *second;

	daemon_die(&played);
	client = daemon_client(&played, (struct logfwd_options){ 0 });
	first = open_logger(client, "a");
	second = open_logger(client, "a");
	logfwd_logger_set_level(second, LOGFWD_DEBUG);
	logfwd_logger_set_level(first, LOGFWD_ERROR);
	for (uint64_t connection = 0; connection < 2; connection++) {
		daemon_die(&played);
		daemon_listen(&played);
		while (client_stats(client).connected == connection)
			logfwd_flush(client, 10);
		daemon_accept(&played, NULL);
		daemon_expect_open(&played, "a");
		daemon_expect_level(&played, 2, LOGFWD_DEBUG);
		daemon_expect_open(&played, "a");
		daemon_expect_level(&played, 1, LOGFWD_ERROR);
	}
}
END_TEST

START_TEST(link_forgets_closed_loggers_of_which_nothing_waits)
{
	struct logfwd_logger *logger;
	struct logfwd_options options = { .buffer_bytes = SMALL_BUFFER };

	daemon_die(&played);
	client = daemon_client(&played, options);
	logger = open_logger(client, "stays");
	log_until_full(logger, "record");
	for (int i = 0; i < 1000; i++) {
		struct logfwd_logger *passing = open_logger(client, "passes");

		ck_assert_int_eq(logfwd_log(passing, LOGFWD_INFO, "%0500d", i), -ENOBUFS);
		logfwd_logger_close(passing);
	}
	daemon_listen(&played);
	while (client_stats(client).connected == 0)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "stays");
	ck_assert_int_eq(daemon_next(&played).type, FRAME_RECORD);
}
END_TEST

START_TEST(link_closes_after_the_last_record_even_when_both_had_to_wait)
{
	struct logfwd_options options = { .buffer_bytes = SMALL_BUFFER };
	struct logfwd_logger *logger;
	unsigned taken;
	uint32_t id;

	daemon_die(&played);
	client = daemon_client(&played, options);
	logger = open_logger(client, "a");
	taken = log_until_full(logger, "record");
	logfwd_logger_close(logger); /* the buffer has no room for this */
	daemon_listen(&played);
	while (client_stats(client).connected == 0)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	id = daemon_expect_open(&played, "a");
	expect_records(id, "record", 0, taken);
	daemon_expect_close(&played, id);
	daemon_expect_dropped(&played, 1);
}
END_TEST

START_TEST(link_takes_what_exceeds_its_buffer_when_the_daemon_does)
{
	struct logfwd_options options = { .buffer_bytes = 1 };
	struct logfwd_logger *logger;
	uint32_t id;

	client = daemon_client(&played, options);
	daemon_accept(&played, NULL);
	logger = open_logger(client, "a");
	id = daemon_expect_open(&played, "a");
	ck_assert_int_eq(logfwd_logger_set_context(logger, "key", "value"), 0);
	daemon_expect_context(&played, id, "key", "value");
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "text"), 0);
	daemon_expect_record(&played, id, "text");
	logfwd_logger_close(logger);
	daemon_expect_close(&played, id);
}
END_TEST

START_TEST(link_stops_giving_records_to_a_refused_logger)
{
	struct logfwd_logger *refused, *good;
	uint32_t id, good_id;

	client = daemon_connected_client(&played);
	refused = open_logger(client, "refused");
	id = daemon_expect_open(&played, "refused");
	good = open_logger(client, "good");
	good_id = daemon_expect_open(&played, "good");
	daemon_say_error(&played, FRAME_ERROR, FRAME_ERROR_CONTEXT, good_id);
	daemon_say_error(&played, FRAME_ERROR, FRAME_ERROR_LIMIT, id);
	daemon_say_error(&played, FRAME_ERROR, FRAME_ERROR_LIMIT, 0);
	daemon_say_error(&played, FRAME_ERROR, FRAME_ERROR_LIMIT, 123456);
	logfwd_flush(client, 0);
	daemon_expect_flush(&played);
	ck_assert_int_eq(logfwd_log(refused, LOGFWD_INFO, "x"), -ENOBUFS);
	ck_assert_int_eq(logfwd_log(good, LOGFWD_INFO, "y"), 0);
	daemon_expect_dropped(&played, 1);
	daemon_expect_record(&played, good_id, "y");
	ck_assert_uint_eq(client_stats(client).refused, 1);
	/* The next daemon may think otherwise. */
	daemon_die(&played);
	daemon_listen(&played);
	while (client_stats(client).connected == 1)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "refused");
	daemon_expect_open(&played, "good");
	daemon_expect_flush(&played);
	ck_assert_int_eq(logfwd_log(refused, LOGFWD_INFO, "z"), 0);
	daemon_expect_record(&played, id, "z");
}
END_TEST

START_TEST(link_reads_the_last_word_of_a_daemon_that_is_gone)
{
	struct logfwd_logger *logger;

	client = daemon_connected_client(&played);
	logger = open_logger(client, "a");
	daemon_expect_open(&played, "a");
	daemon_say_error(&played, FRAME_BYE, FRAME_ERROR_PROTOCOL, 0);
	daemon_die(&played);
	daemon_listen(&played);
	/* After a disagreement it stays away for a while. */
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "waits"), 0);
	ck_assert_int_eq(logfwd_flush(client, 1200), -ENOTCONN);
	ck_assert_uint_eq(client_stats(client).connected, 1);
	ck_assert_uint_eq(client_stats(client).buffered, 1);
}
END_TEST

START_TEST(link_waits_for_room_as_long_as_it_was_told)
{
	struct logfwd_options options = { .wait_ms = 200, .buffer_bytes = 1024 };
	struct timespec before, after;
	struct logfwd_logger *logger;
	int64_t waited_ms;

	daemon_die(&played);
	client = daemon_client(&played, options);
	logger = open_logger(client, "a");
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "%0800d", 0), 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "%0800d", 1), -ENOBUFS);
	clock_gettime(CLOCK_MONOTONIC, &after);
	waited_ms =
		(after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	ck_assert_int_ge(waited_ms, 199);
	daemon_listen(&played);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "%0800d", 2),
			 0); /* room comes meanwhile */
	daemon_accept(&played, NULL);
	ck_assert_uint_eq(client_stats(client).dropped, 1);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_link");
	TCase *link = tcase_create("link");

	tcase_set_timeout(link, 60);
	tcase_add_checked_fixture(link, set_up, tear_down);
	tcase_add_test(link, link_sends_each_call_at_once);
	tcase_add_test(link, link_gives_ids_out_again_only_after_their_close);
	tcase_add_test(link, link_works_without_a_daemon_and_in_order_once_it_is_there);
	tcase_add_test(link, link_keeps_the_earliest_when_full);
	tcase_add_test(link, link_keeps_the_latest_when_full_and_told_so);
	tcase_add_test(link, link_never_drops_what_is_no_record);
	tcase_add_test(link, link_waits_in_its_buffer_while_the_daemon_does_not_read);
	tcase_add_test(link, link_registers_everything_anew_before_what_waited);
	tcase_add_test(link, link_registers_levels_in_the_order_in_which_they_were_set);
	tcase_add_test(link, link_forgets_closed_loggers_of_which_nothing_waits);
	tcase_add_test(link, link_closes_after_the_last_record_even_when_both_had_to_wait);
	tcase_add_test(link, link_takes_what_exceeds_its_buffer_when_the_daemon_does);
	tcase_add_test(link, link_stops_giving_records_to_a_refused_logger);
	tcase_add_test(link, link_reads_the_last_word_of_a_daemon_that_is_gone);
	tcase_add_test(link, link_waits_for_room_as_long_as_it_was_told);
	suite_add_tcase(suite, link);
	return suite;
}
