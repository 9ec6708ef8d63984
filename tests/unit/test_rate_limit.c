/* Proves that a token bucket lets through what its rate and burst allow, and not one record more. */
#include "route/rate_limit.h"

#include "support/suite.h"

static uint64_t passed(struct rate_limit *limit, int64_t from_ms, int64_t to_ms, int per_ms)
{
	uint64_t count = 0;

	for (int64_t now = from_ms; now < to_ms; now++) {
		for (int i = 0; i < per_ms; i++)
			count += rate_limit_take(limit, now) ? 1 : 0;
	}
	return count;
}

START_TEST(rate_limit_of_zero_limits_nothing)
{
	struct rate_limit limit = { 0 };

	ck_assert_uint_eq(passed(&limit, 0, 10, 1000), 10000);
}
END_TEST

START_TEST(rate_limit_passes_burst_then_rate)
{
	struct rate_limit limit = { .rate = 100, .burst = 50 };

	ck_assert_uint_eq(passed(&limit, 5000, 5001, 1000), 50);
	ck_assert_uint_eq(passed(&limit, 5001, 15001, 10), 1000);
}
END_TEST

START_TEST(rate_limit_fills_up_to_burst_and_no_further)
{
	struct rate_limit limit = { .rate = 1000000, .burst = 7 };

	passed(&limit, 0, 1, 100);
	ck_assert_uint_eq(passed(&limit, INT64_MAX / 2, INT64_MAX / 2 + 1, 100), 7);
}
END_TEST

START_TEST(rate_limit_leaves_room_when_told_to)
{
	struct rate_limit limit = { .rate = 1, .burst = 3 };

	ck_assert(!rate_limit_take_sparing(&limit, 3, 1000));
	ck_assert(rate_limit_take_sparing(&limit, 2, 1000));
	ck_assert(rate_limit_take_sparing(&limit, 1, 1000));
	ck_assert(!rate_limit_take_sparing(&limit, 1, 1000));
	ck_assert(!rate_limit_take_sparing(&limit, UINT32_MAX, 1000));
	ck_assert(rate_limit_take(&limit, 1000));
}
END_TEST

START_TEST(rate_limit_ignores_a_clock_that_steps_back)
{
	struct rate_limit limit = { .rate = 1, .burst = 1 };

	ck_assert(rate_limit_take(&limit, 10000));
	ck_assert(!rate_limit_take(&limit, 5000));
	ck_assert(!rate_limit_take(&limit, 10999));
	ck_assert(rate_limit_take(&limit, 11000));
}
END_TEST

START_TEST(rate_limit_of_one_a_second_counts_in_slow_steps)
{
	struct rate_limit limit = { .rate = 1, .burst = 1 };

	ck_assert_uint_eq(passed(&limit, 0, 60000, 1), 60);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("rate_limit");
	TCase *all = tcase_create("all");

	tcase_add_test(all, rate_limit_of_zero_limits_nothing);
	tcase_add_test(all, rate_limit_passes_burst_then_rate);
	tcase_add_test(all, rate_limit_fills_up_to_burst_and_no_further);
	tcase_add_test(all, rate_limit_leaves_room_when_told_to);
	tcase_add_test(all, rate_limit_ignores_a_clock_that_steps_back);
	tcase_add_test(all, rate_limit_of_one_a_second_counts_in_slow_steps);
	suite_add_tcase(suite, all);
	return suite;
}
