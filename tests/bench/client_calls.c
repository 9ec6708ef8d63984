/*
 * client_calls: how long a program's calls take, one by one.
 * `client_calls syslog|write|log THREADS BATCHES BATCH PAUSE_US` calls glibc's syslog(), or
 * logfwd_write() or logfwd_log() of one client, from so many threads: BATCH calls back to back, so
 * many times with pauses between. Says "ready" when it has warmed up, and begins at a line of input.
 * Prints p50, p99, p99.9 and the maximum in nanoseconds, and how many records the client dropped.
 * `client_calls drain PATH` reads a datagram socket of its own at PATH until it is killed.
 */
#include <logfwd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64
#define WARM_UP	    200
#define FLUSH_MS    10000

/* What every kind of call says: 100 bytes or so. */
#define FORMAT                                                                                     \
	"request %s of %s took %d ms, %d bytes, from the cache of the second level of this host"
#define VALUES "/index.html", "10.0.0.7:51234", 12, 4711
#define TEXT                                                                                       \
	"request /index.html of 10.0.0.7:51234 took 12 ms, 4711 bytes, from the cache of the second"

enum call { CALL_SYSLOG, CALL_WRITE, CALL_LOG };

struct worker {
	pthread_t thread;
	struct logfwd_logger *logger; /* its own */
	uint32_t *took;		      /* ns, of each call */
};

static enum call call;
static size_t batches, batch;
static unsigned pause_us;
static uint64_t clock_costs; /* ns of one reading */
static pthread_barrier_t begins;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The least of many, since whatever disturbs makes it more. */
static uint64_t measure_clock(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 10000; i++) {
		uint64_t before = now_ns(), took = now_ns() - before;

		least = took < least ? took : least;
	}
	return least;
}

static void call_once(struct logfwd_logger *logger)
{
	switch (call) {
	case CALL_SYSLOG:
		syslog(LOG_INFO, FORMAT, VALUES);
		break;
	case CALL_WRITE:
		logfwd_write(logger, LOGFWD_INFO, TEXT, sizeof(TEXT) - 1);
		break;
	default:
		logfwd_log(logger, LOGFWD_INFO, FORMAT, VALUES);
	}
}

static uint32_t timed_call(struct logfwd_logger *logger)
{
	uint64_t before = now_ns(), took;

	call_once(logger);
	took = now_ns() - before;
	took = took > clock_costs ? took - clock_costs : 0;
	return took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	const struct timespec pause = { .tv_sec = pause_us / 1000000,
					.tv_nsec = pause_us % 1000000 * 1000 };
	size_t calls = 0;

	for (int i = 0; i < WARM_UP; i++)
		call_once(worker->logger);
	pthread_barrier_wait(&begins); /* all are warm */
	pthread_barrier_wait(&begins); /* and told to begin */
	for (size_t i = 0; i < batches; i++) {
		for (size_t j = 0; j < batch; j++)
			worker->took[calls++] = timed_call(worker->logger);
		if (pause_us > 0)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void print_times(uint32_t *took, size_t count)
{
	qsort(took, count, sizeof(*took), compare);
	printf("%u %u %u %u", took[count / 2], took[count - 1 - count / 100],
	       took[count - 1 - count / 1000], took[count - 1]);
}

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* Until it is told to go on; the rest of the world is made ready meanwhile. */
static void wait_for_word(void)
{
	char line[16];

	printf("ready\n");
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL)
		fail("the word to begin");
}

static int measure(struct worker *workers, size_t threads, struct logfwd_client *client)
{
	size_t count = batches * batch;
	uint32_t *took = calloc(threads * count, sizeof(*took));
	struct logfwd_client_stats stats = { .size = sizeof(stats) };

	if (took == NULL)
		fail("memory");
	memset(took, 1, threads * count * sizeof(*took)); /* no page fault while it is measured */
	pthread_barrier_init(&begins, NULL, (unsigned)threads + 1);
	for (size_t i = 0; i < threads; i++) {
		workers[i].took = took + i * count;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			fail("a thread");
	}
	pthread_barrier_wait(&begins);
	if (client != NULL && logfwd_flush(client, FLUSH_MS) < 0)
		fail("the daemon's answer");
	wait_for_word();
	pthread_barrier_wait(&begins);
	for (size_t i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	if (client != NULL)
		logfwd_client_stats(client, &stats);
	print_times(took, threads * count);
	printf(" %llu\n", (unsigned long long)stats.dropped);
	free(took);
	return EXIT_SUCCESS;
}

static int drain(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char buffer[65536];

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail(path);
	printf("ready\n");
	fflush(stdout);
	while (recv(fd, buffer, sizeof(buffer), 0) >= 0)
		continue;
	fail(path);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	struct logfwd_client *client = NULL;
	size_t threads;
	char name[32];

	if (argc == 3 && strcmp(argv[1], "drain") == 0)
		return drain(argv[2]);
	if (argc != 6)
		return EXIT_FAILURE;
	call = strcmp(argv[1], "syslog") == 0  ? CALL_SYSLOG
	       : strcmp(argv[1], "write") == 0 ? CALL_WRITE
					       : CALL_LOG;
	threads = strtoul(argv[2], NULL, 10);
	batches = strtoul(argv[3], NULL, 10);
	batch = strtoul(argv[4], NULL, 10);
	pause_us = (unsigned)strtoul(argv[5], NULL, 10);
	clock_costs = measure_clock();
	if (threads == 0 || threads > THREADS_MAX || batches * batch == 0)
		return EXIT_FAILURE;
	if (call == CALL_SYSLOG)
		openlog("bench", LOG_PID | LOG_NDELAY, LOG_USER);
	else if (logfwd_client_open(&client, NULL) < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; client != NULL && i < threads; i++) {
		snprintf(name, sizeof(name), "bench.%zu", i);
		if (logfwd_logger_open(client, name, &workers[i].logger) < 0)
			return EXIT_FAILURE;
	}
	return measure(workers, threads, client);
}
