/*
 * endings HOW [FOLDER]: a program that uses the library where programs end, and ends well.
 *
 * HOW is one of:
 *   exit      the process exits while threads log; functions of atexit() and destructors log too
 *   cancel    threads are cancelled while they log, again and again; the client goes on
 *   limit     no descriptor is to be had; what was logged meanwhile arrives once there is one
 *   close     all descriptors are closed while threads log, again and again, and files of FOLDER get
 *             their numbers: they have "data\n" then, once for each time. Records are numbered.
 *   leave     all descriptors are closed, it logs on for a moment and ends without a word, when nothing
 *             waits in its buffer; it prints how many records it has made since it closed them
 *   exec      the program begins anew, and finds no descriptor but the standard ones
 * Exits 0 when every call did what logfwd(3) says.
 */
#include <fcntl.h>
#include <logfwd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define THREADS	   4
#define ROUNDS	   50
#define RECORDS	   1000 /* of each thread while all is closed */
#define BURST	   10	/* of them between two pauses */
#define CLOSINGS   6
#define FILES	   8
#define MAX_FD	   1024
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

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
}

static void *log_numbered(void *number)
{
	for (int i = 0; i < RECORDS; i++) {
		must(logfwd_log(logger, LOGFWD_INFO, "%d %d", *(int *)number, i) == 0);
		if (i % BURST == 0)
			pause_ms(1);
	}
	return NULL;
}

/* Whatever is open, the library's too; then files have the numbers. */
static void close_all_and_open(const char *folder)
{
	must(close_range(STDERR_FILENO + 1, ~0U, 0) == 0);
	for (int i = 0; i < FILES; i++) {
		char path[256];
		int fd;

		snprintf(path, sizeof(path), "%s/data%d", folder, i);
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		must(fd >= 0);
		must(write(fd, "data\n", 5) == 5);
	}
}

static void log_while_all_is_closed(const char *folder)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];

	open_client();
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		must(pthread_create(&threads[i], NULL, log_numbered, &numbers[i]) == 0);
	}
	for (int i = 0; i < CLOSINGS; i++) {
		pause_ms(10);
		close_all_and_open(folder);
	}
	for (int i = 0; i < THREADS; i++)
		must(pthread_join(threads[i], NULL) == 0);
	must(logfwd_flush(client, FLUSH_MS) == 0);
	logfwd_client_close(client);
	logger = NULL;
}

static uint64_t buffered(void)
{
	struct logfwd_client_stats stats = { .size = sizeof(stats) };

	must(logfwd_client_stats(client, &stats) == 0);
	return stats.buffered;
}

/* What does not wait in the buffer is in the daemon's reach, whatever becomes of the process. */
static void leave_without_a_word(void)
{
	int count;

	open_client();
	must(logfwd_flush(client, FLUSH_MS) == 0); /* where there is a ring, it is there now */
	for (count = 0; count < RECORDS; count++)
		must(logfwd_log(busy, LOGFWD_INFO, "so that the daemon is awake") == 0);
	must(close_range(STDERR_FILENO + 1, ~0U, 0) == 0);
	for (count = 0; count < ROUNDS || buffered() > 0; count++) {
		must(logfwd_log(logger, LOGFWD_INFO, "%d", count) == 0);
		pause_ms(1);
	}
	printf("%d\n", count);
	fflush(stdout);
	_exit(EXIT_SUCCESS);
}

static void begin_anew(char *program)
{
	char heir[] = "heir";
	char *arguments[] = { program, heir, NULL };

	/* What a shell of the test may have left open is no finding. */
	must(close_range(STDERR_FILENO + 1, ~0U, 0) == 0);
	open_client();
	for (int i = 0; i < ROUNDS; i++)
		must(logfwd_log(logger, LOGFWD_INFO, "%d", i) == 0);
	must(logfwd_flush(client, FLUSH_MS) == 0);
	execv(program, arguments);
	must(false);
}

static void find_no_descriptor(void)
{
	for (int fd = STDERR_FILENO + 1; fd < MAX_FD; fd++)
		must(fcntl(fd, F_GETFD) < 0);
}

int main(int argc, char **argv)
{
	must(argc == 2 || argc == 3);
	alarm(PATIENCE_S);
	if (strcmp(argv[1], "heir") == 0)
		find_no_descriptor();
	else if (strcmp(argv[1], "exec") == 0)
		begin_anew(argv[0]);
	else if (strcmp(argv[1], "leave") == 0)
		leave_without_a_word();
	else if (strcmp(argv[1], "exit") == 0)
		end_by_exit();
	else if (strcmp(argv[1], "cancel") == 0)
		end_by_cancellation();
	else if (argc == 3)
		log_while_all_is_closed(argv[2]);
	else
		live_without_descriptors();
	return EXIT_SUCCESS;
}
