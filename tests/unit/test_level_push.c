/*
 * Proves who is told of a changed level, and when: the first change at once, the next one after a
 * time that grows with the number of clients, and what can wait after a second.
 */
#include "intake/level_push.h"

#include <check.h>

#include "support/suite.h"

#define NOW	1000000 /* milliseconds */
#define CLIENTS 1000
#define SPACE	20 /* milliseconds for so many clients */

static struct level_push push;

static void set_up(void)
{
	level_push_init(&push);
}

/* A round from begin_ms that takes no time. */
static void round_at(int64_t begin_ms, bool left)
{
	ck_assert_int_le(level_push_due_ms(&push), begin_ms);
	level_push_begin(&push, begin_ms, CLIENTS);
	ck_assert_int_eq(level_push_due_ms(&push), 0);
	level_push_end(&push, begin_ms, left);
}

static const struct {
	struct client_levels told, now;
	enum level_need need, thorough;
} views[] = {
	{ { 1, 30 }, { 1, 30 }, LEVEL_NEED_NOTHING, LEVEL_NEED_NOTHING },
	{ { 1, 30 }, { 2, 30 }, LEVEL_NEED_MAP, LEVEL_NEED_MAP },
	{ { 1, 30 }, { 1, 20 }, LEVEL_NEED_MAP, LEVEL_NEED_MAP },
	{ { 1, 30 }, { 1, 40 }, LEVEL_NEED_LATER, LEVEL_NEED_MAP },
	{ { 1, 30 }, { 2, 40 }, LEVEL_NEED_MAP, LEVEL_NEED_MAP },
};

START_TEST(push_tells_who_holds_back_too_much)
{
	ck_assert_int_eq(level_need(views[_i].told, views[_i].now, false), views[_i].need);
	ck_assert_int_eq(level_need(views[_i].told, views[_i].now, true), views[_i].thorough);
}
END_TEST

START_TEST(push_is_not_due_without_a_change)
{
	ck_assert_int_eq(level_push_due_ms(&push), LEVEL_PUSH_NEVER);
	level_push_note(&push);
	round_at(NOW, false);
	ck_assert_int_eq(level_push_due_ms(&push), LEVEL_PUSH_NEVER);
}
END_TEST

START_TEST(push_begins_at_once_and_again_after_a_while)
{
	level_push_note(&push);
	ck_assert_int_le(level_push_due_ms(&push), 0);
	round_at(NOW, false);
	level_push_note(&push);
	ck_assert_int_eq(level_push_due_ms(&push), NOW + SPACE);
	level_push_note(&push);
	ck_assert_int_eq(level_push_due_ms(&push), NOW + SPACE);
	round_at(NOW + SPACE, false);
	ck_assert_int_eq(level_push_due_ms(&push), LEVEL_PUSH_NEVER);
}
END_TEST

START_TEST(push_of_a_change_in_a_round_is_another_round)
{
	level_push_note(&push);
	level_push_begin(&push, NOW, CLIENTS);
	level_push_note(&push);
	ck_assert_int_eq(level_push_due_ms(&push), 0); /* the running one goes on */
	level_push_end(&push, NOW + 5, false);
	ck_assert_int_eq(level_push_due_ms(&push), NOW + SPACE);
}
END_TEST

START_TEST(push_of_what_can_wait_comes_a_second_later)
{
	level_push_note(&push);
	round_at(NOW, true);
	ck_assert_int_eq(level_push_due_ms(&push), NOW + 1000);
	level_push_note(&push); /* others do not put it off */
	round_at(NOW + 500, true);
	ck_assert_int_eq(level_push_due_ms(&push), NOW + 1000);
	level_push_begin(&push, NOW + 1000, CLIENTS);
	ck_assert(push.thorough);
	level_push_end(&push, NOW + 1000, false);
	ck_assert_int_eq(level_push_due_ms(&push), LEVEL_PUSH_NEVER);
}
END_TEST

START_TEST(push_that_is_early_is_not_thorough)
{
	level_push_note(&push);
	round_at(NOW, true);
	level_push_note(&push);
	level_push_begin(&push, NOW + 999, CLIENTS);
	ck_assert(!push.thorough);
}
END_TEST

/* A client that sets and unsets its level all the time: so many rounds, and no more. */
START_TEST(push_is_bounded_however_often_levels_change)
{
	int rounds = 0;

	for (int64_t now_ms = NOW; now_ms < NOW + 10000; now_ms++) {
		level_push_note(&push);
		if (now_ms >= level_push_due_ms(&push)) {
			round_at(now_ms, true);
			rounds++;
		}
	}
	ck_assert_int_eq(rounds, 10000 / SPACE);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("level_push");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, NULL);
	tcase_add_loop_test(all, push_tells_who_holds_back_too_much, 0,
			    sizeof(views) / sizeof(views[0]));
	tcase_add_test(all, push_is_not_due_without_a_change);
	tcase_add_test(all, push_begins_at_once_and_again_after_a_while);
	tcase_add_test(all, push_of_a_change_in_a_round_is_another_round);
	tcase_add_test(all, push_of_what_can_wait_comes_a_second_later);
	tcase_add_test(all, push_that_is_early_is_not_thorough);
	tcase_add_test(all, push_is_bounded_however_often_levels_change);
	suite_add_tcase(suite, all);
	return suite;
}
