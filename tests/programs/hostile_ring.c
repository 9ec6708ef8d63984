/*
 * hostile_ring SOCKET attack|flood|churn|calm SEED: a client whose other thread writes over the ring
 * that the two of them share with the daemon, until it is killed.
 *
 * One thread goes on as a client should: it connects, opens a logger, commits records, says that they
 * are there. What the other one does meanwhile is chosen anew for each connection: some are broken at
 * once, others live long, and when the daemon ends one the next begins. With `flood` nobody writes
 * over anything, but the daemon is told to look without a pause; with `churn` a connection ends as
 * soon as it has its ring. With `calm` it stays on one connection, and what the other thread writes
 * over is no ring: to be compared with, for it takes as much of a processor. Prints how many
 * connections it has had, one line for each.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ring/ring.h"
#include "wire/frame.h"

#define LASTS_MS      50 /* a connection: both threads have had a processor, if they share one */
#define BELL_EACH     64 /* of what is put */
#define LEVEL_QUIET   10 /* the daemon filters it: the collector is not what this is about */
#define BATCH_AT_ONCE 50

enum attack { ON_DATA = 1, ON_PRODUCED = 2, ON_CONSUMED = 4, ON_FLAGS = 8, ATTACKS = 16 };

static bool floods, churns, is_calm;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* while it is held nobody unmaps */
static struct ring_header *header;			 /* NULL: there is no ring now */
static struct ring_header *victim;			 /* the same, or a ring of its own */
static size_t capacity;
static unsigned attacks; /* of this connection */
static uint64_t committed;

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* Near what is true, mostly: what is far off is seen through at once. */
static uint64_t near(uint64_t index, unsigned *seed)
{
	return rand_r(seed) % 16 == 0 ? (uint64_t)rand_r(seed) << 33
				      : index + (uint64_t)(rand_r(seed) % 4096) - 2048;
}

static void attack_once(unsigned *seed)
{
	uint8_t *data = (uint8_t *)victim + RING_HEADER_BYTES;

	if ((attacks & ON_DATA) != 0)
		data[(committed + (unsigned)rand_r(seed) % 4096) % capacity] =
			(uint8_t)(rand_r(seed) % 2 == 0 ? rand_r(seed) : 0);
	if ((attacks & ON_PRODUCED) != 0)
		atomic_store(&victim->produced, near(committed, seed));
	if ((attacks & ON_CONSUMED) != 0 && rand_r(seed) % 64 == 0)
		atomic_store(&victim->consumed, near(committed, seed));
	if ((attacks & ON_FLAGS) != 0) {
		atomic_store(&victim->consumer_sleeps, (uint32_t)rand_r(seed));
		atomic_store(&victim->producer_waits, (uint32_t)rand_r(seed));
	}
}

static void *keep_attacking(void *arg)
{
	unsigned *seed = arg;

	for (;;) {
		pthread_mutex_lock(&lock);
		for (int i = 0; i < BATCH_AT_ONCE && victim != NULL; i++)
			attack_once(seed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail(path);
	return fd;
}

static bool say(int fd, const struct writer *packet)
{
	return send(fd, packet->ptr, packet->len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static bool greet(int fd)
{
	struct frame_hello hello = { WIRE_VERSION, FEATURE_RING, span_of("hostile") };
	uint8_t bytes[64];
	struct writer packet = writer_over(bytes, sizeof(bytes));

	frame_write_hello(&packet, &hello);
	return say(fd, &packet);
}

/* The descriptor that comes with the welcome; -1: none does. */
static int receive_ring(int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char bytes[4096];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int ring = -1;

	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) > 0 && CMSG_FIRSTHDR(&message) != NULL)
		memcpy(&ring, CMSG_DATA(&control.header), sizeof(ring));
	return ring;
}

static void begin_attack(int ring_fd, unsigned *seed)
{
	struct stat status;
	void *memory;

	if (fstat(ring_fd, &status) < 0)
		fail("fstat");
	memory = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	pthread_mutex_lock(&lock);
	capacity = (size_t)status.st_size - RING_HEADER_BYTES;
	header = memory;
	victim = floods || churns || is_calm ? calloc(1, (size_t)status.st_size) : memory;
	if (victim == NULL)
		fail("memory");
	attacks = (unsigned)rand_r(seed) % ATTACKS;
	committed = 0;
	pthread_mutex_unlock(&lock);
}

static void end_attack(void)
{
	pthread_mutex_lock(&lock);
	munmap(header, ring_bytes(capacity));
	if (victim != header)
		free(victim);
	header = victim = NULL;
	pthread_mutex_unlock(&lock);
}

/* Has read what the daemon says; false: the connection is at its end. */
static bool listens(int fd)
{
	char bytes[4096];
	struct pollfd polled = { .fd = fd, .events = POLLIN };

	while (poll(&polled, 1, 0) > 0) {
		if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
			return false;
	}
	return true;
}

static void ring_the_bell(int fd)
{
	uint8_t bytes[WIRE_HEADER_BYTES];
	struct writer packet = writer_over(bytes, sizeof(bytes));

	frame_write_ring(&packet, FRAME_RING);
	say(fd, &packet);
}

static struct span frames(uint8_t *bytes, size_t cap, bool first, unsigned *seed)
{
	static const char text[2000];
	struct writer packet = writer_over(bytes, cap);
	struct frame_record record = { .logger_id = 1, .time_us = 1, .level = LEVEL_QUIET };

	record.text = span_of_bytes(text, (size_t)rand_r(seed) % sizeof(text));
	record.original_length = (uint32_t)record.text.len;
	if (first)
		frame_write_open(&packet, &(struct frame_open){ 1, span_of("hostile") });
	frame_write_record_head(&packet, &record);
	writer_bytes(&packet, record.text.ptr, record.text.len);
	return writer_span(&packet);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* True as long as the daemon has not ended it, nor its time has come. */
static bool goes_on(int fd, int64_t end_ms)
{
	return listens(fd) && (is_calm || now_ms() < end_ms);
}

/* When it ends the next one is attacked in another way. */
static void use_ring(int fd, unsigned *seed)
{
	struct ring_producer producer = ring_producer_over(header, capacity);
	const int64_t end_ms = now_ms() + LASTS_MS;
	uint8_t bytes[4096];

	ring_the_bell(fd);
	for (unsigned i = 0; i % BELL_EACH != 0 || goes_on(fd, end_ms); i++) {
		ring_put(&producer, frames(bytes, sizeof(bytes), i == 0, seed));
		if (ring_commit(&producer) || floods || i % BELL_EACH == 0)
			ring_the_bell(fd);
		committed = producer.committed;
	}
}

int main(int argc, char **argv)
{
	unsigned seed, attacker_seed;
	pthread_t attacker;

	if (argc != 4)
		return EXIT_FAILURE;
	floods = strcmp(argv[2], "flood") == 0;
	churns = strcmp(argv[2], "churn") == 0;
	is_calm = strcmp(argv[2], "calm") == 0;
	seed = (unsigned)strtoul(argv[3], NULL, 10);
	attacker_seed = ~seed;
	if (pthread_create(&attacker, NULL, keep_attacking, &attacker_seed) != 0)
		fail("a thread");
	for (;;) {
		int fd = connect_to(argv[1]), ring_fd;

		if (greet(fd) && (ring_fd = receive_ring(fd)) >= 0) {
			printf("ring\n");
			fflush(stdout);
			begin_attack(ring_fd, &seed);
			close(ring_fd);
			if (!churns)
				use_ring(fd, &seed);
			end_attack();
		}
		close(fd);
	}
}
