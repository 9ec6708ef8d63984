/*
 * Proves what is said of clients that are gone: each by itself while they come slowly, the rest
 * of a storm in one sum that leaves nobody out; and that no claim of a client forges a field.
 */
#include "client_ends.h"

#include <stdio.h>

#include "support/suite.h"

#define NOW_US INT64_C(1700000000000000)

static struct user_names *names;

static void setup(void)
{
	char path[] = "/tmp/logfwd-users-XXXXXX";
	static const char text[] = "root:x:0:0::/root:/bin/sh\n"
				   "www-data:x:33:33::/var/www:/bin/false\n"
				   "broken line\n"
				   "again:x:33:33::/:/bin/false\n"
				   "odd name:x:34:34::/:/bin/false\n";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	names = user_names_read(path);
	unlink(path);
	ck_assert_ptr_nonnull(names);
}

static void teardown(void)
{
	user_names_free(names);
}

static const char *text_of(const struct writer *writer)
{
	static char text[CLIENT_ENDS_TEXT_BYTES + 1];

	ck_assert(!writer->failed);
	memcpy(text, writer->ptr, writer->len);
	text[writer->len] = '\0';
	return text;
}

static const char *end_text(const struct client_exit *exit)
{
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	client_end_write(exit, names, &writer);
	return text_of(&writer);
}

START_TEST(end_says_who_and_what_it_had)
{
	const struct client_exit exit = {
		.pid = 4711,
		.uid = 33,
		.app = span_of("shop"),
		.records = 120,
		.loggers = 3,
		.sent = 12,
	};

	ck_assert_str_eq(end_text(&exit), "client gone: pid=4711 uid=33 user=www-data program=shop "
					  "loggers=3 records=120 recorded=12");
}
END_TEST

START_TEST(end_of_an_unknown_user_has_its_number)
{
	const struct client_exit exit = { .pid = 1, .uid = 4294967294u };

	ck_assert_str_eq(end_text(&exit), "client gone: pid=1 uid=4294967294 user=4294967294 "
					  "program=- loggers=0 records=0 recorded=0");
}
END_TEST

START_TEST(names_are_one_word_each)
{
	const struct client_exit exit = { .uid = 34, .app = span_of("a loggers=9\n\"]") };

	ck_assert_ptr_nonnull(
		strstr(end_text(&exit), " user=odd_name program=a_loggers=9_\"] loggers=0 "));
}
END_TEST

START_TEST(longest_texts_fit)
{
	char app[255];
	struct client_exit exit = {
		.pid = INT32_MAX,
		.uid = UINT32_MAX,
		.app = span_of_bytes(app, sizeof(app)),
		.records = UINT64_MAX,
		.loggers = UINT64_MAX,
		.sent = UINT64_MAX,
	};
	struct client_ends ends = { .clients = UINT64_MAX,
				    .loggers = UINT64_MAX,
				    .records = UINT64_MAX,
				    .sent = UINT64_MAX };
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	memset(app, 'a', sizeof(app));
	end_text(&exit);
	client_ends_write(&ends, &writer);
	ck_assert_ptr_nonnull(strstr(text_of(&writer), " more clients gone: loggers="));
}
END_TEST

START_TEST(storm_is_summed_up)
{
	const struct client_exit exit = { .loggers = 2, .records = 3, .sent = 1 };
	struct client_ends ends = { 0 };
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	size_t told = 0;

	for (int i = 0; i < 500; i++)
		told += client_ends_admit(&ends, &exit, 1000, NOW_US + i * 1000) ? 1 : 0;
	ck_assert_uint_eq(told, CLIENT_ENDS_BURST);
	ck_assert(!client_ends_due(&ends, 1999));
	ck_assert(client_ends_due(&ends, 2000));
	client_ends_write(&ends, &writer);
	ck_assert_str_eq(text_of(&writer),
			 "450 more clients gone: loggers=900 records=1350 recorded=450; "
			 "first 2023-11-14T22:13:20.050000Z, last 2023-11-14T22:13:20.499000Z");
	ck_assert(!client_ends_due(&ends, 100000));
	/* the bucket is as empty as it was: a sum is no reason to tell more */
	told = 0;
	for (int i = 0; i < 100; i++)
		told += client_ends_admit(&ends, &exit, 2000, NOW_US) ? 1 : 0;
	ck_assert_uint_eq(told, CLIENT_ENDS_RATE);
}
END_TEST

START_TEST(users_of_an_unreadable_file_are_unknown)
{
	struct user_names *none = user_names_read("/nonexistent/passwd");

	ck_assert_ptr_nonnull(none);
	ck_assert_uint_eq(user_names_find(none, 0).len, 0);
	user_names_free(none);
	ck_assert(span_equal(user_names_find(names, 0), span_of("root")));
	ck_assert_uint_eq(user_names_find(names, 32).len, 0);
	ck_assert_uint_eq(user_names_find(names, 35).len, 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_ends");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, end_says_who_and_what_it_had);
	tcase_add_test(all, end_of_an_unknown_user_has_its_number);
	tcase_add_test(all, names_are_one_word_each);
	tcase_add_test(all, longest_texts_fit);
	tcase_add_test(all, storm_is_summed_up);
	tcase_add_test(all, users_of_an_unreadable_file_are_unknown);
	suite_add_tcase(suite, all);
	return suite;
}
