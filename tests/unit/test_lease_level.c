/*
 * Proves that a client is told what it may filter by itself: the lowest level that another one
 * has set, and that its map or its floor has changed.
 */
#include "route/tree.h"

#include "support/suite.h"
#include "support/tree_fixture.h"

#define NONE (LEVEL_MAX + 1)

START_TEST(lease_floor_is_of_others_only)
{
	struct fixture fixture;
	struct lease *ours, *theirs;
	const char *us = "us";
	const char *them = "them";

	fixture_init(&fixture);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, us), NONE);
	ours = fixture_open(&fixture, "x", us);
	theirs = fixture_open(&fixture, "y", them);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, us), NONE);
	lease_set_level(fixture.tree, ours, 10);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, us), NONE);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, them), 10);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, "somebody new"), 10);
	lease_set_level(fixture.tree, theirs, 30);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, us), 30);
	lease_set_level(fixture.tree, theirs, 10);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, us), 10);
	fixture_close(&fixture, ours);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, us), 10);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, them), NONE);
	lease_set_level(fixture.tree, theirs, LEVEL_NOTSET);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, us), NONE);
	fixture_close(&fixture, theirs);
	fixture_deinit(&fixture);
}
END_TEST

START_TEST(lease_floor_counts_every_lease_of_an_owner)
{
	struct fixture fixture;
	struct lease *first, *second;

	fixture_init(&fixture);
	first = fixture_open(&fixture, "x", "them");
	second = fixture_open(&fixture, "x", "them");
	lease_set_level(fixture.tree, first, LEVEL_MAX);
	lease_set_level(fixture.tree, second, LEVEL_MAX);
	fixture_close(&fixture, first);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, "us"), LEVEL_MAX);
	fixture_close(&fixture, second);
	ck_assert_uint_eq(tree_lease_floor(fixture.tree, "us"), NONE);
	fixture_deinit(&fixture);
}
END_TEST

/* What an owner's lease does after others have set some levels; is it news to anybody? */
static const struct {
	uint8_t others[4]; /* of owners "0" to "3"; 0: nothing set */
	uint8_t owner;
	uint8_t level;
	bool news;
} steps[] = {
	{ { 0 }, 0, 10, true },	      /* the first one */
	{ { 10 }, 1, 10, true },      /* now the first one has a floor, too */
	{ { 10, 10 }, 2, 10, false }, /* all see it already */
	{ { 10, 10 }, 2, 20, false }, /* there is a lower one for all */
	{ { 10, 10 }, 2, 5, true },	 { { 10 }, 1, 20, true }, /* the first one sees it */
	{ { 10, 10, 10 }, 0, 0, false },			  /* two remain */
	{ { 10, 10 }, 0, 0, true },				  /* the other sees none now */
	{ { 10 }, 0, 10, false },				  /* the same again */
	{ { 10, 20, 20 }, 1, 0, true }, /* the third sees 10 as before, but the first: 20 */
};

START_TEST(lease_level_is_news_when_a_floor_moves)
{
	static const char *const owners[] = { "0", "1", "2", "3" };
	struct lease *leases[ARRAY_LEN(owners)];
	uint8_t before[ARRAY_LEN(owners)];
	struct fixture fixture;
	uint64_t generation;
	bool moved = false;

	fixture_init(&fixture);
	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		leases[i] = fixture_open(&fixture, "x", owners[i]);
		lease_set_level(fixture.tree, leases[i], steps[_i].others[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(owners); i++)
		before[i] = tree_lease_floor(fixture.tree, owners[i]);
	generation = tree_level_generation(fixture.tree);
	lease_set_level(fixture.tree, leases[steps[_i].owner], steps[_i].level);
	for (size_t i = 0; i < ARRAY_LEN(owners); i++)
		moved = moved || before[i] != tree_lease_floor(fixture.tree, owners[i]);
	if (moved)
		ck_assert(steps[_i].news);
	ck_assert_int_eq(tree_level_generation(fixture.tree) != generation, steps[_i].news);
	for (size_t i = 0; i < ARRAY_LEN(owners); i++)
		fixture_close(&fixture, leases[i]);
	fixture_deinit(&fixture);
}
END_TEST

/* From one configuration to the next; is the level map another one? */
static const struct {
	const char *before;
	const char *after;
	bool news;
} reloads[] = {
	{ "=20:a x=30", "=20:a x=30", false },
	{ "=20:a x=30", "x=30:b! =20:ab", false },
	{ "=20:a x=30", "=20:a x=40", true },
	{ "=20:a x=30", "=20:a", true },
	{ "=20:a x=30", "=20:a x=0", true },
	{ "=20:a x=30", "=20:a y=30", true },
	{ "=20:a", "=20:a x=0", false },
	{ "=20:a", "=20:a x=30", true },
	{ "=20:a", "=0:a", true },
	{ "=0:a", "", false },
	{ "root=20", "=20", false },
};

START_TEST(configured_level_is_news_when_the_map_changes)
{
	struct fixture fixture;
	uint64_t generation;

	fixture_init(&fixture);
	ck_assert_int_eq(fixture_configure(&fixture, reloads[_i].before), 0);
	generation = tree_level_generation(fixture.tree);
	ck_assert_int_eq(fixture_configure(&fixture, reloads[_i].after), 0);
	ck_assert_int_eq(tree_level_generation(fixture.tree) != generation, reloads[_i].news);
	fixture_deinit(&fixture);
}
END_TEST

static void write_down(const struct level_map_entry *entry, void *arg)
{
	char *text = arg;

	ck_assert_int_eq(entry->kind, LEVEL_MAP_CONFIGURED);
	strncat(text, (const char *)entry->name.ptr, entry->name.len);
	strcat(text, entry->level == 20 ? "=20 " : entry->level == 30 ? "=30 " : "=? ");
}

START_TEST(configured_levels_are_visited)
{
	struct fixture fixture;
	char text[64] = "";

	fixture_init(&fixture);
	tree_each_level(fixture.tree, write_down, text);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(fixture_configure(&fixture, "root=20:a x=0:a x.y=30"), 0);
	tree_each_level(fixture.tree, write_down, text);
	ck_assert_str_eq(text, "=20 x.y=30 ");
	fixture_deinit(&fixture);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("lease_level");
	TCase *floors = tcase_create("floor");
	TCase *news = tcase_create("generation");

	tcase_add_test(floors, lease_floor_is_of_others_only);
	tcase_add_test(floors, lease_floor_counts_every_lease_of_an_owner);
	suite_add_tcase(suite, floors);
	tcase_add_loop_test(news, lease_level_is_news_when_a_floor_moves, 0, ARRAY_LEN(steps));
	tcase_add_loop_test(news, configured_level_is_news_when_the_map_changes, 0,
			    ARRAY_LEN(reloads));
	tcase_add_test(news, configured_levels_are_visited);
	suite_add_tcase(suite, news);
	return suite;
}
