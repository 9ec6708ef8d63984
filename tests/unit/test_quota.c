/* Proves that no user takes more than its share, nobody more than there is, and nothing is kept of who left. */
#include "intake/quota.h"

#include "support/suite.h"

static const struct limits limits = { .clients = 8, .loggers = 100, .uid_share = 25 };

START_TEST(quota_gives_a_user_its_share)
{
	CLEANUP(quota_free) struct quota *quota = quota_new(&limits);

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(quota_take(quota, QUOTA_CLIENTS, 1000, 1), QUOTA_TAKEN);
	ck_assert_int_eq(quota_take(quota, QUOTA_CLIENTS, 1000, 1), QUOTA_SHARE);
	ck_assert_int_eq(quota_take(quota, QUOTA_LOGGERS, 1000, 1), QUOTA_TAKEN);
	ck_assert_int_eq(quota_take(quota, QUOTA_CLIENTS, 1256, 1), QUOTA_TAKEN); /* same bucket */
	quota_release(quota, QUOTA_CLIENTS, 1000, 1);
	ck_assert_int_eq(quota_take(quota, QUOTA_CLIENTS, 1000, 1), QUOTA_TAKEN);
}
END_TEST

START_TEST(quota_gives_all_users_the_limit)
{
	CLEANUP(quota_free) struct quota *quota = quota_new(&limits);

	for (uid_t uid = 0; uid < 4; uid++) {
		quota_take(quota, QUOTA_CLIENTS, uid, 1);
		quota_take(quota, QUOTA_CLIENTS, uid, 1);
	}
	ck_assert_uint_eq(quota_held(quota, QUOTA_CLIENTS), 8);
	ck_assert_int_eq(quota_take(quota, QUOTA_CLIENTS, 99, 1), QUOTA_LIMIT);
	quota_release(quota, QUOTA_CLIENTS, 0, 1);
	ck_assert_int_eq(quota_take(quota, QUOTA_CLIENTS, 99, 1), QUOTA_TAKEN);
}
END_TEST

START_TEST(quota_share_is_at_least_one)
{
	const struct limits tiny = { .clients = 3, .loggers = 3, .uid_share = 1 };
	CLEANUP(quota_free) struct quota *quota = quota_new(&tiny);

	ck_assert_int_eq(quota_take(quota, QUOTA_LOGGERS, 5, 1), QUOTA_TAKEN);
	ck_assert_int_eq(quota_take(quota, QUOTA_LOGGERS, 5, 1), QUOTA_SHARE);
}
END_TEST

START_TEST(quota_new_limits_keep_what_is_held)
{
	CLEANUP(quota_free) struct quota *quota = quota_new(&limits);

	quota_take(quota, QUOTA_CLIENTS, 1, 1);
	quota_take(quota, QUOTA_CLIENTS, 1, 1);
	quota_set_limits(quota, &(struct limits){ .clients = 1, .loggers = 1, .uid_share = 100 });
	ck_assert_uint_eq(quota_held(quota, QUOTA_CLIENTS), 2);
	ck_assert_int_eq(quota_take(quota, QUOTA_CLIENTS, 2, 1), QUOTA_LIMIT);
	quota_release(quota, QUOTA_CLIENTS, 1, 1);
	quota_release(quota, QUOTA_CLIENTS, 1, 1);
	ck_assert_int_eq(quota_take(quota, QUOTA_CLIENTS, 2, 1), QUOTA_TAKEN);
}
END_TEST

START_TEST(quota_remembers_many_users_and_forgets_them)
{
	const struct limits wide = { .clients = 100000, .loggers = 1, .uid_share = 100 };
	CLEANUP(quota_free) struct quota *quota = quota_new(&wide);

	for (uid_t uid = 0; uid < 10000; uid++)
		ck_assert_int_eq(quota_take(quota, QUOTA_CLIENTS, uid, 1), QUOTA_TAKEN);
	for (uid_t uid = 0; uid < 10000; uid++)
		quota_release(quota, QUOTA_CLIENTS, uid, 1);
	ck_assert_uint_eq(quota_held(quota, QUOTA_CLIENTS), 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("quota");
	TCase *all = tcase_create("all");

	tcase_add_test(all, quota_gives_a_user_its_share);
	tcase_add_test(all, quota_gives_all_users_the_limit);
	tcase_add_test(all, quota_share_is_at_least_one);
	tcase_add_test(all, quota_new_limits_keep_what_is_held);
	tcase_add_test(all, quota_remembers_many_users_and_forgets_them);
	suite_add_tcase(suite, all);
	return suite;
}
