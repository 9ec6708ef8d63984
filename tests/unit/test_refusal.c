/*
 * Proves that every reason has a name of its own, that what a client is told names the bound, and
 * that bounds of quota and name become the reason they stand for.
 */
#include "intake/refusal.h"

#include <string.h>

#include "support/suite.h"

static const enum refusal_kind kinds[] = { REFUSED_CLIENT, REFUSED_LOGGER, REFUSED_CONTEXT };

START_TEST(every_reason_has_a_name_of_its_own)
{
	for (int i = 0; i < REFUSALS; i++) {
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(refusal_name((enum refusal)i),
					 refusal_name((enum refusal)k));
	}
}
END_TEST

START_TEST(a_bound_is_named_by_its_option)
{
	static const char *const options[] = { "limits.clients", "limits.loggers",
					       "limits.context-bytes" };

	ck_assert_ptr_nonnull(strstr(refusal_text(kinds[_i], REFUSAL_LIMIT), options[_i]));
	ck_assert_ptr_nonnull(strstr(refusal_text(kinds[_i], REFUSAL_UID_SHARE), options[_i]));
	ck_assert_ptr_nonnull(strstr(refusal_text(kinds[_i], REFUSAL_UID_SHARE), "share"));
	ck_assert_str_eq(refusal_text(kinds[_i], REFUSAL_MEMORY), "out of memory");
	ck_assert_ptr_null(refusal_text(kinds[_i], REFUSAL_NONE));
}
END_TEST

START_TEST(names_are_refused_in_the_words_of_their_check)
{
	static const enum logger_name_error errors[] = { LOGGER_NAME_TOO_LONG, LOGGER_NAME_TOO_DEEP,
							 LOGGER_NAME_HAS_NUL };
	static const enum refusal refusals[] = { REFUSAL_NAME_TOO_LONG, REFUSAL_NAME_TOO_DEEP,
						 REFUSAL_NAME_HAS_NUL };

	ck_assert_int_eq(refusal_of_name(errors[_i]), refusals[_i]);
	ck_assert_str_eq(refusal_text(REFUSED_LOGGER, refusals[_i]),
			 logger_name_error_text(errors[_i]));
	ck_assert_ptr_null(refusal_text(REFUSED_CLIENT, refusals[_i]));
	ck_assert_ptr_null(refusal_text(REFUSED_CONTEXT, refusals[_i]));
	ck_assert_int_eq(refusal_code(REFUSED_LOGGER, refusals[_i]), FRAME_ERROR_NAME);
	ck_assert_int_eq(refusal_of_name(LOGGER_NAME_OK), REFUSAL_NONE);
}
END_TEST

START_TEST(quotas_become_reasons)
{
	ck_assert_int_eq(refusal_of_quota(QUOTA_TAKEN), REFUSAL_NONE);
	ck_assert_int_eq(refusal_of_quota(QUOTA_LIMIT), REFUSAL_LIMIT);
	ck_assert_int_eq(refusal_of_quota(QUOTA_SHARE), REFUSAL_UID_SHARE);
	ck_assert_int_eq(refusal_of_quota(QUOTA_NO_MEMORY), REFUSAL_MEMORY);
}
END_TEST

START_TEST(a_client_is_told_by_the_code_of_the_protocol)
{
	ck_assert_int_eq(refusal_code(REFUSED_CLIENT, REFUSAL_UID_SHARE), FRAME_ERROR_CLIENTS);
	ck_assert_int_eq(refusal_code(REFUSED_CLIENT, REFUSAL_DESCRIPTORS), FRAME_ERROR_CLIENTS);
	ck_assert_int_eq(refusal_code(REFUSED_CLIENT, REFUSAL_MEMORY), FRAME_ERROR_MEMORY);
	ck_assert_int_eq(refusal_code(REFUSED_LOGGER, REFUSAL_LIMIT), FRAME_ERROR_LIMIT);
	ck_assert_int_eq(refusal_code(REFUSED_LOGGER, REFUSAL_MEMORY), FRAME_ERROR_MEMORY);
	ck_assert_int_eq(refusal_code(REFUSED_CONTEXT, REFUSAL_MEMORY), FRAME_ERROR_CONTEXT);
}
END_TEST

START_TEST(sums_are_of_their_kind)
{
	struct refusal_counts counts = { 0 };

	counts.of[REFUSED_LOGGER][REFUSAL_LIMIT] = 3;
	counts.of[REFUSED_LOGGER][REFUSAL_MEMORY] = 4;
	counts.of[REFUSED_CONTEXT][REFUSAL_KEY] = 5;
	ck_assert_uint_eq(refusal_sum(&counts, REFUSED_CLIENT), 0);
	ck_assert_uint_eq(refusal_sum(&counts, REFUSED_LOGGER), 7);
	ck_assert_uint_eq(refusal_sum(&counts, REFUSED_CONTEXT), 5);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("refusal");
	TCase *all = tcase_create("all");

	tcase_add_test(all, every_reason_has_a_name_of_its_own);
	tcase_add_loop_test(all, a_bound_is_named_by_its_option, 0, 3);
	tcase_add_loop_test(all, names_are_refused_in_the_words_of_their_check, 0, 3);
	tcase_add_test(all, quotas_become_reasons);
	tcase_add_test(all, a_client_is_told_by_the_code_of_the_protocol);
	tcase_add_test(all, sums_are_of_their_kind);
	suite_add_tcase(suite, all);
	return suite;
}
