/* Proves that a flush ends when the daemon has answered it, on whichever connection, or in time. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"

#define LONG_MS 20000 /* longer than any step here takes */

static struct scripted_daemon played;
static struct logfwd_client *client;
static pthread_t flusher;

static void set_up(void)
{
	daemon_init(&played, true);
	client = daemon_connected_client(&played);
}

static void tear_down(void)
{
	logfwd_client_close(client);
	daemon_deinit(&played);
}

static void *flush(void *result_out)
{
	*(int *)result_out = logfwd_flush(client, LONG_MS);
	return NULL;
}

static void begin_flush(int *result_out)
{
	*result_out = 1;
	ck_assert_int_eq(pthread_create(&flusher, NULL, flush, result_out), 0);
}

START_TEST(flush_waits_for_its_own_answer)
{
	struct logfwd_logger *logger = open_logger(client, "a");
	uint32_t id = daemon_expect_open(&played, "a");
	uint32_t token;
	int result;

	logfwd_log(logger, LOGFWD_INFO, "before");
	daemon_expect_record(&played, id, "before");
	ck_assert_int_eq(logfwd_flush(client, 0), -ETIMEDOUT);
	token = daemon_expect_flush(&played);
	begin_flush(&result);
	ck_assert_uint_eq(daemon_expect_flush(&played), token + 1);
	daemon_say_flushed(&played, token);	 /* of the first one */
	daemon_say_flushed(&played, token + 99); /* of none at all */
	daemon_say_flushed(&played, token - 99);
	daemon_say_flushed(&played, token + 1);
	pthread_join(flusher, NULL);
	ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(flush_asks_the_next_daemon_again)
{
	struct logfwd_logger *logger = open_logger(client, "a");
	int result;

	daemon_expect_open(&played, "a");
	begin_flush(&result);
	daemon_expect_flush(&played);
	daemon_die(&played);
	daemon_listen(&played);
	daemon_accept(&played, NULL);
	daemon_welcome(&played, WIRE_RECORD_MAX);
	daemon_expect_open(&played, "a");
	daemon_say_flushed(&played, daemon_expect_flush(&played));
	pthread_join(flusher, NULL);
	ck_assert_int_eq(result, 0);
	logfwd_logger_close(logger);
}
END_TEST

START_TEST(flush_connects_and_delivers_what_waited)
{
	struct logfwd_logger *logger;
	uint32_t id;
	int result;

	daemon_die(&played);
	logger = open_logger(client, "a");
	logfwd_log(logger, LOGFWD_INFO, "waited");
	begin_flush(&result);
	daemon_listen(&played);
	daemon_accept(&played, NULL);
	daemon_welcome(&played, WIRE_RECORD_MAX);
	id = daemon_expect_open(&played, "a");
	daemon_expect_record(&played, id, "waited");
	daemon_say_flushed(&played, daemon_expect_flush(&played));
	pthread_join(flusher, NULL);
	ck_assert_int_eq(result, 0);
}
END_TEST

static const struct {
	bool alive;
	int timeout_ms;
	int result;
} timeouts[] = {
	{ true, 0, -ETIMEDOUT },
	{ true, 100, -ETIMEDOUT },
	{ false, 0, -ENOTCONN },
	{ false, 100, -ENOTCONN },
};

START_TEST(flush_is_over_in_time)
{
	struct timespec before, after;
	int64_t elapsed_ms;

	if (!timeouts[_i].alive)
		daemon_die(&played);
	clock_gettime(CLOCK_MONOTONIC, &before);
	ck_assert_int_eq(logfwd_flush(client, timeouts[_i].timeout_ms), timeouts[_i].result);
	clock_gettime(CLOCK_MONOTONIC, &after);
	elapsed_ms =
		(after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	ck_assert_int_ge(elapsed_ms, timeouts[_i].timeout_ms - 1);
	ck_assert_int_lt(elapsed_ms, 2000); /* generous: the machine may be busy */
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_flush");
	TCase *flushes = tcase_create("flushes");

	tcase_set_timeout(flushes, 30);
	tcase_add_checked_fixture(flushes, set_up, tear_down);
	tcase_add_test(flushes, flush_waits_for_its_own_answer);
	tcase_add_test(flushes, flush_asks_the_next_daemon_again);
	tcase_add_test(flushes, flush_connects_and_delivers_what_waited);
	tcase_add_loop_test(flushes, flush_is_over_in_time, 0, ARRAY_LEN(timeouts));
	suite_add_tcase(suite, flushes);
	return suite;
}
