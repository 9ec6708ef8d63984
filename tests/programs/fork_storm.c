/*
 * fork_storm FORKS: threads that log without a pause while their process forks again and again.
 *
 * The children log over the loggers that they have inherited, and never exec(). Each line says which
 * process made it and which of its lines it is:
 *     "thread THREAD LINE PID", "child CHILD LINE PID" or "grandchild CHILD LINE PID"
 * Prints how many lines each thread has logged. Exits 0 when no call has failed anywhere.
 */
#include <logfwd.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS		 8
#define LINES_FOR_A_FORK 40 /* that the threads log meanwhile, all together */
#define LINES_OF_A_CHILD 5
#define CHILDREN_AT_ONCE 16
#define GENERATIONS_EACH 10 /* of so many children one has a child itself */
#define PATIENCE_S	 60
#define WAIT_MS		 30000

static struct logfwd_client *client;
static struct logfwd_logger *loggers[THREADS];
static sem_t lines_due;
static atomic_bool is_over;
static int lines[THREADS];
static int errors[THREADS];

static void *keep_logging(void *arg)
{
	int *number = arg, thread = (int)(number - lines);

	for (;;) {
		while (sem_wait(&lines_due) < 0)
			continue;
		if (is_over)
			return NULL;
		errors[thread] += logfwd_log(loggers[thread], LOGFWD_INFO, "thread %d %d %d",
					     thread, lines[thread]++, (int)getpid()) != 0;
	}
}

static int log_as(const char *who, int child)
{
	int failed = 0;

	for (int line = 0; line < LINES_OF_A_CHILD; line++)
		failed += logfwd_log(loggers[line % THREADS], LOGFWD_INFO, "%s %d %d %d", who,
				     child, line, (int)getpid()) != 0;
	return failed;
}

static bool wait_for_child(void)
{
	int status;

	return wait(&status) > 0 && status == 0;
}

static int live_as_grandchild(int child)
{
	int failed;

	alarm(PATIENCE_S);
	failed = log_as("grandchild", child);
	return failed + (logfwd_flush(client, WAIT_MS) != 0);
}

/* In the child, where only this thread is left. Returns how much has failed. */
static int live_as_child(int child)
{
	int failed;

	alarm(PATIENCE_S); /* one that hangs ends by a signal */
	failed = log_as("child", child);
	if (child % GENERATIONS_EACH == 0) {
		if (fork() == 0)
			_exit(live_as_grandchild(child));
		failed += !wait_for_child();
	}
	failed += logfwd_flush(client, WAIT_MS) != 0;
	if (child % 2 == 0)
		logfwd_client_close(client);
	return failed;
}

static int storm(int forks)
{
	int alive = 0, failed = 0;

	for (int child = 0; child < forks; child++) {
		pid_t pid;

		for (int i = 0; i < LINES_FOR_A_FORK; i++)
			sem_post(&lines_due);
		pid = fork();
		if (pid == 0)
			_exit(live_as_child(child));
		if (pid < 0)
			return failed + 1;
		if (++alive == CHILDREN_AT_ONCE) {
			failed += !wait_for_child();
			alive--;
		}
	}
	for (; alive > 0; alive--)
		failed += !wait_for_child();
	return failed;
}

static int start(pthread_t threads[THREADS])
{
	struct logfwd_options options = { .size = sizeof(options), .wait_ms = WAIT_MS };
	int failed = logfwd_client_open(&client, &options) != 0;
	char name[32];

	sem_init(&lines_due, 0, 0);
	for (int i = 0; i < THREADS; i++) {
		snprintf(name, sizeof(name), "storm.%d", i);
		failed += logfwd_logger_open(client, name, &loggers[i]) != 0;
		failed += pthread_create(&threads[i], NULL, keep_logging, &lines[i]) != 0;
	}
	return failed;
}

static int finish(pthread_t threads[THREADS])
{
	int failed = 0;

	is_over = true;
	for (int i = 0; i < THREADS; i++)
		sem_post(&lines_due);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		failed += errors[i];
		printf("%d ", lines[i]);
	}
	failed += logfwd_flush(client, WAIT_MS) != 0;
	logfwd_client_close(client);
	return failed;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int failed;

	if (argc != 2)
		return EXIT_FAILURE;
	failed = start(threads);
	if (failed == 0)
		failed = storm(atoi(argv[1]));
	failed += finish(threads);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
