/*
 * Proves that the table finds what it holds at every size, on the way up and down, gives its
 * memory back, and goes on without memory.
 */
#include "route/hash_table.h"

#include <errno.h>
#include <stdbool.h>

#include "support/failing_memory.h"
#include "support/suite.h"

#define ENTRIES 5000

struct entry {
	struct hash_link link;
	bool seen;
};

/* Spread, and the same for pairs of neighbours. */
static uint32_t hash_of(size_t i)
{
	return (uint32_t)(i / 2) * 2654435761u;
}

static bool table_has(const struct hash_table *table, const struct entry *entry)
{
	struct hash_link *link = hash_table_find(table, entry->link.hash);

	while (link != NULL && link != &entry->link)
		link = hash_link_next(link);
	return link != NULL;
}

/* Marks those of a class as seen, which none was; returns how many there are. */
static size_t visit_class(const struct hash_table *table, uint32_t classes, uint32_t class)
{
	struct hash_link *link = NULL;
	size_t count = 0;

	while ((link = hash_table_in_class(table, classes, class, link)) != NULL) {
		struct entry *entry = hash_entry(link, struct entry, link);

		ck_assert(!entry->seen);
		entry->seen = true;
		count++;
	}
	return count;
}

/* All from first to last are there and nothing else. */
static void check_holds(const struct hash_table *table, struct entry *entries, size_t first,
			size_t last)
{
	uint32_t classes = hash_table_classes(table);
	size_t walked = 0;

	for (size_t i = 0; i < ENTRIES; i++) {
		entries[i].seen = false;
		ck_assert_int_eq(table_has(table, &entries[i]), i >= first && i < last);
	}
	for (uint32_t class = 0; class < classes; class ++)
		walked += visit_class(table, classes, class);
	ck_assert_uint_eq(walked, last - first);
	ck_assert_uint_eq(table->count, last - first);
}

static void add(struct hash_table *table, struct entry *entries, size_t i)
{
	entries[i].link.hash = hash_of(i);
	hash_table_add(table, &entries[i].link);
}

START_TEST(hash_table_finds_all_on_the_way_up_and_down)
{
	static struct entry entries[ENTRIES];
	struct hash_table table;

	ck_assert_int_eq(hash_table_init(&table), 0);
	for (size_t i = 0; i < ENTRIES; i++) {
		add(&table, entries, i);
		if (i % 512 == 0)
			check_holds(&table, entries, 0, i + 1);
	}
	ck_assert_uint_ge(table.n_buckets, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++) {
		hash_table_remove(&table, &entries[i].link);
		if (i % 512 == 0)
			check_holds(&table, entries, i + 1, ENTRIES);
	}
	check_holds(&table, entries, 0, 0);
	ck_assert_uint_le(table.capacity, 64);
	hash_table_deinit(&table);
}
END_TEST

/* Of a walk in slices, the first half of the entries lives all the time; the others come or go. */
static void walk_while(bool growing)
{
	static struct entry entries[ENTRIES];
	struct hash_table table;
	uint32_t classes;
	size_t at = ENTRIES / 2;

	memset(entries, 0, sizeof(entries));
	ck_assert_int_eq(hash_table_init(&table), 0);
	for (size_t i = 0; i < (growing ? at : ENTRIES); i++)
		add(&table, entries, i);
	classes = hash_table_classes(&table);
	for (uint32_t class = 0; class < classes; class ++) {
		visit_class(&table, classes, class);
		for (int step = 0; step < 4 && at < ENTRIES; step++, at++) {
			if (growing)
				add(&table, entries, at);
			else
				hash_table_remove(&table, &entries[at].link);
		}
	}
	ck_assert_uint_eq(at, ENTRIES);
	for (size_t i = 0; i < ENTRIES / 2; i++)
		ck_assert(entries[i].seen);
	hash_table_deinit(&table);
}

START_TEST(hash_table_walk_meets_all_that_live_while_it_grows)
{
	walk_while(true);
}
END_TEST

START_TEST(hash_table_walk_meets_all_that_live_while_it_shrinks)
{
	walk_while(false);
}
END_TEST

START_TEST(hash_table_last_added_of_a_hash_comes_first)
{
	struct entry entries[3] = { { .link.hash = 7 }, { .link.hash = 7 }, { .link.hash = 7 } };
	struct hash_table table;
	struct hash_link *link;

	ck_assert_int_eq(hash_table_init(&table), 0);
	for (size_t i = 0; i < 3; i++)
		hash_table_add(&table, &entries[i].link);
	link = hash_table_find(&table, 7);
	for (size_t i = 3; i-- > 0; link = hash_link_next(link))
		ck_assert_ptr_eq(link, &entries[i].link);
	ck_assert_ptr_null(link);
	ck_assert_ptr_null(hash_table_find(&table, 8));
	hash_table_deinit(&table);
}
END_TEST

START_TEST(hash_table_works_on_without_memory)
{
	static struct entry entries[ENTRIES];
	struct hash_table table;
	size_t capacity;
	int result;

	memory_fail_after(0);
	result = hash_table_init(&table);
	ck_assert(memory_heal());
	ck_assert_int_eq(result, -ENOMEM);
	hash_table_deinit(&table);
	ck_assert_int_eq(hash_table_init(&table), 0);
	capacity = table.capacity;
	memory_fail_after(0);
	for (size_t i = 0; i < ENTRIES; i++)
		add(&table, entries, i);
	ck_assert(memory_heal());
	ck_assert_uint_eq(table.capacity, capacity);
	check_holds(&table, entries, 0, ENTRIES);
	for (size_t i = 0; i < ENTRIES / 2; i++)
		hash_table_remove(&table, &entries[i].link);
	for (size_t i = 0; i < ENTRIES / 2; i++)
		hash_table_add(&table, &entries[i].link);
	check_holds(&table, entries, 0, ENTRIES);
	ck_assert_uint_gt(table.capacity, capacity);
	memory_fail_after(0); /* a smaller block is not to be had either */
	for (size_t i = 0; i < ENTRIES; i++)
		hash_table_remove(&table, &entries[i].link);
	memory_heal();
	check_holds(&table, entries, 0, 0);
	hash_table_deinit(&table);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("hash_table");
	TCase *table = tcase_create("table");

	tcase_add_test(table, hash_table_walk_meets_all_that_live_while_it_grows);
	tcase_add_test(table, hash_table_walk_meets_all_that_live_while_it_shrinks);
	tcase_add_test(table, hash_table_finds_all_on_the_way_up_and_down);
	tcase_add_test(table, hash_table_last_added_of_a_hash_comes_first);
	tcase_add_test(table, hash_table_works_on_without_memory);
	suite_add_tcase(suite, table);
	return suite;
}
