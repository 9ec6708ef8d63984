/* Proves how a server's errors are counted: by errno, within bounds, and which of two came last. */
#include "output/server_account.h"

#include <errno.h>

#include "support/suite.h"

START_TEST(errors_are_counted_by_kind)
{
	struct server_account account = { 0 };

	server_account_error(&account, ECONNREFUSED, 10);
	server_account_error(&account, EPERM, 20);
	server_account_error(&account, ECONNREFUSED, 30);
	ck_assert_uint_eq(account.n_errors, 2);
	ck_assert_int_eq(account.errors[0].error, ECONNREFUSED);
	ck_assert_uint_eq(account.errors[0].count, 2);
	ck_assert_int_eq(account.errors[1].error, EPERM);
	ck_assert_uint_eq(account.errors[1].count, 1);
	ck_assert_int_eq(account.last_error, ECONNREFUSED);
	ck_assert_int_eq(account.last_error_ms, 30);
}
END_TEST

START_TEST(more_kinds_than_there_is_room_for_are_counted_too)
{
	struct server_account account = { 0 };
	uint64_t sum = 0;

	for (int error = 1; error <= 2 * SERVER_ERRNOS_MAX; error++)
		server_account_error(&account, error, error);
	ck_assert_uint_eq(account.n_errors, SERVER_ERRNOS_MAX);
	for (size_t i = 0; i < account.n_errors; i++)
		sum += account.errors[i].count;
	ck_assert_uint_eq(sum, 2 * SERVER_ERRNOS_MAX);
	ck_assert_int_eq(account.last_error, 2 * SERVER_ERRNOS_MAX);
}
END_TEST

START_TEST(the_later_error_is_told)
{
	struct server_account none = { 0 }, first = { 0 }, second = { 0 };

	server_account_error(&first, EPERM, 10);
	server_account_error(&second, ECONNREFUSED, 20);
	ck_assert_ptr_eq(server_account_later(NULL, &none), &none);
	ck_assert_ptr_eq(server_account_later(&none, &first), &first);
	ck_assert_ptr_eq(server_account_later(&first, &none), &first);
	ck_assert_ptr_eq(server_account_later(&first, &second), &second);
	ck_assert_ptr_eq(server_account_later(&second, &first), &second);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("server_account");
	TCase *all = tcase_create("all");

	tcase_add_test(all, errors_are_counted_by_kind);
	tcase_add_test(all, more_kinds_than_there_is_room_for_are_counted_too);
	tcase_add_test(all, the_later_error_is_told);
	suite_add_tcase(suite, all);
	return suite;
}
