/*
 * Proves what a target does about each kind of error of sendmmsg(2), which this program
 * answers itself: it waits, pauses, gives one record up or fails over, sends everything in
 * order once it can, and its account holds at every step.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "os/clock.h"
#include "output/output.h"
#include "support/suite.h"

#define TARGETS	    2
#define DEADLINE_MS 5000

/* What the next calls of sendmmsg(2) answer: an errno each, 0 takes the first half (at least one). */
static struct {
	int answers[8];
	size_t count, next;
	unsigned calls;
} script;

int __real_sendmmsg(int fd, struct mmsghdr *datagrams, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *datagrams, unsigned count, int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *datagrams, unsigned count, int flags)
{
	int answer;

	script.calls++;
	if (script.next == script.count)
		return __real_sendmmsg(fd, datagrams, count, flags);
	answer = script.answers[script.next++];
	if (answer == 0)
		return __real_sendmmsg(fd, datagrams, (count + 1) / 2, flags);
	errno = answer;
	return -1;
}

static void answer_next(int answer)
{
	script.answers[script.count++] = answer;
}

static struct event_base *base;
static struct output *output;
static int collectors[TARGETS];
static char addresses[TARGETS][32];
static unsigned received[TARGETS]; /* the number of the last record */
static unsigned given_up;	   /* the number of a record that is not to come; 0: all are */

static void configure(const struct pool_options *pool, size_t n_targets, unsigned first_server)
{
	static const char *const names[TARGETS] = { "a", "b" };
	const char *servers[TARGETS][1];
	struct target_options options[TARGETS];
	struct output_generation *generation;

	for (size_t i = 0; i < n_targets; i++) {
		servers[i][0] = addresses[(i + first_server) % TARGETS];
		options[i] = target_defaults();
		options[i].name = names[i];
		options[i].servers = servers[i];
		options[i].n_servers = 1;
		options[i].queue_bytes = 65536;
	}
	ck_assert_int_eq(output_prepare(output, options, n_targets, &generation), 0);
	output_commit(output, generation, pool);
}

static void setup(void)
{
	const struct pool_options pool = { .sockets = 1, .idle_timeout = 60 };

	memset(&script, 0, sizeof(script));
	memset(received, 0, sizeof(received));
	given_up = 0;
	base = event_base_new();
	ck_assert_int_eq(output_new(base, &pool, "host", &output), 0);
	for (size_t i = 0; i < TARGETS; i++) {
		struct sockaddr_in address = { .sin_family = AF_INET,
					       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t length = sizeof(address);

		collectors[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(bind(collectors[i], (struct sockaddr *)&address, length), 0);
		ck_assert_int_eq(getsockname(collectors[i], (struct sockaddr *)&address, &length),
				 0);
		snprintf(addresses[i], sizeof(addresses[i]), "127.0.0.1:%u",
			 ntohs(address.sin_port));
	}
	configure(&pool, TARGETS, 0);
}

static void teardown(void)
{
	output_free(output);
	for (size_t i = 0; i < TARGETS; i++) {
		if (collectors[i] >= 0)
			close(collectors[i]);
	}
	event_base_free(base);
	libevent_global_shutdown();
}

static void check_account(size_t i)
{
	struct target_counts counts = target_counts(output_target(output, i));
	uint64_t dropped = 0;

	for (size_t k = 0; k < DROP_REASONS; k++)
		dropped += counts.dropped[k];
	ck_assert_uint_eq(counts.enqueued, counts.sent + dropped + counts.queued);
	ck_assert_uint_le(output_pool_counts(output).open, 1);
}

/* No two in a row have one length: each is a message of its own (see test_target_segments.c). */
static const char *mark_of(unsigned number)
{
	return number % 2 != 0 ? "#" : "##";
}

static void push(size_t i, unsigned from, unsigned to)
{
	char texts[64][8];

	for (unsigned number = from; number <= to; number++) {
		char *text = texts[number - from];
		struct datagram datagram = { .header = span_of(mark_of(number)) };

		snprintf(text, sizeof(texts[0]), "%u", number);
		datagram.text = span_of(text);
		target_push(output_target(output, i), &datagram, 6, span_of("test"));
		check_account(i);
	}
	target_flush(output_target(output, i));
	check_account(i);
}

/* Takes what has arrived, which must go on where it stopped. */
static void receive(size_t i)
{
	char text[2048];
	ssize_t length;

	while ((length = recv(collectors[i], text, sizeof(text) - 1, 0)) > 0) {
		char expected[16];

		text[length] = '\0';
		if (text[0] == '<')
			continue; /* the target's own word about a loss */
		if (++received[i] == given_up)
			received[i]++;
		snprintf(expected, sizeof(expected), "%s%u", mark_of(received[i]), received[i]);
		ck_assert_str_eq(text, expected);
	}
}

/* Runs the loop until target i has nothing left to send. */
static void run_until_sent(size_t i)
{
	for (int waited = 0; target_counts(output_target(output, i)).queued > 0; waited += 10) {
		const struct timeval step = { .tv_usec = 10000 };

		ck_assert_int_lt(waited, DEADLINE_MS);
		event_base_loopexit(base, &step);
		event_base_dispatch(base);
		check_account(i);
	}
	receive(i);
}

static const int passing_errors[] = { EAGAIN, ENOBUFS, ENOMEM, EINTR, 0 };

START_TEST(error_that_passes_loses_nothing)
{
	answer_next(passing_errors[_i]);
	answer_next(passing_errors[_i]);
	push(0, 1, 40);
	run_until_sent(0);
	push(0, 41, 50);
	run_until_sent(0);
	ck_assert_uint_eq(received[0], 50);
	ck_assert_uint_eq(target_counts(output_target(output, 0)).sent, 50);
	ck_assert_uint_lt(script.calls, 20); /* it waited, it did not spin */
}
END_TEST

/* The socket that it waits for is closed for another's sake: it must not wait for ever. */
START_TEST(target_goes_on_when_the_pool_takes_its_socket)
{
	int64_t used_ms;

	answer_next(EAGAIN);
	push(0, 1, 10);
	ck_assert_uint_eq(target_counts(output_target(output, 0)).queued, 10);
	used_ms = clock_monotonic_ms();
	while (clock_monotonic_ms() < used_ms + POOL_NEWS_MS)
		; /* until then nobody takes it */
	push(1, 1, 1);
	ck_assert_uint_eq(output_pool_counts(output).evicted, 1);
	run_until_sent(0);
	ck_assert_uint_eq(received[0], 10);
	run_until_sent(1);
	ck_assert_uint_eq(received[1], 1);
}
END_TEST

/* An error may still come: the only socket is left where it is until that is known. */
START_TEST(pool_waits_while_a_probe_is_out)
{
	answer_next(ENETUNREACH);
	push(0, 1, 1);
	ck_assert_uint_eq(target_counts(output_target(output, 0)).sent, 1); /* the probe */
	push(1, 1, 1);
	ck_assert_uint_eq(output_pool_counts(output).evicted, 0);
	ck_assert_uint_eq(target_counts(output_target(output, 1)).queued, 1);
	run_until_sent(1);
	ck_assert_uint_eq(output_pool_counts(output).evicted, 1);
	ck_assert_uint_eq(received[1], 1);
	receive(0);
	ck_assert_uint_eq(received[0], 1);
}
END_TEST

START_TEST(record_that_is_too_large_for_the_path_goes_alone)
{
	answer_next(0);
	answer_next(EMSGSIZE);
	given_up = 6; /* behind the first half of ten */
	push(0, 1, 10);
	receive(0);
	ck_assert_uint_eq(received[0], 10);
	ck_assert_uint_eq(target_counts(output_target(output, 0)).dropped[DROP_OVERSIZE], 1);
}
END_TEST

static const int path_errors[] = { ENETUNREACH, EHOSTUNREACH, EACCES, EPERM, EINVAL };

START_TEST(error_of_the_path_makes_a_new_socket)
{
	uint64_t opened;

	push(0, 1, 1);
	opened = output_pool_counts(output).opened;
	answer_next(path_errors[_i]);
	push(0, 2, 10);
	run_until_sent(0);
	ck_assert_uint_eq(received[0], 10);
	ck_assert_uint_eq(output_pool_counts(output).opened, opened + 1);
}
END_TEST

START_TEST(counts_of_refusals_survive_their_server)
{
	const struct pool_options pool = { .sockets = 1, .idle_timeout = 60 };
	struct target *target = output_target(output, 0);
	uint64_t refused;

	close(collectors[0]);
	collectors[0] = -1;
	push(0, 1, 1);
	for (int waited = 0; target_counts(target).refused == 0; waited += 10) {
		const struct timeval step = { .tv_usec = 10000 };

		ck_assert_int_lt(waited, DEADLINE_MS);
		event_base_loopexit(base, &step);
		event_base_dispatch(base);
	}
	refused = target_counts(target).refused;
	configure(&pool, 1, 1); /* another server for the same target */
	ck_assert_ptr_eq(output_target(output, 0), target);
	ck_assert_uint_eq(target_counts(target).refused, refused);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target_errors");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_set_timeout(all, 30);
	tcase_add_loop_test(all, error_that_passes_loses_nothing, 0, ARRAY_LEN(passing_errors));
	tcase_add_test(all, target_goes_on_when_the_pool_takes_its_socket);
	tcase_add_test(all, pool_waits_while_a_probe_is_out);
	tcase_add_test(all, record_that_is_too_large_for_the_path_goes_alone);
	tcase_add_loop_test(all, error_of_the_path_makes_a_new_socket, 0, ARRAY_LEN(path_errors));
	tcase_add_test(all, counts_of_refusals_survive_their_server);
	suite_add_tcase(suite, all);
	return suite;
}
