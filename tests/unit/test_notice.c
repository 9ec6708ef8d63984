/*
 * Proves that a loss is summed by reason with its first and last time, and said in one small
 * datagram; and likewise what a rate limit has suppressed.
 */
#include "output/notice.h"

#include <string.h>

#include "support/suite.h"

#define FIRST_US INT64_C(1700000000000001)
#define LAST_US	 INT64_C(1700000003000002)

static struct timestamp_cache timestamps;
static uint8_t scratch[NOTICE_SCRATCH_BYTES];

static struct notice_env env_of(enum format_kind kind, const char *host)
{
	return (struct notice_env){
		.kind = kind,
		.facility = 16,
		.datagram_bytes = DATAGRAM_BYTES_MIN,
		.host = span_of(host),
		.pid = 4711,
		.timestamps = &timestamps,
	};
}

/* The text stands behind the header. */
static struct span whole(const struct datagram *datagram)
{
	ck_assert_ptr_eq(datagram->text.ptr, datagram->header.ptr + datagram->header.len);
	return span_of_bytes(datagram->header.ptr, datagram->header.len + datagram->text.len);
}

static const char *notice_text(const struct notice_env *env, const struct loss *loss)
{
	static char text[NOTICE_SCRATCH_BYTES + 1];
	struct datagram datagram;
	struct span bytes;

	notice_format(env, loss, LAST_US, scratch, &datagram);
	bytes = whole(&datagram);
	ck_assert_uint_le(bytes.len, env->datagram_bytes);
	memcpy(text, bytes.ptr, bytes.len);
	text[bytes.len] = '\0';
	return text;
}

START_TEST(drop_reasons_have_distinct_names)
{
	for (int i = 0; i < DROP_REASONS; i++) {
		const char *name = drop_reason_name((enum drop_reason)i);

		ck_assert_str_ne(name, "");
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(name, drop_reason_name((enum drop_reason)k));
	}
}
END_TEST

START_TEST(loss_keeps_first_and_last)
{
	struct loss loss = { 0 };

	loss_add(&loss, DROP_QUEUE_FULL, 2, FIRST_US);
	loss_add(&loss, DROP_OVERSIZE, 1, FIRST_US + 1);
	loss_add(&loss, DROP_QUEUE_FULL, 3, LAST_US);
	ck_assert_uint_eq(loss.records, 6);
	ck_assert_uint_eq(loss.by_reason[DROP_QUEUE_FULL], 5);
	ck_assert_uint_eq(loss.by_reason[DROP_OVERSIZE], 1);
	ck_assert_int_eq(loss.first_us, FIRST_US);
	ck_assert_int_eq(loss.last_us, LAST_US);
}
END_TEST

START_TEST(notice_names_the_most_affected)
{
	struct notice_env env = env_of(FORMAT_RFC5424, "host");
	struct loss loss = { 0 };

	loss_add(&loss, DROP_QUEUE_FULL, 3, FIRST_US);
	ck_assert_ptr_null(strstr(notice_text(&env, &loss), "affected")); /* nobody is known */
	prefixes_add(&loss.loggers, span_of("app.db.1"));
	prefixes_add(&loss.loggers, span_of("app.db.2"));
	prefixes_add(&loss.loggers, span_of("other"));
	ck_assert_ptr_nonnull(
		strstr(notice_text(&env, &loss), "Z; most affected app.db, at least 2"));
}
END_TEST

START_TEST(notice_says_how_many_why_and_when)
{
	struct notice_env env = env_of(FORMAT_RFC5424, "host");
	struct loss loss = { 0 };

	loss_add(&loss, DROP_QUEUE_FULL, 2, FIRST_US);
	loss_add(&loss, DROP_OVERSIZE, 1, LAST_US);
	ck_assert_str_eq(notice_text(&env, &loss),
			 "<132>1 2023-11-14T22:13:23.000002Z host logfwdd 4711 - "
			 "[logfwd@32473 logger=\"logfwd\"] 3 records lost: queue_full 2, "
			 "oversize 1; first 2023-11-14T22:13:20.000001Z, "
			 "last 2023-11-14T22:13:23.000002Z");
	env.sequence_id = 9;
	loss = (struct loss){ 0 };
	loss_add(&loss, DROP_SHUTDOWN, 1, FIRST_US);
	ck_assert_ptr_nonnull(strstr(notice_text(&env, &loss),
				     "[meta sequenceId=\"9\"] 1 record lost: shutdown 1; first "));
}
END_TEST

START_TEST(notice_is_said_in_the_shape_of_the_target)
{
	const struct notice_env env = env_of(FORMAT_RFC3164, "host");
	struct loss loss = { 0 };

	loss_add(&loss, DROP_QUEUE_FULL, 1, FIRST_US);
	ck_assert_int_eq(strncmp(notice_text(&env, &loss), "<132>Nov ", 9), 0);
	ck_assert_ptr_nonnull(
		strstr(notice_text(&env, &loss), " host logfwdd[4711]: 1 record lost"));
}
END_TEST

/* The longest host, the largest numbers and every reason, in the smallest datagram. */
START_TEST(notice_always_fits)
{
	static const enum format_kind kinds[] = { FORMAT_RFC5424, FORMAT_RFC3164 };
	char host[256];
	struct notice_env env = env_of(kinds[_i], "");
	struct loss loss = { .records = UINT64_MAX, .first_us = FIRST_US, .last_us = LAST_US };

	memset(host, 'h', 255);
	host[255] = '\0';
	env.host = span_of(host);
	env.sequence_id = INT32_MAX;
	for (int i = 0; i < DROP_REASONS; i++)
		loss.by_reason[i] = UINT64_MAX;
	ck_assert_ptr_nonnull(
		strstr(notice_text(&env, &loss), " 18446744073709551615 records lost"));
}
END_TEST

START_TEST(suppression_is_said_with_its_handler_and_times)
{
	struct notice_env env = env_of(FORMAT_RFC5424, "host");
	struct suppression suppression = { 0 };
	struct datagram datagram;

	suppression_add(&suppression, FIRST_US);
	ck_assert_int_eq(suppression.last_us, FIRST_US);
	suppression_add(&suppression, FIRST_US + 1);
	suppression_add(&suppression, LAST_US);
	notice_format_suppression(&env, &suppression, "billing", LAST_US, scratch, &datagram);
	ck_assert(span_equal(whole(&datagram),
			     span_of("<132>1 2023-11-14T22:13:23.000002Z host logfwdd 4711 - "
				     "[logfwd@32473 logger=\"logfwd\"] 3 records suppressed by "
				     "rate-limit of handler billing; "
				     "first 2023-11-14T22:13:20.000001Z, "
				     "last 2023-11-14T22:13:23.000002Z")));
}
END_TEST

/* The longest host and name of a handler, and the largest number, in the smallest datagram. */
START_TEST(suppression_always_fits)
{
	static const enum format_kind kinds[] = { FORMAT_RFC5424, FORMAT_RFC3164 };
	const struct suppression suppression = { UINT64_MAX, FIRST_US, LAST_US };
	char host[256], name[65];
	struct notice_env env = env_of(kinds[_i], "");
	struct datagram datagram;

	memset(host, 'h', sizeof(host));
	host[sizeof(host) - 1] = '\0';
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	env.host = span_of(host);
	notice_format_suppression(&env, &suppression, name, LAST_US, scratch, &datagram);
	ck_assert_uint_gt(whole(&datagram).len, 400);
	ck_assert_uint_le(whole(&datagram).len, DATAGRAM_BYTES_MIN);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("notice");
	TCase *all = tcase_create("all");

	tcase_add_test(all, drop_reasons_have_distinct_names);
	tcase_add_test(all, loss_keeps_first_and_last);
	tcase_add_test(all, notice_says_how_many_why_and_when);
	tcase_add_test(all, notice_names_the_most_affected);
	tcase_add_test(all, notice_is_said_in_the_shape_of_the_target);
	tcase_add_loop_test(all, notice_always_fits, 0, 2);
	tcase_add_test(all, suppression_is_said_with_its_handler_and_times);
	tcase_add_loop_test(all, suppression_always_fits, 0, 2);
	suite_add_tcase(suite, all);
	return suite;
}
