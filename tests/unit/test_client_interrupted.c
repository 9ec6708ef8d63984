/*
 * Proves that no call on a client can be interrupted where a signal handler that logs, or forks,
 * would wait for what its own thread holds: a signal comes at each lock that a call takes and gives
 * back, and at all memory that it takes and frees.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"

#define HANGS_AFTER_S 30

static struct scripted_daemon played;
static struct logfwd_client *client, *beside;
static struct logfwd_logger *logger, *beside_logger;

/* At each of these calls the signal comes, while there is a handler. */
static volatile sig_atomic_t is_armed, signals, not_refused, lost_children;

static void interrupt(void)
{
	if (is_armed)
		raise(SIGUSR1);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

void *__wrap_malloc(size_t size)
{
	interrupt();
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	interrupt();
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	interrupt();
	return __real_realloc(block, size);
}

void __wrap_free(void *block)
{
	interrupt();
	__real_free(block);
}

/* The signal comes when the lock is held. */
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	int error = __real_pthread_mutex_lock(mutex);

	interrupt();
	return error;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	interrupt();
	return __real_pthread_mutex_unlock(mutex);
}

/* What would take memory if it were not refused: a long text, and a record that has to wait. */
static void log_from_handler(int number)
{
	(void)number;
	is_armed = 0;
	signals = signals + 1;
	if (logfwd_write(beside_logger, LOGFWD_INFO, "text", 4) != -EDEADLK)
		not_refused = not_refused + 1;
	if (logfwd_log(beside_logger, LOGFWD_INFO, "%02000d", 1) != -EDEADLK)
		not_refused = not_refused + 1;
	is_armed = 1;
}

static void fork_from_handler(int number)
{
	pid_t child;
	int status = -1;

	(void)number;
	is_armed = 0;
	signals = signals + 1;
	child = fork();
	if (child == 0)
		_exit(EXIT_SUCCESS);
	if (waitpid(child, &status, 0) != child || status != 0)
		lost_children = lost_children + 1;
	is_armed = 1;
}

static void handle(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
}

static void set_up(void)
{
	daemon_init(&played, false);
	beside = daemon_client(&played, (struct logfwd_options){ 0 });
	beside_logger = open_logger(beside, "beside");
	signals = not_refused = lost_children = 0;
	alarm(HANGS_AFTER_S);
}

static void tear_down(void)
{
	is_armed = 0;
	alarm(0);
	logfwd_client_close(beside);
	daemon_deinit(&played);
}

/* Every kind of call, none of which can be sent. */
static void use_library(void)
{
	struct logfwd_options options = { .size = sizeof(options), .socket_path = played.path };

	logfwd_client_open(&client, &options);
	is_armed = 1;
	logfwd_logger_open(client, "a", &logger);
	logfwd_logger_set_level(logger, LOGFWD_DEBUG);
	logfwd_logger_set_context(logger, "peer", "10.0.0.7");
	logfwd_log(logger, LOGFWD_INFO, "short");
	logfwd_log(logger, LOGFWD_INFO, "%02000d", 1);
	logfwd_write(logger, LOGFWD_INFO, "text", 4);
	logfwd_flush(client, 0);
	logfwd_logger_close(logger);
	is_armed = 0;
	logfwd_client_close(client);
}

static void (*const handlers[])(int) = { log_from_handler, fork_from_handler };

START_TEST(interrupted_calls_hold_up_no_handler)
{
	handle(handlers[_i]);
	use_library();
	ck_assert_int_gt(signals, 20);
	ck_assert_int_eq(not_refused, 0);
	ck_assert_int_eq(lost_children, 0);
	ck_assert_int_eq(logfwd_log(beside_logger, LOGFWD_INFO, "afterwards"), 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_interrupted");
	TCase *interrupted = tcase_create("interrupted");

	tcase_set_timeout(interrupted, HANGS_AFTER_S);
	tcase_add_checked_fixture(interrupted, set_up, tear_down);
	tcase_add_loop_test(interrupted, interrupted_calls_hold_up_no_handler, 0,
			    ARRAY_LEN(handlers));
	suite_add_tcase(suite, interrupted);
	return suite;
}
