/*
 * endings HOW: a program that uses the library where programs end, and ends well.
 *
 * HOW is one of:
 *   exit      the process exits while threads log; functions of atexit() and destructors log too
 *   cancel    threads are cancelled while they log, again and again; the client goes on
 *   limit     no descriptor is to be had; what was logged meanwhile arrives once there is one
 * Exits 0 when every call did what logfwd(3) says.
 */
#include <logfwd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS	   4
#define ROUNDS	   50
#define FLUSH_MS   30000
#define PATIENCE_S 60

static struct logfwd_client *client;
static struct logfwd_logger *logger, *busy;

static void must(bool good)
{
	if (!good)
		_exit(EXIT_FAILURE);
}

static void open_client(void)
{
	struct logfwd_options options = { .size = sizeof(options), .wait_ms = FLUSH_MS };

	must(logfwd_client_open(&client, &options) == 0);
	must(logfwd_logger_open(client, "endings", &logger) == 0);
	must(logfwd_logger_open(client, "endings.busy", &busy) == 0);
}

static void *keep_logging(void *arg)
{
	(void)arg;
	for (;;) {
		logfwd_log(busy, LOGFWD_INFO, "busy");
		pthread_testcancel(); /* no call of the library is a place for that */
	}
	return NULL;
}

static void log_at_exit(void)
{
	must(logfwd_log(logger, LOGFWD_INFO, "atexit") == 0);
	must(logfwd_flush(client, FLUSH_MS) == 0);
}

static void __attribute__((destructor)) log_in_destructor(void)
{
	if (logger == NULL)
		return;
	must(logfwd_log(logger, LOGFWD_INFO, "destructor") == 0);
	must(logfwd_flush(client, FLUSH_MS) == 0);
}

static void end_by_exit(void)
{
	pthread_t thread;

	open_client();
	must(atexit(log_at_exit) == 0);
	for (int i = 0; i < THREADS; i++)
		must(pthread_create(&thread, NULL, keep_logging, NULL) == 0);
	must(logfwd_log(logger, LOGFWD_INFO, "main") == 0);
	exit(EXIT_SUCCESS);
}

static void end_by_cancellation(void)
{
	pthread_t threads[THREADS];

	open_client();
	for (int i = 0; i < ROUNDS; i++) {
		for (int j = 0; j < THREADS; j++)
			must(pthread_create(&threads[j], NULL, keep_logging, NULL) == 0);
		for (int j = 0; j < THREADS; j++)
			must(pthread_cancel(threads[j]) == 0);
		for (int j = 0; j < THREADS; j++)
			must(pthread_join(threads[j], NULL) == 0);
		must(logfwd_log(logger, LOGFWD_INFO, "%d", i) == 0); /* no lock was left behind */
	}
	must(logfwd_flush(client, FLUSH_MS) == 0);
	logfwd_client_close(client);
	logger = NULL;
}

static void live_without_descriptors(void)
{
	struct rlimit old, none;

	must(getrlimit(RLIMIT_NOFILE, &old) == 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = old.rlim_max };
	must(setrlimit(RLIMIT_NOFILE, &none) == 0);
	open_client();
	must(logfwd_log(logger, LOGFWD_INFO, "without") == 0);
	must(logfwd_flush(client, 10) < 0);
	must(setrlimit(RLIMIT_NOFILE, &old) == 0);
	must(logfwd_log(logger, LOGFWD_INFO, "with") == 0);
	must(logfwd_flush(client, FLUSH_MS) == 0);
	logfwd_client_close(client);
	logger = NULL;
}

int main(int argc, char **argv)
{
	must(argc == 2);
	alarm(PATIENCE_S);
	if (strcmp(argv[1], "exit") == 0)
		end_by_exit();
	else if (strcmp(argv[1], "cancel") == 0)
		end_by_cancellation();
	else
		live_without_descriptors();
	return EXIT_SUCCESS;
}
