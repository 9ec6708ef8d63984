/*
 * Proves, on a network and a clock that the test holds in its hand, when a collector that came back
 * is given records again: within 5 s of it when they wait for it, whatever the rhythm in which it came
 * and went before, and less and less often, since each try costs a record, while another one takes them.
 */
#include "output/output.h"
#include "support/fake_network.h"
#include "support/suite.h"

#define STEP_MS	  10 /* a record in each */
#define MINUTE_MS 60000

static const char *const servers[] = { "10.0.0.0:514", "10.0.0.1:514" };

static struct output *output;
static int64_t arrived_ms[FAKE_PLACES]; /* the latest at each place; 0: none */

static void on_arrival(size_t place, const uint8_t *bytes, size_t length)
{
	(void)bytes;
	(void)length;
	arrived_ms[place] = fake_now_ms();
}

static void setup(void)
{
	const struct pool_options pool = { .sockets = 4, .idle_timeout = 60 };

	/* what the log says of each outage is not the subject */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	memset(arrived_ms, 0, sizeof(arrived_ms));
	fake_start(1, on_arrival);
	ck_assert_int_eq(output_new(NULL, &pool, "host", &output), 0);
}

static void teardown(void)
{
	output_free(output);
}

static struct target *start(size_t n_servers)
{
	const struct pool_options pool = { .sockets = 4, .idle_timeout = 60 };
	struct target_options options = target_defaults();
	struct output_generation *generation;

	options.name = "a";
	options.servers = (const char **)servers;
	options.n_servers = n_servers;
	ck_assert_int_eq(output_prepare(output, &options, 1, &generation), 0);
	output_commit(output, generation, &pool);
	return output_target(output, 0);
}

/* A record every STEP_MS, for so long. */
static void flow(struct target *target, int64_t milliseconds)
{
	const struct datagram datagram = {
		.header = span_of("<1>"), .text = span_of("t"), .kind = FORMAT_RFC5424, .mark_at = 3
	};

	for (int64_t ms = 0; ms < milliseconds; ms += STEP_MS) {
		target_push(target, &datagram, 6, span_of("a"));
		output_flush(output);
		fake_run(STEP_MS);
	}
}

/* Each half of the rhythm in turn: 500 ms, 1 s ... 10 s. */
START_TEST(collector_that_is_needed_is_found_within_five_seconds)
{
	const int64_t half_ms = (_i + 1) * 500;
	struct target *target = start(1);
	int64_t opened_ms;

	flow(target, 1000);
	for (int64_t ms = 0; ms < 2 * MINUTE_MS; ms += 2 * half_ms) {
		fake_set_place(0, FAKE_CLOSED);
		flow(target, half_ms);
		fake_set_place(0, FAKE_OPEN);
		flow(target, half_ms);
	}
	fake_set_place(0, FAKE_CLOSED);
	flow(target, half_ms);
	fake_set_place(0, FAKE_OPEN);
	opened_ms = fake_now_ms();
	arrived_ms[0] = 0;
	while (arrived_ms[0] == 0 && fake_now_ms() < opened_ms + MINUTE_MS)
		flow(target, STEP_MS);
	ck_assert_int_gt(arrived_ms[0], 0);
	ck_assert_int_le(arrived_ms[0] - opened_ms, SERVER_BACKOFF_NEEDED_MS);
}
END_TEST

START_TEST(collector_that_is_not_needed_costs_few_records)
{
	struct target *target = start(2);
	struct fake_counts counts;

	fake_set_place(0, FAKE_CLOSED);
	flow(target, 10 * (int64_t)MINUTE_MS);
	counts = fake_counts();
	/* refused twice, after 1, 2, 4, 8 and 16 s, and then every 30 s */
	ck_assert_uint_ge(counts.lost[0], 10);
	ck_assert_uint_le(counts.lost[0], 2 + 5 + 10 * MINUTE_MS / SERVER_BACKOFF_MAX_MS);
	ck_assert_uint_eq(counts.lost[1], 0);
	ck_assert_int_gt(arrived_ms[1], fake_now_ms() - 1000);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target_outages");
	TCase *outages = tcase_create("outages");

	tcase_add_checked_fixture(outages, setup, teardown);
	tcase_add_loop_test(outages, collector_that_is_needed_is_found_within_five_seconds, 0, 20);
	tcase_add_test(outages, collector_that_is_not_needed_costs_few_records);
	suite_add_tcase(suite, outages);
	return suite;
}
