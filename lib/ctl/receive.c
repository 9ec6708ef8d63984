/* The verb `receive`: a small collector for trials and tests. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>

#include "ctl/collector.h"
#include "ctl/command.h"
#include "ctl/print.h"
#include "ctl/verify.h"
#include "ctl/visible.h"

#define DEFAULT_ADDRESS "127.0.0.1:5514"
#define OUTPUT_BUFFER	(1 << 20) /* bytes */
/* What a full kernel buffer holds at most; then an ending comes although more arrives. */
#define LAST_BATCHES_MAX 4096

struct receiver {
	const char *address;
	const char *output; /* path, or NULL: stdout, unless quiet */
	uint64_t wanted;    /* datagrams; 0: no end */
	int timeout_ms;	    /* -1: none */
	bool quiet;

	struct collector *collector;
	FILE *out; /* NULL: only count */
	uint64_t received;
	struct verify *verify; /* NULL: not asked for */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_complete(const struct receiver *receiver)
{
	return receiver->wanted > 0 && receiver->received >= receiver->wanted;
}

/* Writes out what was printed, and says whether all of it could be: 0 or -errno. */
static int flush_lines(FILE *out)
{
	if (fflush(out) != 0)
		return -errno;
	return ferror(out) ? -EIO : 0; /* of an earlier write, when the buffer was full */
}

/* Takes and prints one batch; returns its size, 0 when nothing is there, or -errno. */
static int take_batch(struct receiver *receiver)
{
	uint64_t left = receiver->wanted > 0 ? receiver->wanted - receiver->received : SIZE_MAX;
	int taken = collector_take(receiver->collector, left), error = 0;

	for (int i = 0; i < taken && receiver->verify != NULL; i++) {
		char sender[COLLECTOR_SENDER_BYTES];

		collector_sender(receiver->collector, i, sender);
		verify_take(receiver->verify, sender, collector_datagram(receiver->collector, i));
	}
	for (int i = 0; i < taken && receiver->out != NULL; i++) {
		visible_write(receiver->out, collector_datagram(receiver->collector, i));
		putc('\n', receiver->out);
	}
	if (taken > 0)
		receiver->received += (uint64_t)taken;
	if (taken >= 0 && taken < COLLECTOR_BATCH && receiver->out != NULL)
		error = flush_lines(receiver->out);
	return error < 0 ? error : taken;
}

/* What had arrived before the end counts. */
static int take_rest(struct receiver *receiver)
{
	int taken = 1;

	for (size_t i = 0; i < LAST_BATCHES_MAX && taken > 0 && !is_complete(receiver); i++)
		taken = take_batch(receiver);
	return taken < 0 ? taken : 0;
}

/* The time is up: a failure only for who wanted a number of datagrams that did not come. */
static int give_up(struct receiver *receiver)
{
	int error = take_rest(receiver);

	if (error == 0 && receiver->wanted > 0 && !is_complete(receiver))
		return -ETIMEDOUT;
	return error;
}

/* Until all came, the time is up (see give_up()), or a signal asks to end. 0 or -errno. */
static int receive_all(struct receiver *receiver, int signals)
{
	const int64_t deadline =
		receiver->timeout_ms < 0 ? INT64_MAX : now_ms() + receiver->timeout_ms;
	int taken = 0;

	while (!is_complete(receiver)) {
		struct pollfd ready[] = { { .fd = collector_fd(receiver->collector),
					    .events = POLLIN },
					  { .fd = signals, .events = POLLIN } };
		int64_t left = receiver->timeout_ms < 0 ? -1 : deadline - now_ms();

		if (receiver->timeout_ms >= 0 && left <= 0)
			return give_up(receiver);
		/* behind a full batch nothing may come, and its lines are not flushed yet */
		if (taken == COLLECTOR_BATCH)
			left = 0;
		if (poll(ready, ARRAY_LEN(ready), (int)left) < 0 && errno != EINTR)
			return -errno;
		if (ready[1].revents != 0)
			return take_rest(receiver);
		taken = take_batch(receiver);
		if (taken < 0)
			return taken;
	}
	return 0;
}

/* TERM and INT become readable, so that none is lost between a check and a wait; -errno. */
static int open_signals(void)
{
	sigset_t ending;
	int fd;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	if (sigprocmask(SIG_BLOCK, &ending, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void print_counts(const struct verify_counts *counts)
{
	fprintf(stderr,
		"%" PRIu64 " numbered, %" PRIu64 " lost, %" PRIu64 " gaps, %" PRIu64
		" late, %" PRIu64 " duplicates, %" PRIu64 " sent again (%" PRIu64
		" of them copies), %" PRIu64 " restarts\n",
		counts->received, counts->lost, counts->gaps, counts->late, counts->duplicates,
		counts->resent, counts->copies, counts->restarts);
}

/* Returns false when something was lost, or nothing could be verified. */
static bool report_verified(const struct verify *verify)
{
	struct verify_counts total = verify_total(verify);
	const char *host, *sender;

	for (size_t i = 0; i < verify_sources(verify); i++) {
		struct verify_counts counts = verify_source(verify, i, &host, &sender);

		visible_write(stderr, span_of(host));
		fprintf(stderr, " at %s: ", sender);
		print_counts(&counts);
	}
	fputs("verified: ", stderr);
	print_counts(&total);
	if (verify_unnumbered(verify) > 0)
		fprintf(stderr, "%" PRIu64 " could not be verified\n", verify_unnumbered(verify));
	if (total.received == 0)
		fputs("logfwdctl: nothing was numbered: a target does it with sequence = true\n",
		      stderr);
	return total.received > 0 && total.lost == 0;
}

static int report(const struct receiver *receiver, int error)
{
	bool good = error == 0;
	uint32_t drops = collector_kernel_drops(receiver->collector);

	fprintf(stderr, "received %" PRIu64 "\n", receiver->received);
	if (drops > 0)
		fprintf(stderr, "the kernel dropped %" PRIu32 ": its buffer was full\n", drops);
	if (error == -ETIMEDOUT)
		fprintf(stderr, "logfwdctl: fewer than %" PRIu64 " came in time\n",
			receiver->wanted);
	else if (error < 0)
		fprintf(stderr, "logfwdctl: %s\n", strerror(-error));
	if (receiver->verify != NULL && !report_verified(receiver->verify))
		good = false;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* With the collector and the output open. Returns the exit status. */
static int receive_until_end(struct receiver *receiver)
{
	CLEANUP(close_fd) int signals = open_signals();
	int error;

	if (signals < 0) {
		fprintf(stderr, "logfwdctl: cannot wait for signals: %s\n", strerror(-signals));
		return EXIT_FAILURE;
	}
	if (receiver->out != NULL)
		setvbuf(receiver->out, NULL, _IOFBF, OUTPUT_BUFFER);
	fprintf(stderr, "listening on %s\n", collector_address(receiver->collector));
	error = receive_all(receiver, signals);
	if (receiver->out != NULL && error == 0)
		error = flush_lines(receiver->out);
	return report(receiver, error);
}

static int receive(struct receiver *receiver)
{
	CLEANUP(collector_free) struct collector *collector = collector_new(receiver->address);
	int status;

	if (collector == NULL)
		return EXIT_FAILURE;
	receiver->collector = collector;
	if (receiver->output != NULL)
		receiver->out = fopen(receiver->output, "we");
	else
		receiver->out = receiver->quiet ? NULL : stdout;
	if (receiver->out == NULL && receiver->output != NULL) {
		fprintf(stderr, "logfwdctl: cannot write %s: %s\n", receiver->output,
			strerror(errno));
		return EXIT_FAILURE;
	}
	status = receive_until_end(receiver);
	if (receiver->output != NULL)
		fclose(receiver->out); /* all is flushed, and checked */
	return status;
}

int run_receive(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "output", required_argument, NULL, 'o' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "verify", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct receiver receiver = { .address = DEFAULT_ADDRESS, .timeout_ms = -1 };
	CLEANUP(verify_free) struct verify *verify = NULL;
	bool verifies = false;
	int option;

	(void)invocation;
	while ((option = getopt_long(argc, argv, "n:t:o:qvh", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			if (!print_parse_count(optarg, &receiver.wanted))
				return EXIT_USAGE;
			break;
		case 't':
			if (!print_parse_seconds(optarg, &receiver.timeout_ms))
				return EXIT_USAGE;
			break;
		case 'o':
			receiver.output = optarg;
			break;
		case 'q':
			receiver.quiet = true;
			break;
		case 'v':
			verifies = true;
			break;
		case 'h':
			return command_help("receive");
		default:
			return command_misused("receive");
		}
	}
	if (argc - optind > 1)
		return command_misused("receive");
	if (optind < argc)
		receiver.address = argv[optind];
	if (verifies) {
		verify = verify_new();
		if (verify == NULL) {
			fputs("logfwdctl: out of memory\n", stderr);
			return EXIT_FAILURE;
		}
		receiver.verify = verify;
	}
	return receive(&receiver);
}
