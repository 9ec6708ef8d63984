/*
 * Proves, against real sockets on the loopback, that a target sends in order, fails over when
 * a collector refuses, holds what nobody takes, tells what it lost, and that its account and
 * the pool's bound hold at every step.
 */
#include "output/output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "support/suite.h"

#define HOST "testhost"

static struct event_base *base;
static struct output *output;

struct collector {
	int fd;
	char address[32]; /* "127.0.0.1:PORT" */
};

static struct collector collector_open(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	struct collector collector = { .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) };

	ck_assert_int_eq(bind(collector.fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(getsockname(collector.fd, (struct sockaddr *)&address, &length), 0);
	snprintf(collector.address, sizeof(collector.address), "127.0.0.1:%u",
		 ntohs(address.sin_port));
	return collector;
}

/* The next datagram, or "" when there is none now. */
static const char *collector_take(const struct collector *collector)
{
	static char text[4096];
	ssize_t len = recv(collector->fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}

static void setup(void)
{
	base = event_base_new();
	ck_assert_int_eq(output_new(base,
				    &(struct pool_options){ .sockets = 2, .idle_timeout = 60 },
				    HOST, &output),
			 0);
}

static void teardown(void)
{
	output_free(output);
	event_base_free(base);
	libevent_global_shutdown();
}

static struct target_options options_of(const char *name, const char *const *servers, size_t count)
{
	return (struct target_options){
		.name = name,
		.servers = servers,
		.n_servers = count,
		.queue_bytes = 65536,
		.datagram_bytes = 2048,
		.resolve_interval = 60,
	};
}

static void configure(const struct target_options *targets, size_t count)
{
	struct output_generation *generation;
	const struct pool_options pool = { .sockets = 2, .idle_timeout = 60 };

	ck_assert_int_eq(output_prepare(output, targets, count, &generation), 0);
	output_commit(output, generation, &pool);
}

static void check_account(const struct target *target)
{
	struct target_counts counts = target_counts(target);
	uint64_t dropped = 0;

	for (size_t i = 0; i < DROP_REASONS; i++)
		dropped += counts.dropped[i];
	ck_assert_uint_eq(counts.enqueued, counts.sent + dropped + counts.queued);
	ck_assert_uint_le(output_pool_counts(output).open, 2);
}

static void push(struct target *target, unsigned number)
{
	char text[16];
	struct datagram datagram = { .header = span_of("h ") };

	snprintf(text, sizeof(text), "%u", number);
	datagram.text = span_of(text);
	target_push(target, &datagram, 6);
	check_account(target);
	target_flush(target); /* the text is ours only until here */
	check_account(target);
}

/* Runs the loop until the queue is empty; a second is far beyond any probe. */
static void run_until_sent(struct target *target)
{
	for (int i = 0; i < 1000 && target_counts(target).queued > 0; i++) {
		const struct timeval step = { .tv_usec = 10000 };

		event_base_loopexit(base, &step);
		event_base_dispatch(base);
		check_account(target);
	}
	ck_assert_uint_eq(target_counts(target).queued, 0);
}

START_TEST(target_sends_in_order)
{
	struct collector collector = collector_open();
	const char *servers[] = { collector.address };
	struct target_options options = options_of("t", servers, 1);
	struct target *target;

	configure(&options, 1);
	target = output_target(output, 0);
	for (unsigned i = 0; i < 100; i++)
		push(target, i);
	for (unsigned i = 0; i < 100; i++) {
		char expected[16];

		snprintf(expected, sizeof(expected), "h %u", i);
		ck_assert_str_eq(collector_take(&collector), expected);
	}
	ck_assert_uint_eq(target_counts(target).sent, 100);
	close(collector.fd);
}
END_TEST

START_TEST(target_fails_over_when_a_server_refuses)
{
	struct collector dead = collector_open();
	struct collector live = collector_open();
	const char *servers[] = { dead.address, live.address };
	struct target_options options = options_of("t", servers, 2);
	struct target_counts counts;
	struct target *target;
	unsigned received = 0;

	close(dead.fd);
	configure(&options, 1);
	target = output_target(output, 0);
	for (unsigned i = 0; i < 200; i++)
		push(target, i);
	run_until_sent(target);
	while (collector_take(&live)[0] != '\0')
		received++;
	counts = target_counts(target);
	/* one found it dead and one was its probe: both were taken by the kernel, and refused */
	ck_assert_uint_eq(counts.sent, 200);
	ck_assert_uint_eq(received + counts.refused, 200);
	ck_assert_uint_le(counts.refused, 2);
	close(live.fd);
}
END_TEST

START_TEST(target_holds_what_nobody_takes_and_sends_it_later)
{
	struct collector collector = collector_open();
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	const char *servers[] = { collector.address };
	struct target_options options = options_of("t", servers, 1);
	struct target_counts counts;
	struct target *target;
	unsigned received = 0;

	getsockname(collector.fd, (struct sockaddr *)&address, &length);
	close(collector.fd);
	configure(&options, 1);
	target = output_target(output, 0);
	for (unsigned i = 0; i < 100; i++)
		push(target, i);
	ck_assert_uint_ge(target_counts(target).queued, 90);
	collector.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(collector.fd, (struct sockaddr *)&address, length), 0);
	run_until_sent(target);
	while (collector_take(&collector)[0] != '\0')
		received++;
	counts = target_counts(target);
	ck_assert_uint_eq(received + counts.refused, 100);
	close(collector.fd);
}
END_TEST

START_TEST(target_tells_what_it_lost)
{
	struct collector collector = collector_open();
	const char *servers[] = { collector.address };
	struct target_options options = options_of("t", servers, 1);
	struct target *target;
	const char *notice;

	configure(&options, 1);
	target = output_target(output, 0);
	target_drop(target, DROP_OVERSIZE);
	target_drop(target, DROP_OVERSIZE);
	push(target, 1);
	ck_assert_str_eq(collector_take(&collector), "h 1");
	notice = collector_take(&collector);
	ck_assert_ptr_nonnull(
		strstr(notice, "<4>1 ")); /* kern: no handler has set a facility here */
	ck_assert_ptr_nonnull(strstr(notice, " " HOST " logfwdd "));
	ck_assert_ptr_nonnull(strstr(notice, "[logfwd@32473 logger=\"logfwd\"] "
					     "2 records lost: oversize 2; first "));
	ck_assert_uint_eq(target_counts(target).notices, 1);
	target_drop(target, DROP_OVERSIZE);
	push(target, 2);
	ck_assert_str_eq(collector_take(&collector), "h 2");
	ck_assert_str_eq(collector_take(&collector), ""); /* one notice a second at most */
	check_account(target);
	close(collector.fd);
}
END_TEST

START_TEST(one_large_record_does_not_hold_up_its_neighbours)
{
	static uint8_t large[70000];
	struct collector collector = collector_open();
	const char *servers[] = { collector.address };
	struct target_options options = options_of("t", servers, 1);
	const struct datagram poison = { .header = span_of_bytes(large, sizeof(large)) };
	struct target *target;

	configure(&options, 1);
	target = output_target(output, 0);
	for (unsigned i = 0; i < 3; i++) {
		target_push(target, &(struct datagram){ .header = span_of("good") }, 6);
		target_push(target, &poison, 6);
	}
	target_flush(target);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_str_eq(collector_take(&collector), "good");
	ck_assert_uint_eq(target_counts(target).dropped[DROP_OVERSIZE], 3);
	check_account(target);
	close(collector.fd);
}
END_TEST

START_TEST(pool_never_exceeds_its_bound)
{
	struct collector collectors[5];
	const char *addresses[5];
	struct target_options options[5];
	const char *names[] = { "a", "b", "c", "d", "e" };

	for (size_t i = 0; i < 5; i++) {
		collectors[i] = collector_open();
		addresses[i] = collectors[i].address;
		options[i] = options_of(names[i], &addresses[i], 1);
	}
	configure(options, 5);
	for (unsigned round = 0; round < 10; round++) {
		for (size_t i = 0; i < 5; i++)
			push(output_target(output, i), round);
	}
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(target_counts(output_target(output, i)).sent, 10);
	ck_assert_uint_eq(output_pool_counts(output).peak, 2);
	ck_assert_uint_eq(output_pool_counts(output).evicted, 48);
	for (size_t i = 0; i < 5; i++)
		close(collectors[i].fd);
}
END_TEST

START_TEST(reload_keeps_a_target_and_accounts_for_one_that_goes)
{
	struct collector collector = collector_open();
	const char *live[] = { collector.address };
	const char *dead[] = { "127.0.0.1:9" };
	struct target_options both[] = { options_of("stays", live, 1),
					 options_of("goes", dead, 1) };
	struct target *stays;
	struct pool_counts before;

	configure(both, 2);
	stays = output_target(output, 0);
	push(stays, 1);
	for (unsigned i = 0; i < 20; i++)
		push(output_target(output, 1), i);
	before = output_pool_counts(output);
	configure(both, 1);
	ck_assert_ptr_eq(output_target(output, 0), stays);
	ck_assert_uint_eq(target_counts(stays).sent, 1);
	push(stays, 2);
	ck_assert_uint_eq(output_pool_counts(output).opened, before.opened); /* the same socket */
	ck_assert_uint_eq(output_removed(output).enqueued, 20);
	ck_assert_uint_eq(output_removed(output).sent +
				  output_removed(output).dropped[DROP_TARGET_REMOVED],
			  20);
	close(collector.fd);
}
END_TEST

START_TEST(output_that_cannot_be_prepared_changes_nothing)
{
	struct collector collector = collector_open();
	const char *good[] = { collector.address };
	const char *bad[] = { "not an address" };
	struct target_options options = options_of("t", good, 1);
	struct target_options broken[] = { options_of("t", good, 1), options_of("u", bad, 1) };
	struct output_generation *generation;

	configure(&options, 1);
	ck_assert_int_eq(output_prepare(output, broken, 2, &generation), -EINVAL);
	ck_assert_uint_eq(output_targets(output), 1);
	push(output_target(output, 0), 7);
	ck_assert_str_eq(collector_take(&collector), "h 7");
	close(collector.fd);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_set_timeout(all, 30);
	tcase_add_test(all, target_sends_in_order);
	tcase_add_test(all, target_fails_over_when_a_server_refuses);
	tcase_add_test(all, target_holds_what_nobody_takes_and_sends_it_later);
	tcase_add_test(all, target_tells_what_it_lost);
	tcase_add_test(all, one_large_record_does_not_hold_up_its_neighbours);
	tcase_add_test(all, pool_never_exceeds_its_bound);
	tcase_add_test(all, reload_keeps_a_target_and_accounts_for_one_that_goes);
	tcase_add_test(all, output_that_cannot_be_prepared_changes_nothing);
	suite_add_tcase(suite, all);
	return suite;
}
