/*
 * Proves, against real sockets on the loopback, that a target sends in order, fails over when
 * a collector refuses, holds what nobody takes, tells what it lost, and that its account and
 * the pool's bound hold at every step.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "support/suite.h"
#include "support/target_fixture.h"

static void push(struct target *target, unsigned number)
{
	char text[16];
	struct datagram datagram = { .header = span_of("h ") };

	snprintf(text, sizeof(text), "%u", number);
	datagram.text = span_of(text);
	target_push(target, &datagram, 6, span_of("test"));
	fixture_check(target);
	target_flush(target); /* the text is ours only until here */
	fixture_check(target);
}

START_TEST(target_sends_in_order)
{
	struct collector collector = collector_open();
	const char *servers[] = { collector.address };
	struct target_options options = fixture_options("t", servers, 1);
	struct target *target;

	fixture_configure(&options, 1);
	target = output_target(fixture_output(), 0);
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
	struct target_options options = fixture_options("t", servers, 2);
	struct target_counts counts;
	struct target *target;
	unsigned received = 0;

	close(dead.fd);
	fixture_configure(&options, 1);
	target = output_target(fixture_output(), 0);
	for (unsigned i = 0; i < 200; i++)
		push(target, i);
	fixture_run_until_sent(target);
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
	struct target_options options = fixture_options("t", servers, 1);
	struct target_counts counts;
	struct target *target;
	unsigned received = 0;

	getsockname(collector.fd, (struct sockaddr *)&address, &length);
	close(collector.fd);
	fixture_configure(&options, 1);
	target = output_target(fixture_output(), 0);
	for (unsigned i = 0; i < 100; i++)
		push(target, i);
	ck_assert_uint_ge(target_counts(target).queued, 90);
	collector.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(collector.fd, (struct sockaddr *)&address, length), 0);
	fixture_run_until_sent(target);
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
	struct target_options options = fixture_options("t", servers, 1);
	struct target *target;
	const char *notice;

	fixture_configure(&options, 1);
	target = output_target(fixture_output(), 0);
	target_drop(target, DROP_OVERSIZE, span_of("app.db"));
	target_drop(target, DROP_OVERSIZE, span_of("app.db"));
	push(target, 1);
	ck_assert_str_eq(collector_take(&collector), "h 1");
	notice = collector_take(&collector);
	ck_assert_ptr_nonnull(
		strstr(notice, "<4>1 ")); /* kern: no handler has set a facility here */
	ck_assert_ptr_nonnull(strstr(notice, " " FIXTURE_HOST " logfwdd "));
	ck_assert_ptr_nonnull(strstr(notice, "[logfwd@32473 logger=\"logfwd\"] "
					     "2 records lost: oversize 2; first "));
	ck_assert_uint_eq(target_counts(target).notices, 1);
	target_drop(target, DROP_OVERSIZE, span_of("app.db"));
	push(target, 2);
	ck_assert_str_eq(collector_take(&collector), "h 2");
	ck_assert_str_eq(collector_take(&collector), ""); /* one notice a second at most */
	fixture_check(target);
	close(collector.fd);
}
END_TEST

START_TEST(one_large_record_does_not_hold_up_its_neighbours)
{
	static uint8_t large[70000];
	struct collector collector = collector_open();
	const char *servers[] = { collector.address };
	struct target_options options = fixture_options("t", servers, 1);
	const struct datagram poison = { .header = span_of_bytes(large, sizeof(large)) };
	struct target *target;

	fixture_configure(&options, 1);
	target = output_target(fixture_output(), 0);
	for (unsigned i = 0; i < 3; i++) {
		target_push(target, &(struct datagram){ .header = span_of("good") }, 6,
			    span_of("test"));
		target_push(target, &poison, 6, span_of("test"));
	}
	target_flush(target);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_str_eq(collector_take(&collector), "good");
	ck_assert_uint_eq(target_counts(target).dropped[DROP_OVERSIZE], 3);
	fixture_check(target);
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
		options[i] = fixture_options(names[i], &addresses[i], 1);
	}
	fixture_configure(options, 5);
	for (unsigned round = 0; round < 10; round++) {
		for (size_t i = 0; i < 5; i++)
			push(output_target(fixture_output(), i), round);
	}
	for (size_t i = 0; i < 5; i++) {
		struct target *target = output_target(fixture_output(), i);

		fixture_run_until_sent(target);
		ck_assert_uint_eq(target_counts(target).sent, 10);
	}
	ck_assert_uint_eq(output_pool_counts(fixture_output()).peak, 2);
	ck_assert_uint_ge(output_pool_counts(fixture_output()).evicted, 3);
	for (size_t i = 0; i < 5; i++)
		close(collectors[i].fd);
}
END_TEST

START_TEST(reload_keeps_a_target_and_accounts_for_one_that_goes)
{
	struct collector collector = collector_open();
	const char *live[] = { collector.address };
	const char *dead[] = { "127.0.0.1:9" };
	struct target_options both[] = { fixture_options("stays", live, 1),
					 fixture_options("goes", dead, 1) };
	struct target *stays;
	struct pool_counts before;

	fixture_configure(both, 2);
	stays = output_target(fixture_output(), 0);
	push(stays, 1);
	for (unsigned i = 0; i < 20; i++)
		push(output_target(fixture_output(), 1), i);
	before = output_pool_counts(fixture_output());
	fixture_configure(both, 1);
	ck_assert_ptr_eq(output_target(fixture_output(), 0), stays);
	ck_assert_uint_eq(target_counts(stays).sent, 1);
	push(stays, 2);
	ck_assert_uint_eq(output_pool_counts(fixture_output()).opened,
			  before.opened); /* the same socket */
	ck_assert_uint_eq(output_removed(fixture_output()).enqueued, 20);
	ck_assert_uint_eq(output_removed(fixture_output()).sent +
				  output_removed(fixture_output()).dropped[DROP_TARGET_REMOVED],
			  20);
	close(collector.fd);
}
END_TEST

START_TEST(output_that_cannot_be_prepared_changes_nothing)
{
	struct collector collector = collector_open();
	const char *good[] = { collector.address };
	const char *bad[] = { "not an address" };
	struct target_options options = fixture_options("t", good, 1);
	struct target_options broken[] = { fixture_options("t", good, 1),
					   fixture_options("u", bad, 1) };
	struct output_generation *generation;

	fixture_configure(&options, 1);
	ck_assert_int_eq(output_prepare(fixture_output(), broken, 2, &generation), -EINVAL);
	ck_assert_uint_eq(output_targets(fixture_output()), 1);
	push(output_target(fixture_output(), 0), 7);
	ck_assert_str_eq(collector_take(&collector), "h 7");
	close(collector.fd);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, fixture_setup, fixture_teardown);
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
