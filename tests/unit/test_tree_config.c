/*
 * Proves that a configuration is taken whole or not at all, wherever memory ends, and that
 * leases live through it.
 */
#include "route/tree.h"

#include <errno.h>

#include "support/failing_memory.h"
#include "support/suite.h"
#include "support/tree_fixture.h"

START_TEST(reload_swaps_levels_handlers_and_propagation)
{
	struct fixture fixture;
	struct lease *lease;

	fixture_init(&fixture);
	lease = fixture_open(&fixture, "x.y", "us");
	ck_assert_str_eq(fixture_route(&fixture, lease, 1), "");
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x=30:b"), 0);
	ck_assert_str_eq(fixture_route(&fixture, lease, 29), "-");
	ck_assert_str_eq(fixture_route(&fixture, lease, 30), "ba");
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x.y=10:c!"), 0);
	ck_assert_str_eq(fixture_route(&fixture, lease, 10), "c");
	fixture.rules[0].level = 90;
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a"), 0);
	ck_assert_str_eq(fixture_route(&fixture, lease, 89), "");
	ck_assert_str_eq(fixture_route(&fixture, lease, 90), "a");
	fixture_close(&fixture, lease);
	fixture_deinit(&fixture);
}
END_TEST

/* From one configuration to the next: nodes that live then, and placeholders. */
static const struct {
	const char *before;
	const char *after;
	uint64_t live, placeholders;
} swaps[] = {
	{ "=20", "=20 x=20", 1, 0 },
	{ "=20 x=20", "=20", 0, 0 },
	{ "=20 x.y.z=20", "=20", 0, 0 },
	{ "=20 x=20 x.y=20 x.y.z=20", "=20", 0, 0 },
	{ "x.y.z=20 x.y=20 x=20", "=20", 0, 0 },
	{ "x.y.z=20 x.y=20 x=20", "x.y=20", 1, 1 },
	{ "x.y=20", "x.y.z=20", 1, 2 },
	{ "x=20", "x...y=20", 1, 3 },
	{ "x...y=20", "x..=20", 1, 2 },
	{ "", "x.a=1 x.b=1 y.a=1", 3, 2 },
};

START_TEST(reload_leaves_only_what_is_needed)
{
	struct fixture fixture;
	struct tree_counts counts;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, swaps[_i].before), 0);
	ck_assert_int_eq(fixture_configure(&fixture, swaps[_i].after), 0);
	counts = tree_counts(fixture.tree);
	ck_assert_uint_eq(counts.live, swaps[_i].live);
	ck_assert_uint_eq(counts.placeholders, swaps[_i].placeholders);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(reload_configures_and_releases_leased_loggers)
{
	struct fixture fixture;
	struct lease *lease;
	struct logger_view view;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x.y=20"), 0);
	lease = fixture_open(&fixture, "x.y", "us");
	ck_assert_uint_eq(tree_counts(fixture.tree).live, 1);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a"), 0);
	ck_assert(fixture_view(&fixture, "x.y", &view));
	ck_assert(!view.configured && !view.placeholder);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x.y=20"), 0);
	fixture_close(&fixture, lease);
	ck_assert(fixture_view(&fixture, "x.y", &view));
	ck_assert(view.configured);
	ck_assert_uint_eq(view.leases, 0);
	ck_assert_uint_eq(tree_counts(fixture.tree).peak, 1);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(reload_may_be_discarded)
{
	const struct logger_options logger = { .name = "x.y", .level = 50 };
	const struct tree_options options = { .loggers = &logger, .n_loggers = 1 };
	struct tree_generation *generation;
	struct fixture fixture;
	struct lease *lease;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a"), 0);
	ck_assert_int_eq(tree_prepare(fixture.tree, &options, &generation), 0);
	lease = fixture_open(&fixture, "x.y", "us"); /* the tree may change in between */
	ck_assert_str_eq(fixture_route(&fixture, lease, 20), "a");
	tree_discard(fixture.tree, generation);
	ck_assert_str_eq(fixture_route(&fixture, lease, 20), "a");
	ck_assert_int_eq(tree_prepare(fixture.tree, &options, &generation), 0);
	fixture_close(&fixture, lease);
	ck_assert_uint_eq(tree_counts(fixture.tree).live, 0);
	tree_commit(fixture.tree, generation);
	ck_assert_uint_eq(tree_counts(fixture.tree).live, 1);
	ck_assert_str_eq(fixture_route_name(&fixture, "x.y", 49), "-");
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_new_needs_all_its_memory)
{
	static const uint8_t hash_key[16];
	struct tree *tree = NULL;
	size_t good = 0;

	for (; tree == NULL; good++) {
		memory_fail_after(good);
		tree = tree_new(hash_key);
		ck_assert_int_eq(memory_heal(), tree == NULL);
	}
	ck_assert_uint_gt(good, 4);
	tree_free(tree);
}
END_TEST

START_TEST(reload_without_memory_changes_nothing)
{
	const struct context_pair pair = { span_of("k"), span_of("v") };
	const uint16_t handlers[] = { 1 };
	const struct logger_options loggers[] = {
		{ .name = "", .level = 50 },
		{ .name = "x.y.z", .level = 50, .context = &pair, .n_context = 1 },
		{ .name = "u", .handlers = handlers, .n_handlers = 1 },
	};
	struct fixture fixture;
	struct tree_options options = { .loggers = loggers, .n_loggers = ARRAY_LEN(loggers) };
	struct tree_generation *generation = NULL;
	size_t good = 0;
	int result;

	fixture_init(&fixture);
	options.handlers = fixture.rules;
	options.n_handlers = FIXTURE_HANDLERS;
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x=20:b"), 0);
	do {
		memory_fail_after(good++);
		result = tree_prepare(fixture.tree, &options, &generation);
		ck_assert_int_eq(memory_heal(), result == -ENOMEM);
		ck_assert_str_eq(fixture_route_name(&fixture, "x.y.z", 20), "ba");
		ck_assert_uint_eq(tree_counts(fixture.tree).live, 1);
		ck_assert_uint_eq(tree_counts(fixture.tree).placeholders, 0);
	} while (result == -ENOMEM);
	ck_assert_int_eq(result, 0);
	ck_assert_uint_gt(good, 6);
	memory_fail_after(0);
	tree_commit(fixture.tree, generation); /* cannot fail */
	memory_heal();
	ck_assert_str_eq(fixture_route_name(&fixture, "x.y.z", 20), "-");
	ck_assert_uint_eq(tree_counts(fixture.tree).live, 2);
	ck_assert_uint_eq(tree_counts(fixture.tree).placeholders, 2);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(lease_without_memory_changes_nothing)
{
	struct lease *lease = NULL;
	struct fixture fixture;
	size_t good = 0;
	int result;

	fixture_init(&fixture);
	do {
		memory_fail_after(good++);
		result = tree_open(fixture.tree, span_of("x.y.z"), "us", &lease);
		ck_assert_int_eq(memory_heal(), result == -ENOMEM);
		ck_assert_uint_eq(tree_counts(fixture.tree).live, result == 0 ? 1 : 0);
		ck_assert_uint_eq(tree_counts(fixture.tree).placeholders, result == 0 ? 2 : 0);
	} while (result == -ENOMEM);
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(tree_counts(fixture.tree).opened, 1);
	memory_fail_after(0);
	lease_set_level(fixture.tree, lease, 10); /* cannot fail */
	fixture_close(&fixture, lease);
	memory_heal();
	fixture_deinit(&fixture);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("tree_config");
	TCase *reload = tcase_create("reload");
	TCase *memory = tcase_create("memory");

	tcase_add_test(reload, reload_swaps_levels_handlers_and_propagation);
	tcase_add_loop_test(reload, reload_leaves_only_what_is_needed, 0, ARRAY_LEN(swaps));
	tcase_add_test(reload, reload_configures_and_releases_leased_loggers);
	tcase_add_test(reload, reload_may_be_discarded);
	suite_add_tcase(suite, reload);
	tcase_add_test(memory, tree_new_needs_all_its_memory);
	tcase_add_test(memory, reload_without_memory_changes_nothing);
	tcase_add_test(memory, lease_without_memory_changes_nothing);
	suite_add_tcase(suite, memory);
	return suite;
}
