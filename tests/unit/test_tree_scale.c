/*
 * Proves that a million leases leave nothing behind, that a walk misses nobody while thousands
 * come and go between its slices, and that the bound on overrides holds.
 */
#include "route/tree.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/suite.h"

#define LEASES_EVER	1000000
#define LEASES_AT_ONCE	100000
#define ALLOCATOR_SLACK 16384 /* bytes that malloc() keeps at hand for itself */
#define STAYING		2000  /* loggers that live from begin to end of a walk */
#define PASSING		8000

static const uint8_t hash_key[16] = "sixteen bytes...";

static void count_view(const struct logger_view *view, void *arg)
{
	size_t *count = arg;

	*count += view->placeholder || view->leases > 0 || view->children > 0;
}

START_TEST(tree_is_empty_after_a_million_leases)
{
	struct lease **leases = calloc(LEASES_AT_ONCE, sizeof(struct lease *));
	struct tree *tree = tree_new(hash_key);
	size_t in_use = mallinfo2().uordblks;
	const struct context_pair pair = { span_of("peer"), span_of("10.0.0.7:51234") };
	size_t in_use_after;
	struct logger_walk walk;
	size_t left = 0;
	char name[64];

	for (size_t i = 0; i < LEASES_EVER + LEASES_AT_ONCE; i++) {
		struct lease **lease = &leases[i % LEASES_AT_ONCE];

		if (*lease != NULL)
			tree_close(tree, *lease, LEASE_RELEASED);
		*lease = NULL;
		if (i >= LEASES_EVER)
			continue;
		snprintf(name, sizeof(name), "Connection.%zu.%zu", i / 8, i);
		if (tree_open(tree, span_of(name), leases, lease) < 0 ||
		    (i % 16 == 0 && lease_set_context(tree, *lease, &pair, true) < 0))
			ck_abort_msg("no memory for lease %zu", i);
		if (i % 16 == 1)
			lease_set_level(tree, *lease, LEVEL_DEBUG);
	}
	in_use_after = mallinfo2().uordblks;
	ck_assert_uint_eq(tree_counts(tree).opened, LEASES_EVER);
	ck_assert_uint_eq(tree_counts(tree).peak, LEASES_AT_ONCE);
	ck_assert_uint_eq(tree_counts(tree).leases, 0);
	ck_assert_uint_eq(tree_counts(tree).live, 0);
	ck_assert_uint_eq(tree_counts(tree).placeholders, 0);
	walk = tree_walk_begin(tree);
	while (tree_walk(tree, &walk, 1000, count_view, &left))
		;
	ck_assert_uint_eq(left, 0);
	/* no table keeps its size; under a sanitizer all are 0 */
	ck_assert_uint_le(in_use_after, in_use + ALLOCATOR_SLACK);
	tree_free(tree);
	free(leases);
}
END_TEST

static struct lease *open_one(struct tree *tree, const char *prefix, size_t number)
{
	struct lease *lease;
	char name[64];

	snprintf(name, sizeof(name), "%s.%zu", prefix, number);
	ck_assert_int_eq(tree_open(tree, span_of(name), tree, &lease), 0);
	return lease;
}

/* How often each of the staying ones was met, and all others together. */
struct met {
	unsigned char staying[STAYING];
	size_t others;
};

static void meet(const struct logger_view *view, void *arg)
{
	struct met *met = arg;
	char text[64] = "";
	size_t number;

	ck_assert_uint_lt(view->name.len, sizeof(text));
	if (view->name.len > 0)
		memcpy(text, view->name.ptr, view->name.len);
	if (sscanf(text, "stays.%zu", &number) == 1)
		met->staying[number]++;
	else
		met->others++;
}

/* The table grows or shrinks to a multiple of what it was when the walk began. */
START_TEST(walk_meets_each_once_while_the_table_changes)
{
	bool grows = _i == 0;
	struct tree *tree = tree_new(hash_key);
	struct lease *staying[STAYING];
	struct lease *passing[PASSING] = { NULL };
	struct met met = { .others = 0 };
	struct logger_walk walk;
	size_t at = 0;

	for (size_t i = 0; i < STAYING; i++)
		staying[i] = open_one(tree, "stays", i);
	for (size_t i = 0; i < PASSING && !grows; i++)
		passing[i] = open_one(tree, "passes", i);
	walk = tree_walk_begin(tree);
	while (tree_walk(tree, &walk, 7, meet, &met)) {
		for (size_t end = at + 40; at < end && at < PASSING; at++) {
			if (grows) {
				passing[at] = open_one(tree, "passes", at);
			} else {
				tree_close(tree, passing[at], LEASE_RELEASED);
				passing[at] = NULL;
			}
		}
	}
	ck_assert_uint_gt(at, PASSING / 2);
	for (size_t i = 0; i < STAYING; i++)
		ck_assert_uint_eq(met.staying[i], 1);
	ck_assert_uint_le(met.others, PASSING + 3); /* with the root and two placeholders */
	for (size_t i = 0; i < STAYING; i++)
		tree_close(tree, staying[i], LEASE_RELEASED);
	for (size_t i = 0; i < PASSING; i++) {
		if (passing[i] != NULL)
			tree_close(tree, passing[i], LEASE_RELEASED);
	}
	tree_free(tree);
}
END_TEST

static int set_override(struct tree *tree, size_t number, bool is_prefix)
{
	char name[64];

	snprintf(name, sizeof(name), "over.%zu", number);
	return tree_set_override(tree, &(struct level_override){ span_of(name), is_prefix, 10,
								 (int64_t)number + 1 });
}

START_TEST(overrides_are_bounded_and_leave_nothing)
{
	struct tree *tree = tree_new(hash_key);

	for (size_t i = 0; i < OVERRIDES_MAX; i++)
		ck_assert_int_eq(set_override(tree, i, i % 2 == 1), 0);
	ck_assert_int_eq(set_override(tree, OVERRIDES_MAX, false), -ENOSPC);
	ck_assert_int_eq(set_override(tree, OVERRIDES_MAX, true), -ENOSPC);
	ck_assert_uint_eq(tree_counts(tree).live, OVERRIDES_MAX / 2);
	ck_assert_uint_eq(tree_counts(tree).placeholders, 1);
	/* in the place of one that is there, there is room */
	ck_assert_int_eq(set_override(tree, 0, false), 0);
	ck_assert_int_eq(tree_expire_overrides(tree, 100), 101);
	ck_assert_int_eq(set_override(tree, OVERRIDES_MAX, false), 0);
	ck_assert(tree_unset_override(tree, span_of("over.256"), false));
	ck_assert(!tree_unset_override(tree, span_of("over.256"), false));
	ck_assert(!tree_unset_override(tree, span_of("over.101"), false));
	ck_assert(tree_unset_override(tree, span_of("over.101"), true));
	ck_assert_int_eq(tree_expire_overrides(tree, OVERRIDES_MAX), OVERRIDE_FOR_EVER);
	ck_assert_uint_eq(tree_counts(tree).live, 0);
	ck_assert_uint_eq(tree_counts(tree).placeholders, 0);
	tree_free(tree);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("tree_scale");
	TCase *scale = tcase_create("scale");

	tcase_set_timeout(scale, 60);
	tcase_add_test(scale, tree_is_empty_after_a_million_leases);
	tcase_add_loop_test(scale, walk_meets_each_once_while_the_table_changes, 0, 2);
	tcase_add_test(scale, overrides_are_bounded_and_leave_nothing);
	suite_add_tcase(suite, scale);
	return suite;
}
