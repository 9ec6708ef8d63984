/* Proves the policy of a collector's state: every phase with every event, over time, and every errno. */
#include "output/server_state.h"

#include <errno.h>

#include "base/span.h"
#include "support/suite.h"

static const struct {
	int error;
	enum send_verdict verdict;
} errors[] = {
	{ EINTR, SEND_REPEAT },	    { EAGAIN, SEND_WAIT },	    { ENOBUFS, SEND_PAUSE },
	{ ENOMEM, SEND_PAUSE },	    { ECONNREFUSED, SEND_REFUSED }, { EMSGSIZE, SEND_TOO_LARGE },
	{ ENETUNREACH, SEND_PATH }, { EHOSTUNREACH, SEND_PATH },    { ENETDOWN, SEND_PATH },
	{ EHOSTDOWN, SEND_PATH },   { EACCES, SEND_PATH },	    { EPERM, SEND_PATH },
	{ EINVAL, SEND_PATH },	    { EADDRNOTAVAIL, SEND_PATH },   { ENODEV, SEND_PATH },
	{ ENOPROTOOPT, SEND_PATH },
};

START_TEST(send_verdict_follows_the_table)
{
	ck_assert_int_eq(send_verdict(errors[_i].error), errors[_i].verdict);
}
END_TEST

enum input { FAILED, PROBE_SENT, TIME_BEFORE, TIME_AFTER, RESOLVED, N_INPUTS };

#define NOW   1000
#define UNTIL 2000

/* What each phase becomes; PROBE_SENT is only ever told to a server that is due. */
static const enum server_phase next[][N_INPUTS] = {
	[SERVER_UNRESOLVED] = { SERVER_UNRESOLVED, SERVER_PROBING, SERVER_UNRESOLVED,
				SERVER_UNRESOLVED, SERVER_UP },
	[SERVER_UP] = { SERVER_DOWN, SERVER_PROBING, SERVER_UP, SERVER_UP, SERVER_UP },
	[SERVER_DUE] = { SERVER_DOWN, SERVER_PROBING, SERVER_DUE, SERVER_DUE, SERVER_UP },
	[SERVER_PROBING] = { SERVER_DOWN, SERVER_PROBING, SERVER_PROBING, SERVER_DUE, SERVER_UP },
	[SERVER_DOWN] = { SERVER_DOWN, SERVER_PROBING, SERVER_DOWN, SERVER_DUE, SERVER_UP },
};

START_TEST(server_state_follows_the_table)
{
	struct server_state state = {
		.phase = (enum server_phase)(_i / N_INPUTS),
		.until_ms = UNTIL,
		.trouble = TROUBLE_REFUSED,
		.probe_records = 1,
	};
	enum server_phase expected = next[_i / N_INPUTS][_i % N_INPUTS];

	switch ((enum input)(_i % N_INPUTS)) {
	case FAILED:
		server_state_failed(&state, TROUBLE_REFUSED, NOW);
		break;
	case PROBE_SENT:
		server_state_probe_sent(&state, NOW);
		break;
	case TIME_BEFORE:
		server_state_tick(&state, UNTIL - 1);
		break;
	case TIME_AFTER:
		server_state_tick(&state, UNTIL);
		break;
	case RESOLVED:
		server_state_resolved(&state);
		break;
	case N_INPUTS:
		ck_abort();
	}
	ck_assert_int_eq(state.phase, expected);
}
END_TEST

START_TEST(server_state_admits_all_a_probe_or_none)
{
	static const size_t admitted[] = {
		[SERVER_UNRESOLVED] = 0, [SERVER_UP] = 64,  [SERVER_DUE] = 4,
		[SERVER_PROBING] = 0,	 [SERVER_DOWN] = 0,
	};
	const struct server_state state = { .phase = (enum server_phase)_i, .probe_records = 4 };

	ck_assert_uint_eq(server_state_admits(&state, 64), admitted[_i]);
	ck_assert_uint_eq(server_state_admits(&state, 0), 0);
}
END_TEST

/* Down at 0, and again after each probe; returns when it is due again. */
static int64_t refuse_so_often(struct server_state *state, int probes)
{
	int64_t now = 0;
	int64_t expected = SERVER_BACKOFF_MIN_MS;

	*state = (struct server_state){ .phase = SERVER_UP };
	for (int i = 0; i <= probes; i++) {
		server_state_failed(state, TROUBLE_REFUSED, now);
		ck_assert_int_eq(state->phase, SERVER_DOWN);
		ck_assert_int_eq(server_state_deadline(state) - now, expected);
		now = server_state_deadline(state);
		server_state_tick(state, now);
		ck_assert_int_eq(state->phase, SERVER_DUE);
		server_state_probe_sent(state, now);
		expected =
			expected * 2 < SERVER_BACKOFF_MAX_MS ? expected * 2 : SERVER_BACKOFF_MAX_MS;
	}
	return now;
}

START_TEST(server_state_backs_off_twice_as_long_each_time)
{
	struct server_state state;

	refuse_so_often(&state, 10);
	ck_assert_int_eq(state.backoff_ms, SERVER_BACKOFF_MAX_MS);
}
END_TEST

/* Which takes longer than the second in which a host may have kept a refusal back. */
START_TEST(server_that_refused_is_trusted_little_by_little)
{
	struct server_state state;
	int64_t begin = refuse_so_often(&state, 3), now = begin;

	for (size_t records = 2; records <= SERVER_PROBE_RECORDS_MAX; records *= 2) {
		now += SERVER_PROBE_MS;
		server_state_tick(&state, now);
		ck_assert_int_eq(server_state_tried_since(&state), begin);
		ck_assert_int_eq(state.phase, SERVER_DUE);
		ck_assert_uint_eq(server_state_admits(&state, 64), records);
		server_state_probe_sent(&state, now);
	}
	now += SERVER_PROBE_MS;
	server_state_tick(&state, now);
	ck_assert_int_gt(now - begin, 1000);
	ck_assert_int_eq(state.phase, SERVER_UP);
	ck_assert_int_eq(state.backoff_ms, 0);
	ck_assert(server_state_tried_since(&state) == INT64_MAX);
	ck_assert(server_state_deadline(&state) == INT64_MAX);
}
END_TEST

/* All refusals of this host come. */
START_TEST(server_that_refused_here_is_trusted_after_one_probe)
{
	struct server_state state = { .phase = SERVER_UP };

	server_state_failed(&state, TROUBLE_REFUSED_HERE, NOW);
	ck_assert_int_eq(state.phase, SERVER_DOWN);
	server_state_tick(&state, NOW + SERVER_BACKOFF_MIN_MS);
	ck_assert(!server_state_is_retrying(&state));
	server_state_probe_sent(&state, 2 * NOW);
	server_state_tick(&state, 2 * NOW + SERVER_PROBE_MS);
	ck_assert_int_eq(state.phase, SERVER_UP);
}
END_TEST

START_TEST(server_in_doubt_is_tried_as_if_it_had_refused)
{
	struct server_state state = { .phase = SERVER_UP };

	server_state_doubt(&state);
	ck_assert(server_state_is_retrying(&state));
	server_state_postpone(&state, 0, NOW);
	ck_assert_str_eq(server_state_name(&state), "probing");
	server_state_tick(&state, NOW);
	ck_assert_uint_eq(server_state_admits(&state, 64), 1);
	server_state_failed(&state, TROUBLE_REFUSED, NOW);
	ck_assert_int_eq(server_state_deadline(&state) - NOW, SERVER_BACKOFF_MIN_MS);
}
END_TEST

START_TEST(refusal_of_a_larger_probe_begins_with_one_record_again)
{
	struct server_state state;
	int64_t now = refuse_so_often(&state, 0) + SERVER_PROBE_MS;

	server_state_tick(&state, now);
	ck_assert_uint_eq(server_state_admits(&state, 64), 2);
	server_state_failed(&state, TROUBLE_REFUSED, now);
	ck_assert_int_eq(server_state_deadline(&state) - now, 2 * SERVER_BACKOFF_MIN_MS);
	server_state_tick(&state, server_state_deadline(&state));
	ck_assert_uint_eq(server_state_admits(&state, 64), 1);
	ck_assert(server_state_is_retrying(&state));
}
END_TEST

START_TEST(long_back_off_is_cut_when_records_wait_for_the_server)
{
	struct server_state state = {
		.phase = SERVER_DOWN, .since_ms = NOW, .until_ms = NOW + 30000, .backoff_ms = 30000
	};

	for (int i = 0; i < 2; i++) { /* the second time changes nothing */
		server_state_needed(&state, 5000);
		ck_assert_int_eq(server_state_deadline(&state), NOW + 5000);
	}
}
END_TEST

START_TEST(short_back_off_and_other_phases_stay_when_records_wait)
{
	struct server_state state = { .phase = (enum server_phase)_i,
				      .since_ms = NOW,
				      .until_ms = UNTIL };
	const struct server_state before = state;

	server_state_needed(&state, 5000);
	ck_assert_int_eq(state.phase, before.phase);
	ck_assert_int_eq(state.until_ms, before.until_ms);
}
END_TEST

/* Also where its back-off would have been cut: it is its turn only then. */
START_TEST(postponed_probe_waits_for_its_turn_and_keeps_its_back_off)
{
	struct server_state state = { .phase = SERVER_DUE,
				      .trouble = TROUBLE_REFUSED,
				      .since_ms = NOW - 30000,
				      .backoff_ms = 8000,
				      .probe_records = 1 };

	server_state_postpone(&state, NOW, UNTIL);
	server_state_needed(&state, 5000);
	ck_assert_int_eq(server_state_deadline(&state), UNTIL);
	ck_assert_uint_eq(server_state_admits(&state, 64), 0);
	server_state_tick(&state, UNTIL);
	ck_assert(server_state_is_retrying(&state));
	server_state_failed(&state, TROUBLE_REFUSED, UNTIL);
	ck_assert_int_eq(server_state_deadline(&state) - UNTIL, 16000);
}
END_TEST

START_TEST(what_fails_on_this_host_is_tried_at_once)
{
	struct server_state state = { .phase = SERVER_UP };

	server_state_failed(&state, TROUBLE_LOCAL, NOW);
	ck_assert_int_eq(state.phase, SERVER_DUE);
	ck_assert_uint_eq(server_state_admits(&state, 64), 1);
	server_state_probe_sent(&state, NOW);
	server_state_tick(&state, NOW + SERVER_PROBE_MS);
	ck_assert_int_eq(state.phase, SERVER_UP);
}
END_TEST

START_TEST(what_goes_on_failing_on_this_host_is_tried_every_second)
{
	struct server_state state = { .phase = SERVER_DUE, .backoff_ms = SERVER_BACKOFF_MAX_MS };

	for (int64_t now = 0; now < 10000; now += SERVER_BACKOFF_LOCAL_MS) {
		server_state_failed(&state, TROUBLE_LOCAL, now);
		ck_assert_int_eq(server_state_deadline(&state) - now, SERVER_BACKOFF_LOCAL_MS);
		server_state_tick(&state, server_state_deadline(&state));
		ck_assert_int_eq(state.phase, SERVER_DUE);
	}
}
END_TEST

START_TEST(host_that_does_not_answer_is_watched_for_longer)
{
	struct server_state state = { .phase = SERVER_UP };

	server_state_failed(&state, TROUBLE_UNREACHABLE, 0);
	ck_assert_int_eq(state.phase, SERVER_DOWN);
	server_state_tick(&state, SERVER_BACKOFF_MIN_MS);
	server_state_probe_sent(&state, SERVER_BACKOFF_MIN_MS);
	ck_assert_int_eq(server_state_deadline(&state),
			 SERVER_BACKOFF_MIN_MS + SERVER_PROBE_UNREACHABLE_MS);
	server_state_tick(&state, server_state_deadline(&state));
	ck_assert_int_eq(state.phase, SERVER_UP);
}
END_TEST

START_TEST(late_news_do_not_lengthen_the_back_off)
{
	struct server_state state = { .phase = SERVER_DOWN, .until_ms = UNTIL, .backoff_ms = 1000 };

	server_state_failed(&state, TROUBLE_REFUSED, NOW);
	ck_assert_int_eq(state.until_ms, UNTIL);
	ck_assert_int_eq(state.backoff_ms, 1000);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("server_state");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, send_verdict_follows_the_table, 0, ARRAY_LEN(errors));
	tcase_add_loop_test(all, server_state_follows_the_table, 0, 5 * N_INPUTS);
	tcase_add_loop_test(all, server_state_admits_all_a_probe_or_none, 0, 5);
	tcase_add_test(all, server_state_backs_off_twice_as_long_each_time);
	tcase_add_test(all, server_that_refused_is_trusted_little_by_little);
	tcase_add_test(all, server_that_refused_here_is_trusted_after_one_probe);
	tcase_add_test(all, server_in_doubt_is_tried_as_if_it_had_refused);
	tcase_add_test(all, refusal_of_a_larger_probe_begins_with_one_record_again);
	tcase_add_test(all, long_back_off_is_cut_when_records_wait_for_the_server);
	tcase_add_loop_test(all, short_back_off_and_other_phases_stay_when_records_wait, 0, 5);
	tcase_add_test(all, postponed_probe_waits_for_its_turn_and_keeps_its_back_off);
	tcase_add_test(all, what_fails_on_this_host_is_tried_at_once);
	tcase_add_test(all, what_goes_on_failing_on_this_host_is_tried_every_second);
	tcase_add_test(all, host_that_does_not_answer_is_watched_for_longer);
	tcase_add_test(all, late_news_do_not_lengthen_the_back_off);
	suite_add_tcase(suite, all);
	return suite;
}
