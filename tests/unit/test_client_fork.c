/* Proves that a forked child is a client of its own, and that its parent notices nothing of it. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"

#define CHILD_SECONDS 20 /* a child that hangs is killed then */

static struct scripted_daemon played, beside; /* the parent's connection, and the child's */
static struct logfwd_client *client;

static void set_up(void)
{
	daemon_init(&played, true);
	client = daemon_connected_client(&played);
	beside = (struct scripted_daemon){ .listener = played.listener, .peer = -1 };
}

static void tear_down(void)
{
	logfwd_client_close(client);
	if (beside.peer >= 0)
		close(beside.peer);
	daemon_deinit(&played);
}

/* True in the child, which must end with _exit(). */
static bool fork_child(pid_t *child_out)
{
	*child_out = fork();
	ck_assert_int_ge(*child_out, 0);
	if (*child_out == 0)
		alarm(CHILD_SECONDS);
	return *child_out == 0;
}

static void expect_success(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child's status is %#x",
		      (unsigned)status);
}

START_TEST(fork_gives_the_child_a_connection_of_its_own)
{
	struct logfwd_logger *logger = open_logger(client, "a");
	uint32_t id = daemon_expect_open(&played, "a");
	pid_t child;

	logfwd_logger_set_context(logger, "peer", "x");
	daemon_expect_context(&played, id, "peer", "x");
	logfwd_log(logger, LOGFWD_INFO, "before");
	if (fork_child(&child)) {
		int error = logfwd_log(logger, LOGFWD_INFO, "in the child");
		struct logfwd_client_stats stats = { .size = sizeof(stats) };

		logfwd_client_stats(client, &stats);
		_exit(error != 0 || stats.records != 1 || stats.sent != 1 || stats.connected != 1);
	}
	daemon_accept(&beside, NULL);
	ck_assert_uint_eq(daemon_expect_open(&beside, "a"), id);
	daemon_expect_context(&beside, id, "peer", "x");
	daemon_expect_record(&beside, id, "in the child");
	expect_success(child);
	logfwd_log(logger, LOGFWD_INFO, "after");
	daemon_expect_record(&played, id, "before");
	daemon_expect_record(&played, id, "after");
	ck_assert(!daemon_has_next(&played, 0));
	ck_assert_uint_eq(client_stats(client).connected, 1);
}
END_TEST

START_TEST(fork_leaves_what_waits_to_the_parent)
{
	struct logfwd_logger *logger, *closed;
	pid_t child;

	daemon_die(&played);
	logger = open_logger(client, "a");
	closed = open_logger(client, "closed");
	logfwd_log(logger, LOGFWD_INFO, "of the parent");
	logfwd_log(closed, LOGFWD_INFO, "of the parent too");
	logfwd_logger_close(closed);
	if (fork_child(&child)) {
		daemon_listen(&played); /* in the child: it must come after fork() */
		while (client_stats(client).connected == 0)
			logfwd_log(logger, LOGFWD_INFO, "of the child");
		daemon_accept(&played, NULL);
		daemon_expect_open(&played, "a");
		for (uint64_t i = 0; i < client_stats(client).sent; i++)
			daemon_expect_record(&played, 1, "of the child");
		daemon_die(&played);
		_exit(0);
	}
	expect_success(child);
	daemon_listen(&played);
	while (client_stats(client).connected == 1)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "a");
	daemon_expect_open(&played, "closed");
	daemon_expect_record(&played, 1, "of the parent");
	daemon_expect_record(&played, 2, "of the parent too");
	daemon_expect_close(&played, 2);
	daemon_expect_flush(&played);
}
END_TEST

START_TEST(fork_lets_the_child_close_without_the_parent)
{
	struct logfwd_logger *logger = open_logger(client, "a");
	uint32_t id = daemon_expect_open(&played, "a");
	pid_t child;

	if (fork_child(&child)) {
		logfwd_logger_close(logger);
		logfwd_client_close(client);
		_exit(0);
	}
	expect_success(child);
	ck_assert(!daemon_has_next(&played, 0));
	logfwd_log(logger, LOGFWD_INFO, "still here");
	daemon_expect_record(&played, id, "still here");
}
END_TEST

/* A child that was made without pthread_atfork()'s handlers would be taken for its parent. */
START_TEST(fork_past_the_handlers_is_seen)
{
	struct logfwd_logger *logger = open_logger(client, "a");
	uint32_t id = daemon_expect_open(&played, "a");
	pid_t child;

	for (int i = 0; i < 2; i++) {
		child = _Fork();
		ck_assert_int_ge(child, 0);
		if (child == 0) {
			alarm(CHILD_SECONDS);
			if (i == 1 && fork_child(&child)) /* and it has a child, the usual way */
				_exit(logfwd_log(logger, LOGFWD_INFO, "grandchild") != 0);
			if (i == 1)
				expect_success(child);
			_exit(logfwd_log(logger, LOGFWD_INFO, "child") != 0);
		}
		daemon_accept(&beside, NULL);
		ck_assert_uint_eq(daemon_expect_open(&beside, "a"), id);
		daemon_expect_record(&beside, id, i == 1 ? "grandchild" : "child");
		expect_success(child);
	}
	daemon_accept(&beside, NULL);
	ck_assert_uint_eq(daemon_expect_open(&beside, "a"), id);
	daemon_expect_record(&beside, id, "child");
	ck_assert(!daemon_has_next(&played, 0));
	logfwd_log(logger, LOGFWD_INFO, "parent");
	daemon_expect_record(&played, id, "parent");
}
END_TEST

#define THREADS 4
#define FORKS	100

static atomic_bool stop;

static void *keep_logging(void *logger)
{
	while (!atomic_load(&stop))
		logfwd_log(logger, LOGFWD_INFO, "busy");
	return NULL;
}

START_TEST(fork_never_meets_a_lock_that_is_held)
{
	struct logfwd_logger *logger;
	pthread_t threads[THREADS];
	pid_t child;

	daemon_die(&played);
	logger = open_logger(client, "a");
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, keep_logging, logger), 0);
	for (int i = 0; i < FORKS; i++) {
		if (fork_child(&child))
			_exit(logfwd_log(logger, LOGFWD_INFO, "in a child") != 0);
		expect_success(child);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_fork");
	TCase *forks = tcase_create("forks");

	tcase_set_timeout(forks, 60);
	tcase_add_checked_fixture(forks, set_up, tear_down);
	tcase_add_test(forks, fork_gives_the_child_a_connection_of_its_own);
	tcase_add_test(forks, fork_leaves_what_waits_to_the_parent);
	tcase_add_test(forks, fork_lets_the_child_close_without_the_parent);
	tcase_add_test(forks, fork_past_the_handlers_is_seen);
	tcase_add_test(forks, fork_never_meets_a_lock_that_is_held);
	suite_add_tcase(suite, forks);
	return suite;
}
