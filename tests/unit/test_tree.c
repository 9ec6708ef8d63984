/*
 * Proves that a record goes where Python's logging would send it, and that nodes live exactly
 * as long as something needs them.
 */
#include "route/tree.h"

#include <stdio.h>

#include "support/suite.h"
#include "support/tree_fixture.h"

/* Every case leases `name` beside `others` under `config`, and emits one record. */
static const struct {
	const char *config;
	const char *others; /* leased as well, blank-separated */
	const char *name;
	uint8_t level;
	const char *hits; /* "-": filtered */
} routes[] = {
	/* the root's level and handlers hold for all that have none */
	{ "=20:a", "", "x", 20, "a" },
	{ "=20:a", "", "x.y.z", 19, "-" },
	{ "=20:a", "", "", 20, "a" },
	{ "=20:a", "", "root", 19, "-" },
	{ "", "", "x", 1, "" },
	{ "=0:a", "", "x", 1, "a" },
	/* the nearest level decides, at the logger that the record was given to only */
	{ "=50:a x=10:b", "", "x.y", 10, "ba" },
	{ "=10:a x=50:b", "", "x.y", 40, "-" },
	{ "=10:a x=50:b x.y=10:c", "", "x.y", 10, "cba" },
	{ "=10:a x=0:b", "", "x", 10, "ba" },
	{ "=100:a", "", "x", 100, "a" },
	/* propagation ends at the first that has it off, after its own handlers */
	{ "=0:a x=0:b! x.y=0:c", "", "x.y.z", 30, "cb" },
	{ "=0:a x=0:! x.y=0:c", "", "x.y", 30, "c" },
	{ "=0:a! x=0:b", "", "x", 30, "ba" },
	{ "=30:a x=0:!", "", "x", 20, "-" },
	{ "=30:a x=0!", "", "x", 30, "" },
	/* a handler is hit as often as it is met, in the order of each logger's list */
	{ "=0:a x=0:ab x.y=0:ba", "", "x.y", 30, "baaba" },
	/* a placeholder is nobody's parent */
	{ "=0:a x.y.z=0:b", "", "x.y", 30, "a" },
	{ "=0:a x=0:b x.y.z=0:c", "", "x.y.z.u", 30, "cba" },
	/* a leased logger without configuration changes nothing */
	{ "=0:a x=0:b", "x.y", "x.y.z", 30, "ba" },
	/* a shared prefix is no ancestor */
	{ "=0:a app=0:b", "", "apple", 30, "a" },
	{ "=0:a app=0:b", "", "app.x", 30, "ba" },
	/* "root" is the root, but root.x is not below a logger of that name */
	{ "root=0:a", "", "root.x", 30, "a" },
	{ "root=0:a root.x=0:b", "", "root.x.y", 30, "ba" },
	/* empty components, by CPython's rfind(): not every prefix is a candidate */
	{ "=0:a x=0:b", "", "x.", 30, "ba" },
	{ "=0:a .x=0:b", "", ".x.y", 30, "ba" },
	{ "=0:a x.=0:b x=0:c", "", "x..y", 30, "bca" },
	{ "=0:a x=0:b", "", "x..y", 30, "a" },
	{ "=0:a x=0:b", "", "x...y", 30, "ba" },
	{ "=0:a x=0:b", "x..", "x...y", 30, "a" },
	{ "=0:a x=0:b x..=0:c", "", "x...y", 30, "ca" },
	{ "=0:a x=0:b x.=0:c", "", "x...y", 30, "ba" },
	{ "=0:a .=0:b", "", "..", 30, "ba" },
	{ "=0:a ..=0:b", "", "...", 30, "ba" },
	{ "=0:a x.y.=0:b x.y=0:d x=0:c", "", "x.y..z", 30, "bdca" },
	{ "=0:a x=10:b x..=40", "", "x...y.z", 30, "-" },
};

START_TEST(tree_routes_as_python_does)
{
	struct lease *others[8];
	size_t n_others = 0;
	struct fixture fixture;
	struct lease *lease;
	char copy[64];
	char *rest = copy;
	char *name;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, routes[_i].config), 0);
	strcpy(copy, routes[_i].others);
	while ((name = strsep(&rest, " ")) != NULL) {
		if (*name != '\0')
			others[n_others++] = fixture_open(&fixture, name, "other");
	}
	ck_assert_str_eq(fixture_route_name(&fixture, routes[_i].name, routes[_i].level),
			 routes[_i].hits);
	lease = fixture_open(&fixture, routes[_i].name, "us");
	ck_assert_str_eq(fixture_route(&fixture, lease, routes[_i].level), routes[_i].hits);
	fixture_close(&fixture, lease);
	while (n_others > 0)
		fixture_close(&fixture, others[--n_others]);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_handlers_have_level_and_filter)
{
	struct fixture fixture;
	struct lease *lease;

	fixture_init(&fixture);
	fixture.rules[0].level = 30;
	fixture.rules[1].filter = span_of("x.y");
	fixture.rules[2].filter = span_of("root");
	ck_assert_int_eq(fixture_configure(&fixture, "=0:abc"), 0);
	lease = fixture_open(&fixture, "x.y", "us");
	ck_assert_str_eq(fixture_route(&fixture, lease, 29), "b");
	ck_assert_str_eq(fixture_route(&fixture, lease, 30), "ab");
	fixture_close(&fixture, lease);
	/* a name that no node has is filtered by what it is, not by the node that routes it */
	ck_assert_str_eq(fixture_route_name(&fixture, "x.y.z", 20), "b");
	ck_assert_str_eq(fixture_route_name(&fixture, "x.yz", 20), "");
	/* the root's records are named "root" */
	ck_assert_str_eq(fixture_route_name(&fixture, "", 20), "c");
	ck_assert_str_eq(fixture_route_name(&fixture, "root.x", 20), "c");
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_reaches_every_handler_of_the_deepest_name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	char config[4096];
	char name[2 * LOGGER_NAME_DEPTH_MAX];
	struct fixture fixture;
	struct route route;
	size_t used = (size_t)snprintf(config, sizeof(config), "=0:%s", letters);

	for (size_t depth = 1; depth <= LOGGER_NAME_DEPTH_MAX; depth++) {
		name[2 * depth - 2] = 'x';
		name[2 * depth - 1] = '\0';
		used += (size_t)snprintf(config + used, sizeof(config) - used, " %s=0:%s", name,
					 letters);
		name[2 * depth - 1] = '.';
	}
	name[2 * LOGGER_NAME_DEPTH_MAX - 1] = '\0';
	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, config), 0);
	tree_route_name(fixture.tree, span_of(name), 30, &route);
	ck_assert_uint_eq(route.n_hits, (LOGGER_NAME_DEPTH_MAX + 1) * strlen(letters));
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_tells_who_routed_and_at_what_level)
{
	struct fixture fixture;
	struct lease *lease;
	struct route route;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x=30:b"), 0);
	lease = fixture_open(&fixture, "x.y", "us");
	tree_route(fixture.tree, lease, 25, &route);
	ck_assert(route.filtered);
	ck_assert_uint_eq(route.n_hits, 0);
	ck_assert_uint_eq(route.effective_level, 30);
	ck_assert(span_equal(route.name, span_of("x.y")));
	tree_route_name(fixture.tree, span_of("x.z"), 30, &route);
	ck_assert(span_equal(route.name, span_of("x")));
	tree_route_name(fixture.tree, span_of("u"), 30, &route);
	ck_assert(span_equal(route.name, span_of("")));
	ck_assert_uint_eq(route.effective_level, 20);
	fixture_close(&fixture, lease);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_newest_lease_level_wins_and_uncovers)
{
	struct fixture fixture;
	struct lease *first, *second;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x=30"), 0);
	first = fixture_open(&fixture, "x", "one");
	second = fixture_open(&fixture, "x", "two");
	ck_assert_str_eq(fixture_route(&fixture, first, 29), "-");
	lease_set_level(fixture.tree, first, 10);
	ck_assert_uint_eq(lease_level(first), 10);
	ck_assert_str_eq(fixture_route(&fixture, second, 10), "a");
	lease_set_level(fixture.tree, second, 40);
	ck_assert_str_eq(fixture_route(&fixture, first, 39), "-");
	lease_set_level(fixture.tree, first, 10); /* the same again: newest from now on */
	ck_assert_str_eq(fixture_route(&fixture, first, 10), "a");
	fixture_close(&fixture, first);
	ck_assert_str_eq(fixture_route(&fixture, second, 39), "-");
	lease_set_level(fixture.tree, second, LEVEL_NOTSET);
	ck_assert_str_eq(fixture_route(&fixture, second, 30), "a");
	ck_assert_str_eq(fixture_route(&fixture, second, 29), "-");
	fixture_close(&fixture, second);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_lease_level_holds_for_descendants)
{
	struct fixture fixture;
	struct lease *above, *below, *root;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a"), 0);
	above = fixture_open(&fixture, "x", "one");
	below = fixture_open(&fixture, "x.y.z", "two");
	root = fixture_open(&fixture, "root", "three");
	lease_set_level(fixture.tree, above, 50);
	ck_assert_str_eq(fixture_route(&fixture, below, 49), "-");
	ck_assert_str_eq(fixture_route(&fixture, root, 20), "a");
	fixture_close(&fixture, above);
	ck_assert_str_eq(fixture_route(&fixture, below, 49), "a");
	lease_set_level(fixture.tree, root, 60);
	ck_assert_str_eq(fixture_route(&fixture, below, 59), "-");
	fixture_close(&fixture, root);
	ck_assert_str_eq(fixture_route(&fixture, below, 20), "a");
	fixture_close(&fixture, below);
	fixture_deinit(&fixture);
}
END_TEST

/* A lease of each name brings so many nodes, and none is left when it ends. */
static const struct {
	const char *name;
	uint64_t placeholders;
} names[] = {
	{ "x", 0 },   { "x.y", 1 },	{ "x.y.z", 2 }, { "Connection.140230", 1 },
	{ "x.", 1 },  { ".x", 0 },	{ ".", 0 },	{ "..", 1 },
	{ "...", 2 }, { "x..y", 2 },	{ "x...y", 3 }, { "root.x", 1 },
	{ ".x.", 1 }, { "a..b..c", 4 },
};

START_TEST(tree_placeholders_live_as_long_as_a_descendant)
{
	struct fixture fixture;
	struct lease *lease, *again;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a"), 0);
	lease = fixture_open(&fixture, names[_i].name, "one");
	again = fixture_open(&fixture, names[_i].name, "two");
	ck_assert_uint_eq(tree_counts(fixture.tree).live, 1);
	ck_assert_uint_eq(tree_counts(fixture.tree).leased, 1);
	ck_assert_uint_eq(tree_counts(fixture.tree).leases, 2);
	ck_assert_uint_eq(tree_counts(fixture.tree).placeholders, names[_i].placeholders);
	fixture_close(&fixture, lease);
	ck_assert_uint_eq(tree_counts(fixture.tree).live, 1);
	ck_assert_uint_eq(tree_counts(fixture.tree).placeholders, names[_i].placeholders);
	fixture_close(&fixture, again);
	ck_assert_uint_eq(tree_counts(fixture.tree).live, 0);
	ck_assert_uint_eq(tree_counts(fixture.tree).leased, 0);
	ck_assert_uint_eq(tree_counts(fixture.tree).leases, 0);
	ck_assert_uint_eq(tree_counts(fixture.tree).placeholders, 0);
	ck_assert_uint_eq(tree_counts(fixture.tree).peak, 1);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_logger_becomes_placeholder_and_back)
{
	struct fixture fixture;
	struct lease *above, *below;
	struct logger_view view;

	fixture_init(&fixture);
	above = fixture_open(&fixture, "x.y", "us");
	below = fixture_open(&fixture, "x.y.z", "us");
	fixture_close(&fixture, above);
	ck_assert(fixture_view(&fixture, "x.y", &view));
	ck_assert(view.placeholder);
	ck_assert_uint_eq(view.children, 1);
	ck_assert_uint_eq(tree_counts(fixture.tree).placeholders, 2);
	above = fixture_open(&fixture, "x.y", "us");
	ck_assert(fixture_view(&fixture, "x.y", &view));
	ck_assert(!view.placeholder);
	fixture_close(&fixture, below);
	ck_assert(!fixture_view(&fixture, "x.y.z", &view));
	ck_assert(fixture_view(&fixture, "x", &view));
	fixture_close(&fixture, above);
	ck_assert(!fixture_view(&fixture, "x", &view));
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_counts_fold_into_nearest_configured)
{
	struct fixture fixture;
	struct lease *middle, *leaf;
	struct logger_view view;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x=20"), 0);
	middle = fixture_open(&fixture, "x.y.z", "us");
	leaf = fixture_open(&fixture, "x.y.z.u", "us");
	for (int i = 0; i < 3; i++)
		fixture_route(&fixture, middle, 30);
	for (int i = 0; i < 5; i++)
		fixture_route(&fixture, leaf, 1); /* filtered ones were given to it as well */
	fixture_close(&fixture, middle);
	ck_assert(fixture_view(&fixture, "x.y.z", &view));
	ck_assert_uint_eq(view.records, 3); /* a placeholder keeps what it had */
	fixture_close(&fixture, leaf);
	ck_assert(fixture_view(&fixture, "x", &view));
	ck_assert_uint_eq(view.records, 8);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a"), 0);
	ck_assert(!fixture_view(&fixture, "x", &view));
	ck_assert(fixture_view(&fixture, "", &view));
	ck_assert_uint_eq(view.records, 8);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_routing_by_name_creates_nothing)
{
	struct fixture fixture;
	struct logger_view view;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x=20:b"), 0);
	ck_assert_str_eq(fixture_route_name(&fixture, "x.y.z", 20), "ba");
	ck_assert_uint_eq(tree_counts(fixture.tree).live, 1);
	ck_assert_uint_eq(tree_counts(fixture.tree).placeholders, 0);
	ck_assert(fixture_view(&fixture, "x", &view));
	ck_assert_uint_eq(view.records, 1);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_views_say_what_a_node_is)
{
	struct lease *leases[LOGGER_FOLD + 1];
	struct fixture fixture;
	struct logger_view view;
	char name[16];

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, "=20:a x=30:! x.y=0"), 0);
	ck_assert(fixture_view(&fixture, "x", &view));
	ck_assert(view.configured && !view.propagate && !view.placeholder);
	ck_assert_uint_eq(view.own.level, 30);
	ck_assert_uint_eq(view.children, 1);
	ck_assert(fixture_view(&fixture, "x.y", &view));
	ck_assert(view.propagate);
	ck_assert_uint_eq(view.own.level, 0);
	ck_assert_uint_eq(view.effective.level, 30);
	for (size_t i = 0; i < ARRAY_LEN(leases); i++) {
		snprintf(name, sizeof(name), "u.%zu", i);
		ck_assert(i == 0 || fixture_view(&fixture, "u.0", &view));
		ck_assert(!view.many_siblings);
		leases[i] = fixture_open(&fixture, name, "us");
	}
	ck_assert(fixture_view(&fixture, "u.0", &view));
	ck_assert(view.many_siblings);
	ck_assert(fixture_view(&fixture, "u", &view));
	ck_assert_uint_eq(view.children, LOGGER_FOLD + 1);
	ck_assert(view.placeholder && !view.many_siblings);
	ck_assert(fixture_view(&fixture, "", &view));
	ck_assert(view.configured);
	ck_assert_uint_eq(view.children, 2);
	for (size_t i = 0; i < ARRAY_LEN(leases); i++)
		fixture_close(&fixture, leases[i]);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_counts_how_leases_ended)
{
	struct fixture fixture;
	struct tree_counts counts;

	fixture_init(&fixture);
	tree_close(fixture.tree, fixture_open(&fixture, "x", "us"), LEASE_RELEASED);
	tree_close(fixture.tree, fixture_open(&fixture, "x", "us"), LEASE_CLIENT_EXIT);
	tree_close(fixture.tree, fixture_open(&fixture, "", "us"), LEASE_CLIENT_EXIT);
	counts = tree_counts(fixture.tree);
	ck_assert_uint_eq(counts.opened, 3);
	ck_assert_uint_eq(counts.released, 1);
	ck_assert_uint_eq(counts.client_exit, 2);
	ck_assert_uint_eq(counts.live, 0);
	ck_assert_uint_eq(counts.peak, 1);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(tree_name_of_a_lease_is_canonical)
{
	struct fixture fixture;
	struct lease *root, *deep;

	fixture_init(&fixture);
	root = fixture_open(&fixture, "root", "us");
	deep = fixture_open(&fixture, "a..b", "us");
	ck_assert(span_equal(lease_name(root), span_of("")));
	ck_assert(span_equal(lease_name(deep), span_of("a..b")));
	fixture_close(&fixture, root);
	fixture_close(&fixture, deep);
	fixture_deinit(&fixture);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("tree");
	TCase *routing = tcase_create("routing");
	TCase *life = tcase_create("life");

	tcase_add_loop_test(routing, tree_routes_as_python_does, 0, ARRAY_LEN(routes));
	tcase_add_test(routing, tree_handlers_have_level_and_filter);
	tcase_add_test(routing, tree_reaches_every_handler_of_the_deepest_name);
	tcase_add_test(routing, tree_tells_who_routed_and_at_what_level);
	tcase_add_test(routing, tree_newest_lease_level_wins_and_uncovers);
	tcase_add_test(routing, tree_lease_level_holds_for_descendants);
	suite_add_tcase(suite, routing);
	tcase_add_loop_test(life, tree_placeholders_live_as_long_as_a_descendant, 0,
			    ARRAY_LEN(names));
	tcase_add_test(life, tree_logger_becomes_placeholder_and_back);
	tcase_add_test(life, tree_counts_fold_into_nearest_configured);
	tcase_add_test(life, tree_routing_by_name_creates_nothing);
	tcase_add_test(life, tree_views_say_what_a_node_is);
	tcase_add_test(life, tree_counts_how_leases_ended);
	tcase_add_test(life, tree_name_of_a_lease_is_canonical);
	suite_add_tcase(suite, life);
	return suite;
}
