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
	ck_assert(quota_exceeded(quota, QUOTA_CLIENTS, 1));
	ck_assert(quota_exceeded(quota, QUOTA_CLIENTS, 2)); /* all hold too much, whoever asks */
	ck_assert(!quota_exceeded(quota, QUOTA_LOGGERS, 1));
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

static uint64_t min_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static const struct {
	uint32_t clients;
	uint64_t rings, descriptors;
	uint32_t clients_left;
	uint64_t rings_left;
} fits[] = {
	{ 10000, 252, 65392, 10000, 252 }, /* all have room */
	{ 10000, 252, 10252, 10000, 252 },
	{ 10000, 252, 10251, 9999, 252 },
	{ 10000, 252, 3952, 3700, 252 },
	{ 10000, 252, 56, 42, 14 },
	{ 100, 252, 200, 100, 100 }, /* a ring needs a client */
	{ 100, 252, 150, 100, 50 },  /* rings give way */
	{ 100, 252, 120, 90, 30 },   /* down to a quarter */
	{ 100, 0, 50, 50, 0 },
	{ 100, 252, 0, 1, 0 },
};

START_TEST(limits_fit_into_descriptors)
{
	const size_t ring_size = 4096;
	struct limits fitted = { .clients = fits[_i].clients,
				 .ring_bytes = fits[_i].rings * ring_size };

	limits_fit(&fitted, fits[_i].descriptors, ring_size);
	ck_assert_uint_eq(fitted.clients, fits[_i].clients_left);
	/* what no client can have needs no descriptor */
	ck_assert_uint_eq(min_of(fitted.ring_bytes / ring_size, fitted.clients),
			  fits[_i].rings_left);
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
	tcase_add_loop_test(all, limits_fit_into_descriptors, 0, ARRAY_LEN(fits));
	suite_add_tcase(suite, all);
	return suite;
}
