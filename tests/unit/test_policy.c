/*
 * Proves which server each policy chooses: the first one, one after the other, or for each logger
 * its own, so evenly that none is forgotten and so firmly that only the loggers of a server that
 * goes or comes move.
 */
#include "output/policy.h"

#include <stdio.h>

#include "support/suite.h"

#define SERVERS 5
#define LOGGERS 5000

static uint32_t keys[POLICY_SERVERS_MAX];

static void setup(void)
{
	for (size_t i = 0; i < POLICY_SERVERS_MAX; i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%zu:514", i);
		keys[i] = policy_flow(span_of(text));
	}
}

static uint32_t flow_of(unsigned logger)
{
	char name[32];

	snprintf(name, sizeof(name), "Connection.%u", logger);
	return policy_flow(span_of(name));
}

START_TEST(failover_takes_the_first)
{
	ck_assert_uint_eq(policy_pick(POLICY_FAILOVER, 0x1f, keys, 7, 3), 0);
	ck_assert_uint_eq(policy_pick(POLICY_FAILOVER, 0x18, keys, 7, 3), 3);
	ck_assert_uint_eq(policy_pick(POLICY_FAILOVER, UINT64_C(1) << 63, keys, 7, 3), 63);
}
END_TEST

START_TEST(balance_takes_one_after_the_other)
{
	size_t last = 0;

	for (size_t i = 1; i < 3 * SERVERS; i++) {
		last = policy_pick(POLICY_BALANCE, 0x1f, keys, 7, last);
		ck_assert_uint_eq(last, i % SERVERS);
	}
	ck_assert_uint_eq(policy_pick(POLICY_BALANCE, 0x05, keys, 7, 0), 2);
	ck_assert_uint_eq(policy_pick(POLICY_BALANCE, 0x05, keys, 7, 2), 0);
	ck_assert_uint_eq(policy_pick(POLICY_BALANCE, UINT64_MAX, keys, 7, 62), 63);
	ck_assert_uint_eq(policy_pick(POLICY_BALANCE, UINT64_MAX, keys, 7, 63), 0);
	ck_assert_uint_eq(policy_pick(POLICY_BALANCE, 0x04, keys, 7, 2), 2);
}
END_TEST

START_TEST(sticky_spreads_loggers_over_all)
{
	unsigned loggers[POLICY_SERVERS_MAX] = { 0 };
	uint64_t ready = _i == 64 ? UINT64_MAX : (UINT64_C(1) << _i) - 1;
	unsigned share = LOGGERS / (unsigned)_i;

	for (unsigned i = 0; i < LOGGERS; i++)
		loggers[policy_pick(POLICY_STICKY, ready, keys, flow_of(i), 0)]++;
	for (int i = 0; i < _i; i++) {
		ck_assert_uint_gt(loggers[i], share / 2);
		ck_assert_uint_lt(loggers[i], share * 3 / 2);
	}
}
END_TEST

START_TEST(only_loggers_of_a_server_that_goes_move)
{
	for (unsigned i = 0; i < LOGGERS; i++) {
		size_t before = policy_pick(POLICY_STICKY, 0x1f, keys, flow_of(i), i % SERVERS);

		for (size_t gone = 0; gone < SERVERS; gone++) {
			uint64_t ready = 0x1f & ~(UINT64_C(1) << gone);
			size_t now = policy_pick(POLICY_STICKY, ready, keys, flow_of(i), gone);

			if (gone == before)
				ck_assert_uint_ne(now, gone);
			else
				ck_assert_uint_eq(now, before);
		}
	}
}
END_TEST

/* Neither the order in the configuration nor the process matters. */
START_TEST(sticky_is_the_same_everywhere)
{
	uint32_t reversed[SERVERS];

	for (size_t i = 0; i < SERVERS; i++)
		reversed[i] = keys[SERVERS - 1 - i];
	for (unsigned i = 0; i < LOGGERS; i++)
		ck_assert_uint_eq(policy_pick(POLICY_STICKY, 0x1f, reversed, flow_of(i), 0),
				  SERVERS - 1 -
					  policy_pick(POLICY_STICKY, 0x1f, keys, flow_of(i), 0));
	ck_assert_uint_eq(policy_flow(span_of("app.db")), UINT32_C(0x43f86ef7));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("policy");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, NULL);
	tcase_add_test(all, failover_takes_the_first);
	tcase_add_test(all, balance_takes_one_after_the_other);
	tcase_add_loop_test(all, sticky_spreads_loggers_over_all, 2, 17);
	tcase_add_test(all, only_loggers_of_a_server_that_goes_move);
	tcase_add_test(all, sticky_is_the_same_everywhere);
	suite_add_tcase(suite, all);
	return suite;
}
