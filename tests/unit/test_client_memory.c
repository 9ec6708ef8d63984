/*
 * Proves that memory may end at any allocation of the library, in every call: the call fails with an
 * error that its manual names, nothing crashes or leaks, and once there is memory all goes on.
 */
#include <check.h>
#include <errno.h>

#include "support/failing_memory.h"
#include "support/played_ring.h"
#include "support/scripted_daemon.h"
#include "support/suite.h"
#include "wire/level.h"

#define ALLOCATIONS_MAX 200 /* no scene has as many; a scene that does never ends well */
#define LOGGERS		20  /* their table grows */

static struct scripted_daemon played;
static struct played_ring ring;
static struct logfwd_client *client;

enum state { ABSENT, BY_SOCKET, BY_RING, N_STATES };

/* One allocation fails, or memory is at its end. */
static void (*const failures[])(size_t good) = { memory_fail_after, memory_fail_once_after };

static void set_up(void)
{
	daemon_init(&played, false);
}

static void tear_down(void)
{
	logfwd_client_close(client);
	client = NULL;
	daemon_deinit(&played);
}

/* What calls have returned; no assertion while memory fails. */
static int odd_result;

static int note(int result, int error_1, int error_2)
{
	if (result != 0 && result != error_1 && result != error_2)
		odd_result = result;
	return result;
}

static void change_and_log(struct logfwd_logger *logger)
{
	note(logfwd_logger_set_level(logger, LOGFWD_DEBUG), -ENOMEM, -ENOBUFS);
	note(logfwd_logger_set_context(logger, "peer", "10.0.0.7"), -ENOMEM, -ENOBUFS);
	note(logfwd_logger_set_context(logger, "user", "u"), -ENOMEM, -ENOBUFS);
	note(logfwd_log(logger, LOGFWD_INFO, "short"), -ENOBUFS, 0);
	note(logfwd_log(logger, LOGFWD_INFO, "%02000d", 1), -ENOBUFS, 0);
	note(logfwd_write(logger, LOGFWD_INFO, "text", 4), -ENOBUFS, 0);
	note(logfwd_logger_set_context(logger, "user", NULL), -ENOMEM, -ENOBUFS);
}

/* Opens, uses and closes what there is; loggers that could not be opened are left out. */
static void use_loggers(void)
{
	struct logfwd_logger *loggers[LOGGERS] = { 0 };

	for (int i = 0; i < LOGGERS; i++) {
		char name[] = { (char)('a' + i), '\0' };

		if (note(logfwd_logger_open(client, name, &loggers[i]), -ENOMEM, 0) != 0)
			loggers[i] = NULL;
	}
	if (loggers[0] != NULL)
		change_and_log(loggers[0]);
	note(logfwd_flush(client, 0), -ETIMEDOUT, -ENOTCONN);
	for (int i = 0; i < LOGGERS; i++)
		logfwd_logger_close(loggers[i]);
}

START_TEST(memory_ends_while_a_client_is_opened)
{
	struct logfwd_options options = { .size = sizeof(options), .socket_path = played.path };
	size_t good = 0;
	bool failed;

	/* What the first client of a process takes for all of them, it can do without. */
	ck_assert_int_eq(logfwd_client_open(&client, &options), 0);
	logfwd_client_close(client);
	client = NULL;
	do {
		int error;

		failures[_i](good++);
		error = logfwd_client_open(&client, &options);
		if (error != 0)
			client = NULL;
		failed = memory_heal();
		ck_assert_int_eq(error, failed ? -ENOMEM : 0);
		logfwd_client_close(client);
		client = NULL;
	} while (failed);
	ck_assert_uint_gt(good, 2); /* a block, and a mapping */
}
END_TEST

static void connect_client(enum state state)
{
	client = daemon_client(&played, (struct logfwd_options){ 0 });
	if (state == ABSENT)
		return;
	daemon_accept(&played, NULL);
	if (state == BY_RING) {
		played_ring_make(&ring, ring_bytes(PLAYED_RING_CAPACITY), PLAYED_RING_SEALS);
		daemon_welcome_with(&played, FEATURE_RING, &ring.fd, 1);
	} else {
		daemon_welcome(&played, WIRE_RECORD_MAX);
	}
	daemon_say_levels(&played, LEVEL_MAX + 1, NULL, 0);
}

/* The daemon's end, of which what was said is read elsewhere. */
static void disconnect(enum state state)
{
	logfwd_client_close(client);
	client = NULL;
	if (state != ABSENT)
		daemon_hang_up(&played);
	if (state == BY_RING)
		played_ring_unmake(&ring);
}

START_TEST(memory_ends_in_any_call)
{
	enum state state = (enum state)(_i % N_STATES);
	size_t good = 0;
	bool failed;

	if (state != ABSENT)
		daemon_listen(&played);
	do {
		struct logfwd_client_stats stats;

		ck_assert_uint_lt(good, ALLOCATIONS_MAX);
		connect_client(state);
		failures[_i / N_STATES](good++);
		use_loggers();
		failed = memory_heal();
		ck_assert_int_eq(odd_result, 0);
		ck_assert_int_eq(logfwd_log(open_logger(client, "z"), LOGFWD_INFO, "again"), 0);
		stats = client_stats(client);
		ck_assert_uint_eq(stats.records, stats.sent + stats.dropped + stats.buffered);
		ck_assert_uint_eq(stats.loggers, 1);
		ck_assert_uint_eq(stats.connected, state != ABSENT);
		disconnect(state);
	} while (failed);
	ck_assert_uint_gt(good, LOGGERS);
}
END_TEST

/* The daemon's answer, its levels and its end come while there is none. */
START_TEST(memory_ends_while_the_daemon_speaks)
{
	struct level_map_entry entry = { .name = span_of("a"), .level = LOGFWD_ERROR };
	struct logfwd_logger *logger;
	size_t good = 0;
	bool failed;

	daemon_listen(&played);
	do {
		int first, second;

		ck_assert_uint_lt(good, ALLOCATIONS_MAX);
		client = daemon_client(&played, (struct logfwd_options){ 0 });
		logger = open_logger(client, "a");
		daemon_accept(&played, NULL);
		played_ring_make(&ring, ring_bytes(PLAYED_RING_CAPACITY), PLAYED_RING_SEALS);
		daemon_welcome_with(&played, FEATURE_RING, &ring.fd, 1);
		daemon_say_levels(&played, LEVEL_MAX + 1, &entry, 1);
		failures[_i](good++);
		logfwd_flush(client, 0);
		first = logfwd_log(logger, LOGFWD_CRITICAL, "in the ring, or not");
		daemon_hang_up(&played); /* what was in the ring comes back */
		logfwd_flush(client, 0);
		second = logfwd_log(logger, LOGFWD_CRITICAL, "afterwards");
		failed = memory_heal();
		ck_assert(first == 0 || first == -ENOBUFS);
		ck_assert(second == 0 || second == -ENOBUFS);
		ck_assert_uint_eq(client_stats(client).records, 2);
		ck_assert_uint_eq(client_stats(client).sent + client_stats(client).dropped +
					  client_stats(client).buffered,
				  2);
		while (client_stats(client).connected == 1)
			logfwd_flush(client, 10);
		daemon_accept(&played, NULL);
		daemon_expect_open(&played, "a");
		disconnect(BY_RING);
	} while (failed);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_memory");
	TCase *memory = tcase_create("memory");

	tcase_set_timeout(memory, 60);
	tcase_add_checked_fixture(memory, set_up, tear_down);
	tcase_add_loop_test(memory, memory_ends_while_a_client_is_opened, 0, ARRAY_LEN(failures));
	tcase_add_loop_test(memory, memory_ends_in_any_call, 0,
			    N_STATES * (int)ARRAY_LEN(failures));
	tcase_add_loop_test(memory, memory_ends_while_the_daemon_speaks, 0, ARRAY_LEN(failures));
	suite_add_tcase(suite, memory);
	return suite;
}
