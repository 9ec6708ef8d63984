/*
 * Proves, on a network and a clock that the test holds in its hand, that a collector is told of every
 * record that was lost, once, also when the notice has to wait and is dropped from the queue itself.
 */
#include <stdio.h>
#include <stdlib.h>

#include "output/output.h"
#include "support/fake_network.h"
#include "support/suite.h"

#define STEP_MS	    10
#define PATIENCE_MS 60000
#define RATE	    10

static const char *const servers[] = { "10.0.0.0:514" };

static struct output *output;
static uint64_t told; /* records that notices have told of */
static uint64_t notices;

/* "N records lost": the number stands behind the structured data. */
static void on_arrival(size_t place, const uint8_t *bytes, size_t length)
{
	const uint8_t *at = memmem(bytes, length, "\"] ", 3);

	(void)place;
	if (at == NULL || memmem(at, length - (size_t)(at - bytes), " lost: ", 7) == NULL)
		return;
	told += strtoull((const char *)at + 3, NULL, 10);
	notices++;
}

static void setup(void)
{
	const struct pool_options pool = { .sockets = 1, .idle_timeout = 60 };

	told = 0;
	notices = 0;
	fake_start(1, on_arrival);
	ck_assert_int_eq(output_new(NULL, &pool, "host", &output), 0);
}

static void teardown(void)
{
	output_free(output);
}

static struct target *start(enum when_full when_full)
{
	const struct pool_options pool = { .sockets = 1, .idle_timeout = 60 };
	struct target_options options = target_defaults();
	struct output_generation *generation;

	options.name = "a";
	options.servers = (const char **)servers;
	options.n_servers = ARRAY_LEN(servers);
	options.queue_bytes = 4096;
	options.when_full = when_full;
	options.rate = RATE;
	ck_assert_int_eq(output_prepare(output, &options, 1, &generation), 0);
	output_commit(output, generation, &pool);
	return output_target(output, 0);
}

/* More than the queue holds. */
static void burst(struct target *target)
{
	const struct datagram datagram = {
		.header = span_of("<1>"), .text = span_of("t"), .kind = FORMAT_RFC5424, .mark_at = 3
	};

	for (int i = 0; i < 200; i++)
		target_push(target, &datagram, 3, span_of("a"));
	output_flush(output);
}

static void run_until_noticed(struct target *target, uint64_t wanted)
{
	for (int ms = 0; ms < PATIENCE_MS && target_counts(target).notices < wanted; ms += STEP_MS)
		fake_run(STEP_MS);
	ck_assert_uint_eq(target_counts(target).notices, wanted);
}

START_TEST(loss_is_told_although_its_notice_was_dropped)
{
	struct target *target = start((enum when_full)_i);
	struct target_counts counts;

	burst(target);
	for (uint64_t round = 1; round <= 3; round++) {
		run_until_noticed(target, round);
		ck_assert_uint_eq(target_counts(target).queued, 1); /* for its turn */
		burst(target);
	}
	run_until_noticed(target, 4);
	fake_run(1000);
	counts = target_counts(target);
	ck_assert_uint_eq(counts.queued, 0);
	ck_assert_uint_gt(counts.dropped[DROP_QUEUE_FULL], 400);
	ck_assert_uint_eq(told, counts.dropped[DROP_QUEUE_FULL]);
	/* one that comes does not push out the notice */
	ck_assert_uint_eq(notices, _i == WHEN_FULL_DROP_NEWEST ? 4 : 1);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target_notices");
	TCase *dropped = tcase_create("dropped");

	tcase_add_checked_fixture(dropped, setup, teardown);
	tcase_add_loop_test(dropped, loss_is_told_although_its_notice_was_dropped,
			    WHEN_FULL_DROP_OLDEST, WHEN_FULL_DROP_LOWEST + 1);
	suite_add_tcase(suite, dropped);
	return suite;
}
