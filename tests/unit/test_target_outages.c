/*
 * Proves, on a network and a clock that the test holds in its hand, what an outage of a collector costs
 * that is some way off and whose host tells of one refusal a second, as Linux does: no more records than
 * were on their way, and none of them when records are sent again; also with several source ports, and
 * when several ports of that host close. And when a collector that came back is given records again: within
 * 5 s when they wait for it, whatever the rhythm in which it came and went before, and less and less
 * often, since each try costs a record, while another one takes them.
 */
#include <stdio.h>

#include "output/output.h"
#include "support/fake_network.h"
#include "support/suite.h"

#define MINUTE_MS 60000
#define SOCKETS	  12
/* Between a port's end and the news of it; fake_network.c. */
#define ON_THEIR_WAY 30

/* Of one host, and one of another. */
static const char *const ports[] = {
	"10.0.0.0:514", "10.0.0.0:515", "10.0.0.0:516", "10.0.0.0:517",
	"10.0.0.0:518", "10.0.0.0:519", "10.0.0.0:520", "10.0.0.0:521"
};
static const char *const hosts[] = { "10.0.0.0:514", "10.0.0.1:514" };

static struct output *output;
static int64_t arrived_ms[FAKE_PLACES]; /* the latest at each place; 0: none */
static uint64_t arrived[FAKE_PLACES];	/* different ones */
static uint32_t pushed_last;		/* number */
static uint8_t seen[FAKE_PLACES][(1 << 20) / 8];

static void on_arrival(size_t place, const uint8_t *bytes, size_t length)
{
	const char *digits = memmem(bytes, length, "number ", 7);
	unsigned long number = digits != NULL ? strtoul(digits + 7, NULL, 10) : 0; /* 0: a notice */

	arrived_ms[place] = fake_now_ms();
	ck_assert_uint_lt(number, 1 << 20);
	if (number > 0 && (seen[place][number / 8] >> number % 8 & 1) == 0)
		arrived[place]++;
	seen[place][number / 8] |= (uint8_t)(1 << number % 8);
}

static void setup(void)
{
	const struct pool_options pool = { .sockets = SOCKETS, .idle_timeout = 60 };

	/* what the log says of each outage is not the subject */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	memset(arrived_ms, 0, sizeof(arrived_ms));
	memset(arrived, 0, sizeof(arrived));
	memset(seen, 0, sizeof(seen));
	pushed_last = 0;
	fake_start(1, on_arrival);
	ck_assert_int_eq(output_new(NULL, &pool, "host", &output), 0);
}

static void teardown(void)
{
	output_free(output);
}

static struct target_options options_of(const char *const *servers, size_t n_servers)
{
	struct target_options options = target_defaults();

	options.name = "a";
	options.servers = (const char **)servers;
	options.n_servers = n_servers;
	options.policy = POLICY_FAILOVER;
	return options;
}

/* What is refused is sent again, and nothing gives way in the queue. */
static struct target_options lossless(const char *const *servers, size_t n_servers)
{
	struct target_options options = options_of(servers, n_servers);

	options.policy = n_servers > 1 ? POLICY_MIRROR : POLICY_FAILOVER;
	options.resend = 100;
	options.queue_bytes = 64 << 20;
	return options;
}

static struct target *start(const struct target_options *options)
{
	const struct pool_options pool = { .sockets = SOCKETS, .idle_timeout = 60 };
	struct output_generation *generation;

	ck_assert_int_eq(output_prepare(output, options, 1, &generation), 0);
	output_commit(output, generation, &pool);
	return output_target(output, 0);
}

/* So many records every 10 ms, for so long. Returns how many. */
static uint64_t flow(struct target *target, int64_t milliseconds, unsigned burst)
{
	static char texts[64][32];
	uint64_t count = 0;

	for (int64_t ms = 0; ms < milliseconds; ms += 10) {
		for (unsigned i = 0; i < burst; i++, count++) {
			struct datagram datagram = { .header = span_of("<1>"),
						     .kind = FORMAT_RFC5424,
						     .mark_at = 3 };

			snprintf(texts[i], sizeof(texts[i]), "number %u.", ++pushed_last);
			datagram.text = span_of(texts[i]);
			target_push(target, &datagram, 6,
				    span_first(span_of("abcdefghijklmnop"), 1 + pushed_last % 16));
		}
		output_flush(output);
		fake_run(10);
	}
	return count;
}

static void set_places(size_t count, enum fake_place state)
{
	for (size_t place = 0; place < count; place++)
		fake_set_place(place, state);
}

/* The places of the first servers are closed for a minute. Returns how many records were pushed. */
static uint64_t flow_over_outage(struct target *target, size_t places, unsigned burst)
{
	uint64_t pushed = flow(target, 1000, burst);

	set_places(places, FAKE_CLOSED_FAR);
	pushed += flow(target, MINUTE_MS, burst);
	set_places(places, FAKE_OPEN);
	return pushed + flow(target, MINUTE_MS, burst);
}

/* Each half of the rhythm in turn: 500 ms, 1 s ... 10 s. */
START_TEST(collector_that_is_needed_is_found_within_five_seconds)
{
	const int64_t half_ms = (_i % 20 + 1) * 500;
	const enum fake_place closed = _i < 20 ? FAKE_CLOSED : FAKE_CLOSED_FAR;
	const struct target_options options = options_of(hosts, 1);
	struct target *target = start(&options);
	int64_t opened_ms;

	flow(target, 1000, 10);
	for (int64_t ms = 0; ms < 2 * MINUTE_MS; ms += 2 * half_ms) {
		fake_set_place(0, closed);
		flow(target, half_ms, 1);
		fake_set_place(0, FAKE_OPEN);
		flow(target, half_ms, 1);
	}
	fake_set_place(0, closed);
	flow(target, half_ms, 1);
	fake_set_place(0, FAKE_OPEN);
	opened_ms = fake_now_ms();
	arrived_ms[0] = 0;
	while (arrived_ms[0] == 0 && fake_now_ms() < opened_ms + MINUTE_MS)
		flow(target, 10, 1);
	ck_assert_int_gt(arrived_ms[0], 0);
	ck_assert_int_le(arrived_ms[0] - opened_ms, SERVER_BACKOFF_NEEDED_MS);
}
END_TEST

START_TEST(collector_that_is_not_needed_costs_few_records)
{
	const struct target_options options = options_of(hosts, 2);
	struct target *target = start(&options);
	struct fake_counts counts;

	fake_set_place(0, FAKE_CLOSED);
	flow(target, 10 * (int64_t)MINUTE_MS, 1);
	counts = fake_counts();
	/* refused, after 1, 2, 4, 8 and 16 s again, and then every 30 s */
	ck_assert_uint_ge(counts.lost[0], 10);
	ck_assert_uint_le(counts.lost[0], 1 + 5 + 10 * MINUTE_MS / SERVER_BACKOFF_MAX_MS);
	ck_assert_uint_eq(counts.lost[1], 0);
	ck_assert_int_gt(arrived_ms[1], fake_now_ms() - 1000);
}
END_TEST

START_TEST(outage_costs_what_was_on_its_way)
{
	const struct target_options options = options_of(hosts, 1);
	struct target *target = start(&options);
	struct fake_counts counts;

	flow(target, 1000, 10);
	fake_set_place(0, FAKE_CLOSED_FAR);
	flow(target, MINUTE_MS, 10);
	counts = fake_counts();
	/* and the probes: after 1, 2 and 4 s, and then every 5 s */
	ck_assert_uint_le(counts.lost[0], ON_THEIR_WAY + 3 + MINUTE_MS / SERVER_BACKOFF_NEEDED_MS);
	ck_assert_uint_le(counts.untold[0], ON_THEIR_WAY);
}
END_TEST

/*
 * When the host keeps back the refusal of a probe, the larger ones behind it are in time; but for those
 * that are not because the port was opened between them.
 */
static void check_all_arrived(uint64_t pushed, bool probes_are_refused)
{
	if (probes_are_refused)
		ck_assert_uint_eq(arrived[0], pushed);
	else
		ck_assert_uint_gt(arrived[0] + SERVER_PROBE_RECORDS_MAX, pushed);
}

START_TEST(outage_costs_nothing_when_records_are_sent_again)
{
	const struct target_options options = lossless(hosts, 1);

	fake_set_far_interval(_i * 100);
	check_all_arrived(flow_over_outage(start(&options), 1, 10), _i == 10);
}
END_TEST

/* Closed and open for 3 s each: the queue holds more than is pushed meanwhile. */
START_TEST(collector_that_comes_and_goes_gets_all)
{
	struct target_options options = options_of(hosts, 1);
	struct target *target;
	uint64_t pushed;

	options.resend = 100;
	target = start(&options);
	pushed = flow(target, 1000, 40);
	for (int i = 0; i < 20; i++) {
		fake_set_place(0, FAKE_CLOSED_FAR);
		pushed += flow(target, 3000, 40);
		fake_set_place(0, FAKE_OPEN);
		pushed += flow(target, 3000, 40);
	}
	pushed += flow(target, 3000, 40);
	ck_assert_uint_eq(arrived[0], pushed);
}
END_TEST

/* The host's few refusals are for all of its ports. */
START_TEST(ports_of_one_host_that_close_cost_little_more)
{
	struct target_options options = options_of(ports, ARRAY_LEN(ports));
	struct target *target;
	struct fake_counts counts;

	options.policy = POLICY_MIRROR;
	target = start(&options);
	flow(target, 1000, 10);
	set_places(ARRAY_LEN(ports), FAKE_CLOSED_FAR);
	flow(target, MINUTE_MS, 10);
	counts = fake_counts();
	for (size_t place = 0; place < ARRAY_LEN(ports); place++)
		ck_assert_uint_le(counts.lost[place],
				  ON_THEIR_WAY + 3 + MINUTE_MS / SERVER_BACKOFF_NEEDED_MS);
}
END_TEST

/* One that is closed, and tried again and again, must leave refusals to the one that closes next. */
START_TEST(port_that_closes_after_another_costs_nothing_when_records_are_sent_again)
{
	const struct target_options options = lossless(ports, 2);
	struct target *target = start(&options);
	uint64_t pushed;

	fake_set_place(0, FAKE_CLOSED_FAR);
	pushed = flow(target, MINUTE_MS + _i * 100, 10);
	fake_set_place(1, FAKE_CLOSED_FAR);
	pushed += flow(target, MINUTE_MS, 10);
	set_places(2, FAKE_OPEN);
	pushed += flow(target, MINUTE_MS, 10);
	ck_assert_uint_eq(arrived[0], pushed);
	ck_assert_uint_eq(arrived[1], pushed);
}
END_TEST

START_TEST(ports_of_one_host_that_close_cost_nothing_when_records_are_sent_again)
{
	const struct target_options options = lossless(ports, ARRAY_LEN(ports));
	uint64_t pushed = flow_over_outage(start(&options), ARRAY_LEN(ports), 10);

	for (size_t place = 0; place < ARRAY_LEN(ports); place++)
		ck_assert_uint_eq(arrived[place], pushed);
}
END_TEST

/* Each of the closed ones is tried every 1.5 s: they must leave a turn to the others. */
START_TEST(port_that_is_open_again_is_found_among_closed_ones)
{
	const struct target_options options = lossless(ports, ARRAY_LEN(ports));
	struct target *target = start(&options);
	int64_t opened_ms;

	set_places(ARRAY_LEN(ports), FAKE_CLOSED_FAR);
	flow(target, MINUTE_MS, 10);
	fake_set_place((size_t)_i, FAKE_OPEN);
	opened_ms = fake_now_ms();
	arrived_ms[_i] = 0;
	while (arrived_ms[_i] == 0 && fake_now_ms() < opened_ms + MINUTE_MS)
		flow(target, 10, 10);
	ck_assert_int_gt(arrived_ms[_i], 0);
	/* a turn and the second behind a refusal for each, and the back-off */
	ck_assert_int_le(arrived_ms[_i] - opened_ms,
			 (1000 + SERVER_PROBE_MS) * (int64_t)ARRAY_LEN(ports) +
				 SERVER_BACKOFF_PRESSED_MS);
}
END_TEST

/* Each of the loggers has its own, and the one that is refused first speaks for all. */
START_TEST(source_ports_cost_nothing_when_records_are_sent_again)
{
	struct target_options options = lossless(hosts, 1);

	fake_set_far_interval(_i * 100);
	options.sockets = 8;
	check_all_arrived(flow_over_outage(start(&options), 1, 40), _i == 10);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target_outages");
	TCase *outages = tcase_create("outages");

	tcase_add_checked_fixture(outages, setup, teardown);
	tcase_add_loop_test(outages, collector_that_is_needed_is_found_within_five_seconds, 0, 40);
	tcase_add_test(outages, collector_that_is_not_needed_costs_few_records);
	tcase_add_test(outages, outage_costs_what_was_on_its_way);
	tcase_add_loop_test(outages, outage_costs_nothing_when_records_are_sent_again, 10, 20);
	tcase_add_test(outages, collector_that_comes_and_goes_gets_all);
	tcase_add_test(outages, ports_of_one_host_that_close_cost_little_more);
	tcase_add_test(outages,
		       ports_of_one_host_that_close_cost_nothing_when_records_are_sent_again);
	tcase_add_loop_test(
		outages, port_that_closes_after_another_costs_nothing_when_records_are_sent_again,
		0, 20);
	tcase_add_loop_test(outages, port_that_is_open_again_is_found_among_closed_ones, 0,
			    ARRAY_LEN(ports));
	tcase_add_loop_test(outages, source_ports_cost_nothing_when_records_are_sent_again, 10, 20);
	suite_add_tcase(suite, outages);
	return suite;
}
