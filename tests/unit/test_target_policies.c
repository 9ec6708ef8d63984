/*
 * Proves, against real sockets on the loopback, what each policy and the number of source ports
 * mean: who gets which records, that a mirror's servers have an account each, and that what a
 * reload changes of them loses nothing and keeps the accounts.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "support/suite.h"
#include "support/target_fixture.h"

#define LOGGERS 20

/* "N of logger L" of that logger. */
static void push(struct target *target, unsigned logger, unsigned number)
{
	char text[32], name[16];
	struct datagram datagram = { .header = span_of("h ") };

	snprintf(name, sizeof(name), "app.%u", logger);
	snprintf(text, sizeof(text), "%u of %u", number, logger);
	datagram.text = span_of(text);
	target_push(target, &datagram, 6, span_of(name));
	fixture_check(target);
	target_flush(target); /* the text is ours only until here */
	fixture_check(target);
}

static void push_rounds(struct target *target, unsigned first, unsigned count)
{
	for (unsigned number = first; number < first + count; number++) {
		for (unsigned logger = 0; logger < LOGGERS; logger++)
			push(target, logger, number);
	}
}

/* Where the records of each logger came to; -1: nowhere. */
struct takings {
	int collector[LOGGERS];
	unsigned records;
};

/* Takes all that arrived: of each logger in order, and at one collector only. */
static struct takings take_sticky(const struct collector *collectors, size_t count)
{
	struct takings takings = { .records = 0 };
	unsigned last[LOGGERS] = { 0 };

	for (size_t i = 0; i < LOGGERS; i++)
		takings.collector[i] = -1;
	for (size_t i = 0; i < count; i++) {
		const char *text;
		unsigned number, logger;

		while ((text = collector_take(&collectors[i]))[0] != '\0') {
			ck_assert_int_eq(sscanf(text, "h %u of %u", &number, &logger), 2);
			ck_assert(takings.collector[logger] == -1 ||
				  takings.collector[logger] == (int)i);
			ck_assert_uint_gt(number, last[logger]);
			takings.collector[logger] = (int)i;
			last[logger] = number;
			takings.records++;
		}
	}
	return takings;
}

static struct target *configure(enum target_policy policy, const struct collector *collectors,
				size_t count)
{
	const char *servers[8];
	struct target_options options;

	for (size_t i = 0; i < count; i++)
		servers[i] = collectors[i].address;
	options = fixture_options("t", servers, count);
	options.policy = policy;
	fixture_configure(&options, 1);
	return output_target(fixture_output(), 0);
}

static void open_all(struct collector *collectors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		collectors[i] = collector_open();
}

static void close_all(const struct collector *collectors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(collectors[i].fd);
}

START_TEST(balance_gives_each_its_batch)
{
	struct collector collectors[2];
	struct target *target;

	open_all(collectors, 2);
	target = configure(POLICY_BALANCE, collectors, 2);
	for (unsigned i = 1; i <= 40; i++)
		push(target, 0, i);
	for (size_t i = 0; i < 2; i++) {
		unsigned taken = 0;

		while (collector_take(&collectors[i])[0] != '\0')
			taken++;
		ck_assert_uint_eq(taken, 20);
	}
	close_all(collectors, 2);
}
END_TEST

START_TEST(sticky_keeps_a_logger_at_its_collector)
{
	struct collector collectors[2];
	struct takings before, after;
	struct target *target;

	open_all(collectors, 2);
	target = configure(POLICY_STICKY, collectors, 2);
	push_rounds(target, 1, 10);
	before = take_sticky(collectors, 2);
	ck_assert_uint_eq(before.records, 10 * LOGGERS);
	push_rounds(target, 1, 10);
	after = take_sticky(collectors, 2);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert(memchr(before.collector, 1, sizeof(before.collector)) != NULL);
	close_all(collectors, 2);
}
END_TEST

START_TEST(sticky_moves_only_the_loggers_of_one_that_is_gone)
{
	struct collector collectors[2];
	struct takings before, after;
	struct target_counts counts;
	struct target *target;

	open_all(collectors, 2);
	target = configure(POLICY_STICKY, collectors, 2);
	push_rounds(target, 1, 1);
	before = take_sticky(collectors, 2);
	close(collectors[1].fd);
	push_rounds(target, 2, 10);
	fixture_run_until_sent(target);
	after = take_sticky(collectors, 1);
	counts = target_counts(target);
	ck_assert_uint_eq(after.records + counts.refused, 10 * LOGGERS);
	ck_assert_uint_le(counts.refused, 2);
	for (size_t i = 0; i < LOGGERS; i++)
		ck_assert_int_eq(after.collector[i], 0);
	ck_assert_uint_eq(before.records, LOGGERS);
	close(collectors[0].fd);
}
END_TEST

/* The accounts of a mirror's servers, in their order. */
struct lanes {
	struct target_counts counts[8];
	size_t n;
};

static void add_lane(const struct server *server, const struct target_counts *lane, void *arg)
{
	struct lanes *lanes = arg;

	(void)server;
	ck_assert_ptr_nonnull(lane);
	lanes->counts[lanes->n++] = *lane;
}

START_TEST(mirror_gives_each_all_of_it)
{
	struct collector collectors[2];
	struct lanes lanes = { .n = 0 };
	struct target *target;

	open_all(collectors, 2);
	target = configure(POLICY_MIRROR, collectors, 2);
	ck_assert_uint_eq(target_deliveries(target), 2);
	push_rounds(target, 1, 5);
	for (size_t i = 0; i < 2; i++)
		ck_assert_uint_eq(take_sticky(&collectors[i], 1).records, 5 * LOGGERS);
	ck_assert_uint_eq(target_counts(target).enqueued, 2 * 5 * LOGGERS);
	target_each_server(target, add_lane, &lanes);
	ck_assert_uint_eq(lanes.counts[0].sent, 5 * LOGGERS);
	ck_assert_uint_eq(lanes.counts[1].sent, 5 * LOGGERS);
	close_all(collectors, 2);
}
END_TEST

START_TEST(mirror_of_a_dead_server_loses_its_own_copies_only)
{
	struct collector collectors[2];
	struct lanes lanes = { .n = 0 };
	struct target *target;

	open_all(collectors, 2);
	close(collectors[1].fd);
	target = configure(POLICY_MIRROR, collectors, 2);
	for (unsigned i = 0; i < 100; i += 10) { /* more than the queue of 64 KiB holds */
		push_rounds(target, i + 1, 10);
		ck_assert_uint_eq(take_sticky(&collectors[0], 1).records, 10 * LOGGERS);
	}
	target_each_server(target, add_lane, &lanes);
	ck_assert_uint_eq(lanes.counts[0].sent, 100 * LOGGERS);
	ck_assert_uint_eq(lanes.counts[0].dropped[DROP_QUEUE_FULL], 0);
	ck_assert_uint_gt(lanes.counts[1].dropped[DROP_QUEUE_FULL], 0);
	ck_assert_uint_eq(lanes.counts[1].enqueued, lanes.counts[0].enqueued);
	target_abandon(target, DROP_SHUTDOWN);
	fixture_check(target);
	close(collectors[0].fd);
}
END_TEST

START_TEST(mirror_counts_what_waited_for_a_server_that_a_reload_takes)
{
	struct collector collectors[2];
	struct target_counts before, after;
	struct target *target;

	open_all(collectors, 2);
	close(collectors[1].fd);
	target = configure(POLICY_MIRROR, collectors, 2);
	push_rounds(target, 1, 5);
	before = target_counts(target);
	ck_assert_uint_gt(before.queued, 0);
	configure(POLICY_MIRROR, collectors, 1);
	after = target_counts(target);
	fixture_check(target);
	ck_assert_uint_eq(after.enqueued, before.enqueued);
	ck_assert_uint_eq(after.refused, before.refused);
	ck_assert_uint_eq(after.dropped[DROP_TARGET_REMOVED], before.queued);
	ck_assert_uint_eq(target_deliveries(target), 1);
	close(collectors[0].fd);
}
END_TEST

START_TEST(what_waits_outlives_a_change_of_policy)
{
	struct collector collectors[2];
	struct target *target;
	uint64_t waiting;

	open_all(collectors, 2);
	close_all(collectors, 2);
	target = configure(POLICY_FAILOVER, collectors, 2);
	push_rounds(target, 1, 3);
	waiting = target_counts(target).queued;
	ck_assert_uint_gt(waiting, 50);
	configure(POLICY_MIRROR, collectors, 2);
	ck_assert_uint_eq(target_counts(target).queued, waiting);
	configure(POLICY_STICKY, collectors, 2);
	ck_assert_uint_eq(target_counts(target).queued, waiting);
	fixture_check(target);
}
END_TEST

/* The source ports that a collector has seen, and of each logger one only. */
static unsigned source_ports(const struct collector *collector, unsigned records)
{
	in_port_t of_logger[LOGGERS] = { 0 }, seen[LOGGERS];
	unsigned n_seen = 0;

	for (unsigned i = 0; i < records; i++) {
		char text[64];
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		ssize_t received = recvfrom(collector->fd, text, sizeof(text) - 1, MSG_DONTWAIT,
					    (struct sockaddr *)&from, &length);
		unsigned number, logger, k = 0;

		ck_assert_int_gt(received, 0);
		text[received] = '\0';
		ck_assert_int_eq(sscanf(text, "h %u of %u", &number, &logger), 2);
		ck_assert(of_logger[logger] == 0 || of_logger[logger] == from.sin_port);
		of_logger[logger] = from.sin_port;
		while (k < n_seen && seen[k] != from.sin_port)
			k++;
		if (k == n_seen)
			seen[n_seen++] = from.sin_port;
	}
	return n_seen;
}

START_TEST(each_logger_has_one_of_several_source_ports)
{
	struct collector collector = collector_open();
	const char *servers[] = { collector.address };
	struct target_options options = fixture_options("t", servers, 1);
	struct target *target;

	options.sockets = FIXTURE_SOCKETS;
	fixture_configure(&options, 1);
	target = output_target(fixture_output(), 0);
	push_rounds(target, 1, 10);
	ck_assert_uint_eq(target_sockets(target), FIXTURE_SOCKETS);
	ck_assert_uint_eq(source_ports(&collector, 10 * LOGGERS), FIXTURE_SOCKETS);
	ck_assert_uint_eq(output_pool_counts(fixture_output()).evicted, 0);
	options.sockets = 1;
	fixture_configure(&options, 1);
	push_rounds(target, 11, 2);
	ck_assert_uint_eq(source_ports(&collector, 2 * LOGGERS), 1);
	close(collector.fd);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target_policies");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, fixture_setup, fixture_teardown);
	tcase_set_timeout(all, 30);
	tcase_add_test(all, balance_gives_each_its_batch);
	tcase_add_test(all, sticky_keeps_a_logger_at_its_collector);
	tcase_add_test(all, sticky_moves_only_the_loggers_of_one_that_is_gone);
	tcase_add_test(all, mirror_gives_each_all_of_it);
	tcase_add_test(all, mirror_of_a_dead_server_loses_its_own_copies_only);
	tcase_add_test(all, mirror_counts_what_waited_for_a_server_that_a_reload_takes);
	tcase_add_test(all, what_waits_outlives_a_change_of_policy);
	tcase_add_test(all, each_logger_has_one_of_several_source_ports);
	suite_add_tcase(suite, all);
	return suite;
}
