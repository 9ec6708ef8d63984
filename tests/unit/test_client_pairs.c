/* Proves that a context is changed by making a new list, within its bounds, and is freed once. */
#include "client/pairs.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "support/suite.h"

/* Replaces the list by one with that change. */
static int change(struct pairs **pairs, const char *key, const char *value)
{
	struct context_pair pair = { span_of(key), span_of(value) };
	struct pairs *changed;
	int error = pairs_with(*pairs, &pair, value != NULL, &changed);

	if (error == 0) {
		pairs_unref(*pairs);
		*pairs = changed;
	}
	return error;
}

static void expect(const struct pairs *pairs, size_t index, const char *key, const char *value)
{
	ck_assert_uint_lt(index, pairs_count(pairs));
	ck_assert(span_equal(pairs_at(pairs, index).key, span_of(key)));
	ck_assert(span_equal(pairs_at(pairs, index).value, span_of(value)));
}

START_TEST(pairs_are_set_replaced_and_unset)
{
	struct pairs *pairs = NULL;

	ck_assert_int_eq(change(&pairs, "peer", "a"), 0);
	ck_assert_int_eq(change(&pairs, "user", ""), 0);
	ck_assert_int_eq(change(&pairs, "peer", "longer"), 0);
	ck_assert_uint_eq(pairs_count(pairs), 2);
	expect(pairs, 0, "peer", "longer");
	expect(pairs, 1, "user", "");
	ck_assert_int_eq(change(&pairs, "peer", NULL), 0);
	ck_assert_uint_eq(pairs_count(pairs), 1);
	expect(pairs, 0, "user", "");
	ck_assert_int_eq(change(&pairs, "user", NULL), 0);
	ck_assert_ptr_null(pairs);
}
END_TEST

START_TEST(pairs_without_a_change_stay_the_same_list)
{
	struct pairs *pairs = NULL;
	const struct pairs *before;

	ck_assert_int_eq(change(&pairs, "absent", NULL), 0);
	ck_assert_ptr_null(pairs);
	ck_assert_int_eq(change(&pairs, "peer", "a"), 0);
	before = pairs;
	ck_assert_int_eq(change(&pairs, "peer", "a"), 0);
	ck_assert_int_eq(change(&pairs, "absent", NULL), 0);
	ck_assert_ptr_eq(pairs, before);
	pairs_unref(pairs);
}
END_TEST

START_TEST(pairs_that_are_shared_do_not_change)
{
	struct pairs *pairs = NULL;
	struct pairs *shared;

	ck_assert_int_eq(change(&pairs, "peer", "a"), 0);
	shared = pairs_ref(pairs);
	ck_assert_int_eq(change(&pairs, "peer", "b"), 0);
	expect(shared, 0, "peer", "a");
	expect(pairs, 0, "peer", "b");
	pairs_unref(shared);
	pairs_unref(pairs);
}
END_TEST

START_TEST(pairs_are_bounded)
{
	struct pairs *pairs = NULL;
	char key[16];

	for (int i = 0; i < CONTEXT_PAIRS_MAX; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		ck_assert_int_eq(change(&pairs, key, "value"), 0);
	}
	ck_assert_int_eq(change(&pairs, "one-more", "value"), -E2BIG);
	ck_assert_int_eq(change(&pairs, "key0", "another value"), 0);
	ck_assert_int_eq(change(&pairs, "key1", NULL), 0);
	ck_assert_int_eq(change(&pairs, "one-more", "value"), 0);
	ck_assert_uint_eq(pairs_count(pairs), CONTEXT_PAIRS_MAX);
	pairs_unref(pairs);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_pairs");
	TCase *changes = tcase_create("changes");

	tcase_add_test(changes, pairs_are_set_replaced_and_unset);
	tcase_add_test(changes, pairs_without_a_change_stay_the_same_list);
	tcase_add_test(changes, pairs_that_are_shared_do_not_change);
	tcase_add_test(changes, pairs_are_bounded);
	suite_add_tcase(suite, changes);
	return suite;
}
