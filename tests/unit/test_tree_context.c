/*
 * Proves that a record carries the nearest value of each key that its own client or the
 * configuration has set on its logger or above, and nothing of other clients.
 */
#include "route/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/failing_memory.h"
#include "support/suite.h"
#include "support/tree_fixture.h"

static int set(struct fixture *fixture, struct lease *lease, const char *key, const char *value)
{
	const struct context_pair pair = { span_of(key), span_of(value) };

	return lease_set_context(fixture->tree, lease, &pair, value != NULL);
}

/* "key=value " for each pair, in order. */
static const char *text_of(const struct fixture *fixture, const struct lease *lease,
			   const char *name)
{
	static char text[256];
	struct context_pair pairs[CONTEXT_PAIRS_MAX];
	size_t count = tree_context(fixture->tree, lease, span_of(name), pairs);

	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		strncat(text, (const char *)pairs[i].key.ptr, pairs[i].key.len);
		strcat(text, "=");
		strncat(text, (const char *)pairs[i].value.ptr, pairs[i].value.len);
		strcat(text, " ");
	}
	return text;
}

/* The root has a and r, x has a and c, x.y has nothing but is configured. */
static void configure(struct fixture *fixture)
{
	const struct context_pair of_root[] = {
		{ span_of("a"), span_of("root") },
		{ span_of("r"), span_of("root") },
	};
	const struct context_pair of_x[] = {
		{ span_of("a"), span_of("conf") },
		{ span_of("c"), span_of("conf") },
	};
	const struct logger_options loggers[] = {
		{ .name = "", .propagate = true, .context = of_root, .n_context = 2 },
		{ .name = "x", .propagate = false, .context = of_x, .n_context = 2 },
		{ .name = "x.y", .propagate = true },
	};
	const struct tree_options options = { .loggers = loggers, .n_loggers = ARRAY_LEN(loggers) };
	struct tree_generation *generation;

	ck_assert_int_eq(tree_prepare(fixture->tree, &options, &generation), 0);
	tree_commit(fixture->tree, generation);
}

START_TEST(context_of_the_configuration_is_inherited)
{
	struct fixture fixture;
	struct lease *lease;

	fixture_init(&fixture);
	ck_assert_str_eq(text_of(&fixture, NULL, "x.y"), "");
	configure(&fixture);
	ck_assert_str_eq(text_of(&fixture, NULL, ""), "a=root r=root ");
	ck_assert_str_eq(text_of(&fixture, NULL, "root"), "a=root r=root ");
	ck_assert_str_eq(text_of(&fixture, NULL, "xy"), "a=root r=root ");
	ck_assert_str_eq(text_of(&fixture, NULL, "x.y.z"), "a=conf c=conf r=root ");
	lease = fixture_open(&fixture, "x.y.z", "us");
	ck_assert_str_eq(text_of(&fixture, lease, "x.y.z"), "a=conf c=conf r=root ");
	fixture_close(&fixture, lease);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(context_nearest_value_wins)
{
	struct fixture fixture;
	struct lease *above, *middle, *own;

	fixture_init(&fixture);
	configure(&fixture);
	above = fixture_open(&fixture, "x", "us");
	middle = fixture_open(&fixture, "x.y", "us");
	own = fixture_open(&fixture, "x.y.z", "us");
	ck_assert_int_eq(set(&fixture, above, "a", "x"), 0); /* beats the configuration's there */
	ck_assert_str_eq(text_of(&fixture, own, "x.y.z"), "a=x c=conf r=root ");
	ck_assert_int_eq(set(&fixture, middle, "c", "y"), 0);
	ck_assert_str_eq(text_of(&fixture, own, "x.y.z"), "c=y a=x r=root ");
	ck_assert_int_eq(set(&fixture, own, "k", "z"), 0);
	ck_assert_int_eq(set(&fixture, own, "c", "z"), 0);
	ck_assert_str_eq(text_of(&fixture, own, "x.y.z"), "k=z c=z a=x r=root ");
	ck_assert_int_eq(set(&fixture, own, "k", "again"), 0);
	ck_assert_int_eq(set(&fixture, own, "c", NULL), 0);
	ck_assert_int_eq(set(&fixture, own, "unknown", NULL), 0);
	ck_assert_str_eq(text_of(&fixture, own, "x.y.z"), "k=again c=y a=x r=root ");
	fixture_close(&fixture, middle);
	ck_assert_str_eq(text_of(&fixture, own, "x.y.z"), "k=again a=x c=conf r=root ");
	fixture_close(&fixture, above);
	ck_assert_str_eq(text_of(&fixture, own, "x.y.z"), "k=again a=conf c=conf r=root ");
	ck_assert_int_eq(set(&fixture, own, "k", NULL), 0);
	ck_assert_str_eq(text_of(&fixture, own, "x.y.z"), "a=conf c=conf r=root ");
	fixture_close(&fixture, own);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(context_belongs_to_its_client)
{
	struct fixture fixture;
	struct lease *ours, *theirs, *root;

	fixture_init(&fixture);
	ours = fixture_open(&fixture, "x.y", "us");
	theirs = fixture_open(&fixture, "x", "them");
	root = fixture_open(&fixture, "", "us");
	ck_assert_int_eq(set(&fixture, theirs, "k", "theirs"), 0);
	ck_assert_str_eq(text_of(&fixture, ours, "x.y"), "");
	ck_assert_int_eq(set(&fixture, root, "k", "ours"), 0);
	ck_assert_str_eq(text_of(&fixture, ours, "x.y"), "k=ours ");
	ck_assert_str_eq(text_of(&fixture, root, ""), "k=ours ");
	ck_assert_str_eq(text_of(&fixture, NULL, "x.y"), "");
	fixture_close(&fixture, root);
	ck_assert_str_eq(text_of(&fixture, ours, "x.y"), "");
	fixture_close(&fixture, ours);
	fixture_close(&fixture, theirs);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(context_of_two_leases_above_prefers_the_last_changed)
{
	struct fixture fixture;
	struct lease *first, *second, *below;

	fixture_init(&fixture);
	first = fixture_open(&fixture, "x", "us");
	second = fixture_open(&fixture, "x", "us");
	below = fixture_open(&fixture, "x.y", "us");
	ck_assert_int_eq(set(&fixture, first, "k", "1"), 0);
	ck_assert_int_eq(set(&fixture, second, "k", "2"), 0);
	ck_assert_str_eq(text_of(&fixture, below, "x.y"), "k=2 ");
	ck_assert_int_eq(set(&fixture, first, "l", "1"), 0);
	ck_assert_str_eq(text_of(&fixture, below, "x.y"), "k=1 l=1 ");
	ck_assert_str_eq(text_of(&fixture, second, "x"), "k=2 "); /* the lease's own only */
	fixture_close(&fixture, first);
	ck_assert_str_eq(text_of(&fixture, below, "x.y"), "k=2 ");
	fixture_close(&fixture, second);
	fixture_close(&fixture, below);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(context_is_bounded)
{
	static char value[CONTEXT_VALUE_MAX + 1];
	struct context_pair pairs[CONTEXT_PAIRS_MAX];
	struct fixture fixture;
	struct lease *above, *own;
	char key[16];

	memset(value, 'v', CONTEXT_VALUE_MAX);
	fixture_init(&fixture);
	above = fixture_open(&fixture, "x", "us");
	own = fixture_open(&fixture, "x.y", "us");
	for (unsigned i = 0; i < CONTEXT_PAIRS_MAX; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		ck_assert_int_eq(set(&fixture, own, key, value), 0);
		snprintf(key, sizeof(key), "other%u", i);
		ck_assert_int_eq(set(&fixture, above, key, value), 0);
	}
	ck_assert_int_eq(set(&fixture, own, "more", value), -E2BIG);
	ck_assert_int_eq(set(&fixture, own, "k0", ""), 0); /* one that is there may change */
	ck_assert_uint_eq(tree_context(fixture.tree, own, span_of("x.y"), pairs),
			  CONTEXT_PAIRS_MAX);
	for (int i = 0; i < CONTEXT_PAIRS_MAX; i++)
		ck_assert_int_eq(pairs[i].key.ptr[0], 'k'); /* the nearest are kept */
	ck_assert_int_eq(set(&fixture, own, "k1", NULL), 0);
	ck_assert_int_eq(set(&fixture, own, "more", value), 0);
	fixture_close(&fixture, above);
	fixture_close(&fixture, own);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(context_stays_when_memory_is_out)
{
	struct fixture fixture;
	struct lease *lease;
	int result;

	fixture_init(&fixture);
	lease = fixture_open(&fixture, "x", "us");
	ck_assert_int_eq(set(&fixture, lease, "k", "before"), 0);
	memory_fail_after(0);
	result = set(&fixture, lease, "k", "after");
	ck_assert(memory_heal());
	ck_assert_int_eq(result, -ENOMEM);
	ck_assert_str_eq(text_of(&fixture, lease, "x"), "k=before ");
	fixture_close(&fixture, lease);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(the_newest_of_very_many_leases_are_looked_at)
{
	struct fixture fixture;
	struct lease *many[CONTEXT_LEASES_MAX + 1], *below;

	fixture_init(&fixture);
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i] = fixture_open(&fixture, "x", "client");
		ck_assert_int_eq(set(&fixture, many[i], i == 0 ? "oldest" : "k", "v"), 0);
	}
	below = fixture_open(&fixture, "x.y", "client");
	ck_assert_str_eq(text_of(&fixture, below, ""), "k=v ");
	fixture_close(&fixture, many[7]);
	ck_assert_str_eq(text_of(&fixture, below, ""), "k=v oldest=v ");
	many[7] = below;
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		fixture_close(&fixture, many[i]);
	fixture_deinit(&fixture);
}
END_TEST

/* Each step would look at all others if a lease were searched among those of its place. */
START_TEST(contexts_of_very_many_leases_of_a_name_come_and_go)
{
	const size_t count = 50000;
	struct lease **leases = calloc(count, sizeof(struct lease *));
	struct fixture fixture;

	fixture_init(&fixture);
	for (size_t i = 0; i < count; i++) {
		leases[i] = fixture_open(&fixture, "x", "client");
		if (set(&fixture, leases[i], "k", "v") < 0)
			ck_abort();
	}
	for (size_t i = 0; i < count; i++) {
		if (set(&fixture, leases[i], "k", "w") < 0 ||
		    strcmp(text_of(&fixture, leases[i], ""), "k=w ") != 0)
			ck_abort();
	}
	for (size_t i = 0; i < count; i++) /* from both ends */
		fixture_close(&fixture, leases[i % 2 == 0 ? i / 2 : count - 1 - i / 2]);
	free(leases);
	fixture_deinit(&fixture);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("tree_context");
	TCase *gathering = tcase_create("gathering");
	TCase *limits = tcase_create("limits");

	tcase_add_test(gathering, context_of_the_configuration_is_inherited);
	tcase_add_test(gathering, context_nearest_value_wins);
	tcase_add_test(gathering, context_belongs_to_its_client);
	tcase_add_test(gathering, context_of_two_leases_above_prefers_the_last_changed);
	suite_add_tcase(suite, gathering);
	tcase_add_test(limits, the_newest_of_very_many_leases_are_looked_at);
	tcase_add_test(limits, contexts_of_very_many_leases_of_a_name_come_and_go);
	tcase_add_test(limits, context_is_bounded);
	tcase_add_test(limits, context_stays_when_memory_is_out);
	suite_add_tcase(suite, limits);
	return suite;
}
