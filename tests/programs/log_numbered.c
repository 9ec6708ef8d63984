/*
 * log_numbered WRITER WAIT_MS PAUSE_US NOTES_FD: threads that log numbered records until a SIGTERM,
 * or until they are killed.
 *
 * Each thread has loggers of its own, which it closes and opens again now and then. Record NUMBER of
 * a THREAD is the text "WRITER THREAD NUMBER " over and over, cut to a length that depends on the
 * number: a text that was torn or mixed with another shows it. NOTES_FD is memory that outlives the
 * process, and holds what each thread knows of itself.
 *
 * With a WAIT_MS that is not 0 a thread goes on only when its record has left the process; with 0
 * it never waits, and its records do, in the client's buffer. Between two bursts of records a thread
 * pauses for PAUSE_US. Exits 0 after the SIGTERM once the daemon has taken everything, and no call
 * has failed.
 */
#include <logfwd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define THREADS	       3
#define LOGGERS	       3   /* of each thread, which uses them in turn */
#define RENEWED_AFTER  300 /* records, all loggers of the thread at once */
#define BURST	       30
#define TEXT_MIN       40
#define TEXT_SPREAD    120
#define TEXT_SPREAD_16 8000 /* of one record in 16 */
#define BUFFER_BYTES   (64 * 1024 * 1024)
#define END_WAIT_MS    60000
#define PATIENCE_S     300 /* then nobody is left who would end us */

/* What is written here stays when the process is killed. */
struct notes {
	_Atomic uint64_t logged; /* calls that have returned 0, from record 0 on */
	_Atomic uint64_t failed; /* calls that returned something else, of whatever kind */
	_Atomic uint64_t waits;	 /* records that found no room, and were waited for */
	_Atomic uint64_t longest_us;
};

struct thread {
	pthread_t id;
	int number;
	struct notes *notes;
	struct logfwd_logger *loggers[LOGGERS];
	uint64_t next; /* record */
};

static struct logfwd_client *client;
static int writer, wait_ms, pause_us;
static atomic_bool is_over;

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static size_t text_length(uint64_t number)
{
	uint32_t mixed = ((uint32_t)number * 2654435761u) >> 8;

	return TEXT_MIN + mixed % (mixed % 16 == 0 ? TEXT_SPREAD_16 : TEXT_SPREAD);
}

/* Returns its length; text has room for TEXT_MIN + TEXT_SPREAD_16. */
static size_t make_text(const struct thread *thread, char *text)
{
	size_t length = text_length(thread->next);
	size_t filled = (size_t)snprintf(text, TEXT_MIN, "%d %d %llu ", writer, thread->number,
					 (unsigned long long)thread->next);

	while (filled < length) {
		size_t more = filled < length - filled ? filled : length - filled;

		memcpy(text + filled, text, more);
		filled += more;
	}
	return length;
}

/* Returns how many calls have failed, as all of these. */
static int renew_loggers(struct thread *thread)
{
	char name[32], opened[24];
	int failed = 0;

	snprintf(opened, sizeof(opened), "%llu", (unsigned long long)thread->next);
	for (int i = 0; i < LOGGERS; i++) {
		snprintf(name, sizeof(name), "storm.%d.%d.%d", writer, thread->number, i);
		logfwd_logger_close(thread->loggers[i]);
		failed += logfwd_logger_open(client, name, &thread->loggers[i]) != 0;
		failed += logfwd_logger_set_context(thread->loggers[i], "opened", opened) != 0;
	}
	return failed;
}

/* Until what the daemon had no room for has left the process. */
static int wait_for_room(struct thread *thread)
{
	struct logfwd_client_stats stats = { .size = sizeof(stats) };
	int failed = logfwd_client_stats(client, &stats) != 0;

	if (stats.buffered == 0)
		return failed;
	thread->notes->waits++;
	return failed + (logfwd_flush(client, wait_ms) != 0);
}

static int log_next(struct thread *thread)
{
	char text[TEXT_MIN + TEXT_SPREAD_16];
	size_t length = make_text(thread, text);
	int failed = 0;

	if (thread->next % RENEWED_AFTER == 0)
		failed += renew_loggers(thread);
	failed += logfwd_write(thread->loggers[thread->next % LOGGERS], LOGFWD_INFO, text,
			       length) != 0;
	if (wait_ms > 0)
		failed += wait_for_room(thread);
	return failed;
}

static void *keep_logging(void *arg)
{
	struct thread *thread = arg;
	struct notes *notes = thread->notes;

	while (!is_over && notes->failed == 0) {
		uint64_t began = now_us(), took;
		int failed = log_next(thread);

		took = now_us() - began;
		if (took > notes->longest_us)
			notes->longest_us = took;
		notes->failed += failed;
		thread->next++;
		notes->logged += failed == 0;
		if (pause_us > 0 && thread->next % BURST == 0)
			usleep((useconds_t)pause_us);
	}
	return NULL;
}

static bool run(struct thread threads[THREADS], struct notes *notes)
{
	struct logfwd_options options = {
		.size = sizeof(options),
		.wait_ms = (unsigned)wait_ms,
		.buffer_bytes = BUFFER_BYTES,
	};
	sigset_t end;
	int signal;
	bool good;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_BLOCK, &end, NULL); /* before there are threads that it could reach */
	alarm(PATIENCE_S);
	if (logfwd_client_open(&client, &options) != 0)
		return false;
	for (int i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){ .number = i, .notes = &notes[i] };
		if (pthread_create(&threads[i].id, NULL, keep_logging, &threads[i]) != 0)
			return false;
	}
	sigwait(&end, &signal);
	is_over = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i].id, NULL);
	good = logfwd_flush(client, END_WAIT_MS) == 0;
	logfwd_client_close(client);
	for (int i = 0; i < THREADS; i++)
		good = good && notes[i].failed == 0;
	return good;
}

int main(int argc, char **argv)
{
	struct thread threads[THREADS];
	struct notes *notes;

	if (argc != 5)
		return EXIT_FAILURE;
	writer = atoi(argv[1]);
	wait_ms = atoi(argv[2]);
	pause_us = atoi(argv[3]);
	notes = mmap(NULL, THREADS * sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED,
		     atoi(argv[4]), 0);
	if (notes == MAP_FAILED)
		return EXIT_FAILURE;
	return run(threads, notes) ? EXIT_SUCCESS : EXIT_FAILURE;
}
