/* Proves that a connection finds its leases by any id, against a plain array, and keeps no memory for those gone. */
#include "intake/lease_table.h"

#include "base/span.h"
#include "support/length.h"
#include "support/suite.h"

#define IDS 512

/* A lease is only compared here: the address of a byte stands for it. */
static char leases[IDS];

static struct lease *lease_of(size_t i)
{
	return (struct lease *)(void *)&leases[i];
}

START_TEST(lease_table_agrees_with_a_plain_array)
{
	struct lease_table table = { .seed = (uint32_t)_i * 77773u };
	bool there[IDS] = { false };
	unsigned random = (unsigned)_i + 1;
	/* ids in a run, in steps that share their low bits, and all over */
	const uint32_t step = (const uint32_t[]){ 1, 1u << 20, 2654435761u }[_i % 3];
	size_t turns = test_steps(200000, 1000000);
	uint32_t count = 0;

	for (size_t turn = 0; turn < turns; turn++) {
		size_t i;

		random = random * 1103515245u + 12345u;
		i = (random >> 8) % IDS;
		ck_assert_ptr_eq(lease_table_find(&table, (uint32_t)i * step),
				 there[i] ? lease_of(i) : NULL);
		if (there[i]) {
			ck_assert_ptr_eq(lease_table_remove(&table, (uint32_t)i * step),
					 lease_of(i));
			count--;
		} else {
			ck_assert_ptr_null(lease_table_remove(&table, (uint32_t)i * step));
			ck_assert_int_eq(lease_table_add(&table, (uint32_t)i * step, lease_of(i)),
					 0);
			count++;
		}
		there[i] = !there[i];
		ck_assert_uint_eq(table.count, count);
		ck_assert_uint_le(table.n_leaves, count);
		ck_assert_uint_le(table.capacity, 4 > count * 8 ? 4 : count * 8);
	}
	for (size_t i = 0; i < IDS; i++)
		ck_assert_ptr_eq(lease_table_find(&table, (uint32_t)i * step),
				 there[i] ? lease_of(i) : NULL);
	lease_table_deinit(&table);
}
END_TEST

START_TEST(lease_table_pop_gives_each_back_once)
{
	struct lease_table table = { .seed = 5 };
	bool seen[IDS] = { false };
	struct lease *lease;
	size_t popped = 0;

	ck_assert_ptr_null(lease_table_pop(&table));
	for (size_t i = 0; i < IDS; i++)
		lease_table_add(&table, (uint32_t)i, lease_of(i));
	ck_assert_uint_eq(table.n_leaves, IDS / 16); /* ids in a row share them */
	while ((lease = lease_table_pop(&table)) != NULL) {
		size_t i = (size_t)((char *)(void *)lease - leases);

		ck_assert(!seen[i]);
		seen[i] = true;
		popped++;
	}
	ck_assert_uint_eq(popped, IDS);
	ck_assert_uint_eq(table.count, 0);
	lease_table_deinit(&table);
}
END_TEST

START_TEST(lease_table_next_meets_each_once)
{
	struct lease_table table = { .seed = 5 };
	bool seen[IDS] = { false };
	uint64_t cursor = 0;
	struct lease *lease;
	size_t met = 0;

	ck_assert_ptr_null(lease_table_next(&table, &cursor));
	for (size_t i = 0; i < IDS; i++)
		lease_table_add(&table, (uint32_t)i * 7, lease_of(i));
	while ((lease = lease_table_next(&table, &cursor)) != NULL) {
		size_t i = (size_t)((char *)(void *)lease - leases);

		ck_assert(!seen[i]);
		seen[i] = true;
		met++;
	}
	ck_assert_uint_eq(met, IDS);
	lease_table_pop(&table);
	ck_assert_ptr_null(lease_table_next(&table, &cursor)); /* it stays behind the last one */
	lease_table_deinit(&table);
}
END_TEST

START_TEST(lease_table_is_empty_once_all_are_gone)
{
	struct lease_table table = { .seed = 9 };

	for (uint32_t i = 0; i < IDS; i++)
		lease_table_add(&table, i, lease_of(i));
	for (uint32_t i = 0; i < IDS; i++)
		lease_table_remove(&table, i);
	ck_assert_uint_eq(table.capacity, 0);
	ck_assert_ptr_null(table.places);
	ck_assert_ptr_null(lease_table_find(&table, 3));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("lease_table");
	TCase *all = tcase_create("all");
	TCase *random = tcase_create("random");

	tcase_set_tags(random, LONG_TAG);
	tcase_add_loop_test(random, lease_table_agrees_with_a_plain_array, 0, 6);
	suite_add_tcase(suite, random);
	tcase_add_test(all, lease_table_pop_gives_each_back_once);
	tcase_add_test(all, lease_table_next_meets_each_once);
	tcase_add_test(all, lease_table_is_empty_once_all_are_gone);
	suite_add_tcase(suite, all);
	return suite;
}
