/* Proves that the check of the accounts closes on true ones, and fails for every number that is off, missing or no number. */
#include "ctl/ledger.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "support/sample_stats.h"
#include "support/suite.h"

/* Every number that the ledgers are made of: its object's path, "/" between, and its key. */
static const struct {
	const char *path;
	const char *key;
} numbers[] = {
	{ "records", "received" },
	{ "records", "accepted" },
	{ "records", "filtered" },
	{ "records", "rate_limited" },
	{ "records", "no_handler" },
	{ "records", "rejected" },
	{ "records", "deliveries" },
	{ "records/rejected_by", "malformed" },
	{ "records/rejected_by", "oversize" },
	{ "records/rejected_by", "unknown_logger" },
	{ "targets/central", "enqueued" },
	{ "targets/central", "sent" },
	{ "targets/central/dropped", "queue_full" },
	{ "targets/central/dropped", "oversize" },
	{ "targets/central", "queued" },
	{ "targets/central", "notices" },
	{ "targets/audit \"new\"", "enqueued" },
	{ "targets/audit \"new\"", "sent" },
	{ "targets/audit \"new\"/dropped", "queue_full" },
	{ "targets/audit \"new\"", "queued" },
	{ "targets/audit \"new\"", "notices" },
	{ "targets/audit \"new\"/servers/10.0.0.2:514", "enqueued" }, /* as of a mirror */
	{ "targets/audit \"new\"/servers/10.0.0.2:514", "sent" },
	{ "targets/audit \"new\"/servers/10.0.0.2:514", "queued" },
	{ "targets/audit \"new\"/servers/10.0.0.2:514/dropped", "queue_full" },
	{ "removed", "enqueued" },
	{ "removed", "sent" },
	{ "removed", "dropped" },
	{ "removed", "notices" },
	{ "recorder", "kept" },
	{ "recorder", "sent" },
	{ "recorder", "forgotten" },
	{ "recorder", "held" },
	{ "", "notices" },
};

static json_t *object_at(json_t *stats, const char *path)
{
	while (*path != '\0') {
		size_t length = strcspn(path, "/");

		stats = json_object_getn(stats, path, length);
		path += length + (path[length] == '/' ? 1 : 0);
	}
	ck_assert(json_is_object(stats));
	return stats;
}

/* Takes stats. */
static bool closes(json_t *stats)
{
	json_t *equations = ledger_check(stats);
	bool closed;

	ck_assert_ptr_nonnull(equations);
	closed = ledger_closes(equations);
	json_decref(equations);
	json_decref(stats);
	return closed;
}

START_TEST(ledger_closes_on_true_accounts)
{
	ck_assert(closes(sample_stats()));
}
END_TEST

START_TEST(ledger_does_not_trust_the_daemon)
{
	json_t *stats = sample_stats();

	json_object_set_new(stats, "balanced", json_false());
	ck_assert(closes(stats));
	stats = sample_stats();
	json_object_set_new(json_object_get(stats, "records"), "received", json_integer(101));
	ck_assert(!closes(stats));
}
END_TEST

START_TEST(ledger_sees_every_number_that_is_off)
{
	static const json_int_t steps[] = { 1, -1, 1000000007 };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		json_t *stats = sample_stats();
		json_t *object = object_at(stats, numbers[_i].path);
		json_t *number = json_object_get(object, numbers[_i].key);

		ck_assert(json_is_integer(number));
		json_integer_set(number, json_integer_value(number) + steps[i]);
		ck_assert(!closes(stats));
	}
}
END_TEST

/* A reason of a drop may be missing, if it never occurred; every other number must be there. */
START_TEST(ledger_sees_every_number_that_is_missing)
{
	json_t *stats = sample_stats();
	json_t *object = object_at(stats, numbers[_i].path);
	json_int_t value = json_integer_value(json_object_get(object, numbers[_i].key));
	bool reason = strstr(numbers[_i].path, "dropped") != NULL;

	json_object_del(object, numbers[_i].key);
	ck_assert_int_eq(closes(stats), reason && value == 0);
}
END_TEST

START_TEST(ledger_sees_every_number_that_is_none)
{
	json_t *const strange[] = { json_string("1"), json_real(1.0), json_true(),
				    json_null(),      json_array(),   json_integer(-1) };

	for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
		json_t *stats = sample_stats();

		json_object_set_new(object_at(stats, numbers[_i].path), numbers[_i].key,
				    strange[i]);
		ck_assert(!closes(stats));
	}
}
END_TEST

START_TEST(ledger_sees_an_overflow)
{
	json_t *stats = sample_stats();
	json_t *records = json_object_get(stats, "records");

	json_object_set_new(records, "accepted", json_integer(INT64_MAX));
	ck_assert(!closes(stats));
}
END_TEST

START_TEST(ledger_says_what_is_off_by_how_much)
{
	json_t *stats = sample_stats(), *equations, *equation;
	json_t *sent = json_object_get(object_at(stats, "targets/central"), "sent");
	size_t i, off = 0;

	json_integer_set(sent, 47);
	equations = ledger_check(stats);
	json_array_foreach(equations, i, equation)
	{
		const char *ledger = json_string_value(json_object_get(equation, "ledger"));

		if (json_is_true(json_object_get(equation, "closes")))
			continue;
		off++;
		ck_assert_str_eq(ledger, "target central");
		ck_assert_int_eq(json_integer_value(json_object_get(equation, "left_sum")), 62);
		ck_assert_int_eq(json_integer_value(json_object_get(equation, "right_sum")), 59);
	}
	ck_assert_uint_eq(off, 1);
	json_decref(equations);
	json_decref(stats);
}
END_TEST

START_TEST(ledger_names_the_number_that_is_missing)
{
	json_t *stats = sample_stats(), *equations;
	const char *fault;

	json_object_del(json_object_get(stats, "records"), "filtered");
	equations = ledger_check(stats);
	fault = json_string_value(json_object_get(json_array_get(equations, 0), "fault"));
	ck_assert_pstr_eq(fault, "records.filtered is missing");
	json_decref(equations);
	json_decref(stats);
}
END_TEST

START_TEST(ledger_fails_on_no_accounts)
{
	ck_assert(!closes(json_object()));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("ledger");
	TCase *check_case = tcase_create("check");
	const int count = ARRAY_LEN(numbers);

	tcase_add_test(check_case, ledger_closes_on_true_accounts);
	tcase_add_test(check_case, ledger_does_not_trust_the_daemon);
	tcase_add_loop_test(check_case, ledger_sees_every_number_that_is_off, 0, count);
	tcase_add_loop_test(check_case, ledger_sees_every_number_that_is_missing, 0, count);
	tcase_add_loop_test(check_case, ledger_sees_every_number_that_is_none, 0, count);
	tcase_add_test(check_case, ledger_sees_an_overflow);
	tcase_add_test(check_case, ledger_says_what_is_off_by_how_much);
	tcase_add_test(check_case, ledger_names_the_number_that_is_missing);
	tcase_add_test(check_case, ledger_fails_on_no_accounts);
	suite_add_tcase(suite, check_case);
	return suite;
}
