/*
 * Proves that a signal handler may log, whatever it interrupts: what cannot be done then is refused
 * at once and counted, never waited for. And that the library itself raises no signal.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"

#define REFUSALS      100 /* that the storm goes on for */
#define STORM_US      100 /* between signals */
#define CHILD_SECONDS 20  /* a child that hangs is killed then */

static struct scripted_daemon played;
static struct logfwd_client *client;
static struct logfwd_logger *logger;
static volatile sig_atomic_t taken, refused, others;

static void open_client(size_t buffer_bytes)
{
	client = daemon_client(&played, (struct logfwd_options){ .buffer_bytes = buffer_bytes });
	logger = open_logger(client, "a");
}

static void set_up(void)
{
	daemon_init(&played, false);
	open_client(4096);
	taken = refused = others = 0;
}

static void tear_down(void)
{
	logfwd_client_close(client);
	daemon_deinit(&played);
}

static void count_result(int result)
{
	if (result == -EDEADLK)
		refused = refused + 1;
	else if (result == 0 || result == -ENOBUFS)
		taken = taken + 1;
	else
		others = others + 1;
}

static void log_from_handler(int number)
{
	(void)number;
	count_result(logfwd_write(logger, LOGFWD_INFO, "from a handler", 14));
}

static void handle_alarms(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &action, NULL);
}

static void storm(suseconds_t interval_us)
{
	struct itimerval timer = { { 0, interval_us }, { 0, interval_us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* No record finds room, so the handler's takes no memory, which a handler must not. */
START_TEST(a_handler_is_refused_inside_a_call_and_counted)
{
	uint64_t own = 0;

	logfwd_client_close(client);
	open_client(1);
	handle_alarms(log_from_handler);
	storm(STORM_US);
	while (refused < REFUSALS) {
		logfwd_log(logger, LOGFWD_INFO, "x");
		own++;
	}
	storm(0);
	ck_assert_int_eq(others, 0);
	ck_assert_uint_eq(client_stats(client).records, own + (uint64_t)(taken + refused));
	ck_assert_uint_eq(client_stats(client).dropped, client_stats(client).records);
}
END_TEST

static volatile sig_atomic_t wrong;

static void call_everything(int number)
{
	struct logfwd_client_stats stats = { .size = sizeof(stats) };
	struct logfwd_logger *opened;
	struct logfwd_client *another;

	(void)number;
	refused = refused + 1;
	wrong = wrong + (logfwd_logger_open(client, "b", &opened) != -EDEADLK);
	wrong = wrong + (logfwd_client_open(&another, NULL) != -EDEADLK);
	wrong = wrong + (logfwd_logger_set_level(logger, 10) != -EDEADLK);
	wrong = wrong + (logfwd_logger_set_context(logger, "k", "v") != -EDEADLK);
	wrong = wrong + (logfwd_log(logger, LOGFWD_INFO, "x") != -EDEADLK);
	wrong = wrong + (logfwd_flush(client, 1000) != -EDEADLK);
	wrong = wrong + (logfwd_client_stats(client, &stats) != -EDEADLK);
	wrong = wrong + !logfwd_enabled(logger, LOGFWD_INFO);
	logfwd_logger_close(logger);
	logfwd_client_close(client);
}

/* The signal comes while the call waits for a daemon. */
START_TEST(every_call_is_refused_inside_another)
{
	struct itimerval once = { { 0, 0 }, { 0, 50000 } };

	handle_alarms(call_everything);
	setitimer(ITIMER_REAL, &once, NULL);
	while (refused == 0)
		ck_assert_int_eq(logfwd_flush(client, 200), -ENOTCONN);
	ck_assert_int_eq(wrong, 0);
	ck_assert_uint_eq(client_stats(client).loggers, 1);
	ck_assert_uint_eq(client_stats(client).dropped, 1);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "afterwards"), 0);
}
END_TEST

static void fork_from_handler(int number)
{
	pid_t child = fork();
	int status = -1;

	(void)number;
	if (child == 0) {
		alarm(CHILD_SECONDS);
		_exit(logfwd_write(logger, LOGFWD_INFO, "child", 5) != -EDEADLK);
	}
	waitpid(child, &status, 0);
	wrong = wrong + (status != 0);
	refused = refused + 1;
}

/* As a handler of crashes does that starts a debugger. */
START_TEST(a_handler_may_fork_inside_a_call)
{
	struct itimerval once = { { 0, 0 }, { 0, 50000 } };

	handle_alarms(fork_from_handler);
	setitimer(ITIMER_REAL, &once, NULL);
	while (refused == 0)
		ck_assert_int_eq(logfwd_flush(client, 200), -ENOTCONN);
	ck_assert_int_eq(wrong, 0);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "afterwards"), 0);
}
END_TEST

static void log_at_fork(void)
{
	count_result(logfwd_write(logger, LOGFWD_INFO, "at fork", 7));
}

START_TEST(a_fork_handler_may_log)
{
	int status;
	pid_t child;

	/* This runs within ours in the parent, and before ours in the child. */
	ck_assert_int_eq(pthread_atfork(log_at_fork, log_at_fork, log_at_fork), 0);
	child = fork();
	if (child == 0) {
		alarm(CHILD_SECONDS);
		_exit(logfwd_log(logger, LOGFWD_INFO, "child") != 0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(taken + refused, 2);
	ck_assert_int_eq(others, 0);
	ck_assert_uint_eq(client_stats(client).records, 2);
}
END_TEST

START_TEST(no_signal_is_raised_when_the_daemon_goes)
{
	sigset_t before, after;

	daemon_listen(&played);
	sigprocmask(SIG_SETMASK, NULL, &before);
	ck_assert(!sigismember(&before, SIGPIPE));
	signal(SIGPIPE, SIG_DFL);
	while (client_stats(client).connected == 0)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	daemon_die(&played);
	while (client_stats(client).dropped == 0)
		logfwd_log(logger, LOGFWD_INFO, "to nobody");
	sigprocmask(SIG_SETMASK, NULL, &after);
	for (int number = 1; number < SIGRTMAX; number++)
		ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_signals");
	TCase *signals = tcase_create("signals");

	tcase_set_timeout(signals, 60);
	tcase_add_checked_fixture(signals, set_up, tear_down);
	tcase_add_test(signals, a_handler_is_refused_inside_a_call_and_counted);
	tcase_add_test(signals, every_call_is_refused_inside_another);
	tcase_add_test(signals, a_handler_may_fork_inside_a_call);
	tcase_add_test(signals, a_fork_handler_may_log);
	tcase_add_test(signals, no_signal_is_raised_when_the_daemon_goes);
	suite_add_tcase(suite, signals);
	return suite;
}
