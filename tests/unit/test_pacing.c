/*
 * Proves that a paced lane lets its rate pass, no more in any span of time and no less while
 * something waits, at every rate and however irregularly it is looked at.
 */
#include "output/pacing.h"

#include <stdlib.h>

#include "base/span.h"
#include "support/suite.h"

static const uint32_t rates[] = { 1, 3, 10, 99, 100, 101, 1000, 12345, 1000000, 1000000000 };

START_TEST(no_rate_is_no_limit)
{
	struct pacing pacing = { 0 };

	ck_assert_uint_eq(pacing_admits(&pacing, 5), SIZE_MAX);
	pacing_spend(&pacing, 1000000);
	ck_assert_uint_eq(pacing_admits(&pacing, 5), SIZE_MAX);
}
END_TEST

/* Takes all there is, waits as told and a little longer, for a long while. */
START_TEST(rate_is_kept_over_time)
{
	const uint64_t rate = rates[_i];
	const uint64_t at_once = 1 + rate / 10;
	struct pacing pacing = { .rate = rates[_i] };
	const int64_t begin_ms = 1000000;
	int64_t now_ms = begin_ms;
	uint64_t sent = 0;

	srandom(1);
	while (now_ms < begin_ms + 100000) {
		size_t admitted = pacing_admits(&pacing, now_ms);
		uint64_t elapsed_ms = (uint64_t)(now_ms - begin_ms);

		ck_assert_uint_le(admitted, at_once);
		sent += admitted;
		ck_assert_uint_le(sent * 1000, 1000 + rate * 100 + rate * elapsed_ms);
		pacing_spend(&pacing, admitted);
		ck_assert_uint_eq(pacing_admits(&pacing, now_ms), 0);
		ck_assert_int_ge(pacing_wait_ms(&pacing), PACING_TICK_MS);
		now_ms += pacing_wait_ms(&pacing) + (int64_t)(random() % 20);
	}
	/* nothing was wasted: never was the bucket left alone for long enough to run over */
	ck_assert_uint_ge(sent + at_once + 1, rate * 100);
}
END_TEST

START_TEST(waits_no_longer_than_it_must)
{
	struct pacing pacing = { .rate = 3 };

	ck_assert_uint_eq(pacing_admits(&pacing, 0), 1);
	pacing_spend(&pacing, 1);
	ck_assert_uint_eq(pacing_admits(&pacing, 0), 0);
	ck_assert_int_eq(pacing_wait_ms(&pacing), 234); /* 0.3 were there */
	ck_assert_uint_eq(pacing_admits(&pacing, 233), 0);
	ck_assert_int_eq(pacing_wait_ms(&pacing), PACING_TICK_MS);
	ck_assert_uint_eq(pacing_admits(&pacing, 234), 1);
}
END_TEST

START_TEST(pause_saves_up_a_tenth_of_a_second)
{
	struct pacing pacing = { .rate = 1000 };

	ck_assert_uint_eq(pacing_admits(&pacing, 0), 101);
	pacing_spend(&pacing, 101);
	ck_assert_uint_eq(pacing_admits(&pacing, 99), 99);
	ck_assert_uint_eq(pacing_admits(&pacing, INT64_MAX), 101);
}
END_TEST

START_TEST(clock_that_steps_back_fills_nothing)
{
	struct pacing pacing = { .rate = 1000 };

	ck_assert_uint_eq(pacing_admits(&pacing, 1000), 101);
	pacing_spend(&pacing, 101);
	ck_assert_uint_eq(pacing_admits(&pacing, 0), 0);
	ck_assert_uint_eq(pacing_admits(&pacing, 1001), 1);
}
END_TEST

START_TEST(slower_rate_holds_at_once)
{
	struct pacing pacing = { .rate = 1000 };

	ck_assert_uint_eq(pacing_admits(&pacing, 0), 101);
	pacing_set_rate(&pacing, 10);
	ck_assert_uint_eq(pacing_admits(&pacing, 0), 2);
	pacing_set_rate(&pacing, 0);
	ck_assert_uint_eq(pacing_admits(&pacing, 0), SIZE_MAX);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("pacing");
	TCase *pacing = tcase_create("pacing");

	tcase_add_test(pacing, no_rate_is_no_limit);
	tcase_add_loop_test(pacing, rate_is_kept_over_time, 0, ARRAY_LEN(rates));
	tcase_add_test(pacing, waits_no_longer_than_it_must);
	tcase_add_test(pacing, pause_saves_up_a_tenth_of_a_second);
	tcase_add_test(pacing, clock_that_steps_back_fills_nothing);
	tcase_add_test(pacing, slower_rate_holds_at_once);
	suite_add_tcase(suite, pacing);
	return suite;
}
