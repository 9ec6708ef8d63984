/*
 * sink: receives by UDP, counts, and says what was lost, twice, or out of order.
 *
 * It prints "port N" once it listens and "first" at its first datagram. A number on its
 * standard input is how many records were sent: it then ends when all are there, or when
 * nothing more came for PATIENCE_NS, and prints what it saw as one line of JSON.
 */
#include "histogram.h"
#include "record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH	       256
#define DATAGRAM_BYTES 4096
#define RECEIVE_BUFFER (256 << 20)
#define QUIET_US       50000 /* without a datagram, before it looks at its standard input */
#define PATIENCE_NS    3000000000U

/* What came from one writer. */
struct writer {
	uint8_t *seen; /* one bit for each sequence number */
	size_t seen_bytes;
	uint64_t next; /* one above the highest sequence number so far */
};

struct sink {
	int fd;
	struct writer writers[RECORD_WRITERS_MAX];
	struct histogram latency;
	uint64_t unique, duplicates, reordered;
	uint64_t foreign; /* datagrams without a mark: a forwarder's own messages */
	uint64_t bytes;	  /* of datagrams with one */
	uint64_t first_ns, last_ns;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_receiver(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct timeval quiet = { 0, QUIET_US };
	socklen_t length = sizeof(address);
	int size = RECEIVE_BUFFER / 2; /* the kernel doubles it */
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &quiet, sizeof(quiet)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		die("sink");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	printf("port %u\n", ntohs(address.sin_port));
	return fd;
}

/* Returns whether the sequence number is new, and notes it. */
static bool note_sequence(struct writer *writer, uint64_t sequence)
{
	size_t at = (size_t)(sequence / 8);
	uint8_t bit = (uint8_t)(1U << (sequence % 8));

	if (at >= writer->seen_bytes) {
		size_t bytes = (at + 1) * 2;

		writer->seen = realloc(writer->seen, bytes);
		if (writer->seen == NULL)
			die("sink");
		memset(writer->seen + writer->seen_bytes, 0, bytes - writer->seen_bytes);
		writer->seen_bytes = bytes;
	}
	if ((writer->seen[at] & bit) != 0)
		return false;
	writer->seen[at] |= bit;
	return true;
}

static void take(struct sink *sink, const char *datagram, size_t length, uint64_t now_ns)
{
	struct record_mark mark;
	struct writer *writer;

	if (!record_read(datagram, length, &mark)) {
		sink->foreign++;
		return;
	}
	writer = &sink->writers[mark.writer];
	if (!note_sequence(writer, mark.sequence)) {
		sink->duplicates++;
		return;
	}
	sink->unique++;
	sink->bytes += length;
	if (mark.sequence < writer->next)
		sink->reordered++;
	else
		writer->next = mark.sequence + 1;
	histogram_add(&sink->latency, now_ns - mark.time_ns);
	if (sink->first_ns == 0)
		sink->first_ns = now_ns;
	sink->last_ns = now_ns;
}

/* What the driver wrote about how many were sent; UINT64_MAX while it has not. */
static uint64_t read_expected(uint64_t expected)
{
	struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
	char line[32];

	if (expected != UINT64_MAX || poll(&input, 1, 0) <= 0)
		return expected;
	if (fgets(line, sizeof(line), stdin) == NULL)
		exit(1); /* the driver is gone */
	return strtoull(line, NULL, 10);
}

static void receive(struct sink *sink)
{
	static char bytes[BATCH][DATAGRAM_BYTES];
	static struct iovec iov[BATCH];
	static struct mmsghdr messages[BATCH];
	uint64_t expected = UINT64_MAX, heard_ns = clock_now_ns(), now_ns;
	bool first = true;

	for (size_t i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ bytes[i], DATAGRAM_BYTES };
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;) {
		int count = recvmmsg(sink->fd, messages, BATCH, MSG_WAITFORONE, NULL);

		now_ns = clock_now_ns();
		if (count < 0) {
			if (errno != EAGAIN && errno != EINTR)
				die("recvmmsg");
			expected = read_expected(expected);
			if (expected != UINT64_MAX &&
			    (sink->unique >= expected || now_ns - heard_ns > PATIENCE_NS))
				return;
			continue;
		}
		heard_ns = now_ns;
		if (first)
			puts("first");
		first = false;
		for (int i = 0; i < count; i++)
			take(sink, bytes[i], messages[i].msg_len, now_ns);
	}
}

/* Datagrams that this socket's own buffer had no room for: not the forwarder's loss. */
static uint32_t own_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0)
		die("SO_MEMINFO");
	return info[SK_MEMINFO_DROPS];
}

int main(void)
{
	static struct sink sink;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sink.fd = open_receiver();
	receive(&sink);
	printf("{\"records\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"reordered\":%" PRIu64
	       ",\"foreign\":%" PRIu64 ",\"sink_dropped\":%" PRIu32 ",\"bytes\":%" PRIu64
	       ",\"seconds\":%.6f,\"latency_p50_us\":%.1f,\"latency_p99_us\":%.1f}\n",
	       sink.unique, sink.duplicates, sink.reordered, sink.foreign, own_drops(sink.fd),
	       sink.bytes, (double)(sink.last_ns - sink.first_ns) / 1e9,
	       (double)histogram_quantile(&sink.latency, 0.5) / 1e3,
	       (double)histogram_quantile(&sink.latency, 0.99) / 1e3);
	return 0;
}
