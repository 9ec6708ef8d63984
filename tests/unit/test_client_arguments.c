/*
 * Proves the bounds of arguments: what is just within is taken, what is just beyond is refused with
 * its error, and errno never changes. test_client_errors.c has a call for every argument.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"
#include "wire/logger_name.h"

#define MARK 4711 /* no errno that anything sets */

static struct scripted_daemon played;
static struct logfwd_client *client;

static void set_up(void)
{
	daemon_init(&played, true);
	client = daemon_connected_client(&played);
	errno = MARK;
}

static void tear_down(void)
{
	logfwd_client_close(client);
	daemon_deinit(&played);
}

START_TEST(arguments_of_client_open)
{
	char long_path[200];
	struct logfwd_client *other = NULL;
	struct logfwd_options options = { .size = sizeof(options), .socket_path = long_path };
	struct {
		struct logfwd_options known;
		char later[16];
	} larger = { .known = { .size = sizeof(larger), .socket_path = played.path } };

	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	ck_assert_int_eq(logfwd_client_open(NULL, NULL), -EINVAL);
	ck_assert_int_eq(logfwd_client_open(&other, &options), -ENAMETOOLONG);
	options.socket_path = "";
	ck_assert_int_eq(logfwd_client_open(&other, &options), -EINVAL);
	options.socket_path = played.path;
	options.size = 0;
	ck_assert_int_eq(logfwd_client_open(&other, &options), -EINVAL);
	options.size = sizeof(options) - 1;
	ck_assert_int_eq(logfwd_client_open(&other, &options), -EINVAL);
	options.size = sizeof(options);
	options.when_full = (enum logfwd_when_full)2;
	ck_assert_int_eq(logfwd_client_open(&other, &options), -EINVAL);
	larger.later[15] = 1;
	ck_assert_int_eq(logfwd_client_open(&other, &larger.known), -EINVAL);
	ck_assert_ptr_null(other);
	larger.later[15] = 0;
	ck_assert_int_eq(logfwd_client_open(&other, &larger.known), 0);
	logfwd_client_close(other);
	ck_assert_int_eq(errno, MARK);
}
END_TEST

START_TEST(arguments_of_logger_open)
{
	struct logfwd_logger *logger = NULL;
	char name[LOGGER_NAME_MAX + 2];

	memset(name, 'x', sizeof(name));
	name[LOGGER_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(logfwd_logger_open(client, name, &logger), -ENAMETOOLONG);
	for (int i = 0; i < LOGGER_NAME_DEPTH_MAX; i++)
		name[2 * i] = '.';
	name[2 * LOGGER_NAME_DEPTH_MAX] = '\0';
	ck_assert_int_eq(logfwd_logger_open(client, name, &logger), -EINVAL);
	ck_assert_int_eq(logfwd_logger_open(client, NULL, &logger), -EINVAL);
	ck_assert_int_eq(logfwd_logger_open(client, "a", NULL), -EINVAL);
	ck_assert_int_eq(logfwd_logger_open(NULL, "a", &logger), -EINVAL);
	ck_assert_ptr_null(logger);
	ck_assert_int_eq(errno, MARK);
}
END_TEST

START_TEST(arguments_of_the_root)
{
	uint32_t id;

	open_logger(client, "root");
	id = daemon_expect_open(&played, "");
	open_logger(client, "");
	ck_assert_uint_ne(daemon_expect_open(&played, ""), id);
	ck_assert_int_eq(errno, MARK);
}
END_TEST

START_TEST(arguments_of_levels)
{
	struct logfwd_logger *logger = open_logger(client, "a");

	daemon_expect_open(&played, "a");
	ck_assert_int_eq(logfwd_log(logger, 0, "x"), -EINVAL);
	ck_assert_int_eq(logfwd_log(logger, 101, "x"), -EINVAL);
	ck_assert_int_eq(logfwd_log(logger, -1, "x"), -EINVAL);
	ck_assert_int_eq(logfwd_write(logger, 256 + 20, "x", 1), -EINVAL);
	ck_assert_int_eq(logfwd_logger_set_level(logger, -1), -EINVAL);
	ck_assert_int_eq(logfwd_logger_set_level(logger, 101), -EINVAL);
	ck_assert(!logfwd_enabled(logger, 0));
	ck_assert(!logfwd_enabled(logger, 101));
	ck_assert(logfwd_enabled(logger, 100));
	ck_assert(!daemon_has_next(&played, 0));
	ck_assert_uint_eq(client_stats(client).records, 0);
	ck_assert_int_eq(errno, MARK);
}
END_TEST

START_TEST(arguments_of_context)
{
	struct logfwd_logger *logger = open_logger(client, "a");
	char value[CONTEXT_VALUE_MAX + 2], key[32];

	memset(value, 'x', sizeof(value));
	value[CONTEXT_VALUE_MAX + 1] = '\0';
	ck_assert_int_eq(logfwd_logger_set_context(logger, "key", value), -EINVAL);
	ck_assert_int_eq(logfwd_logger_set_context(logger, "a key", "x"), -EINVAL);
	ck_assert_int_eq(logfwd_logger_set_context(logger, "", "x"), -EINVAL);
	ck_assert_int_eq(logfwd_logger_set_context(logger, NULL, "x"), -EINVAL);
	value[CONTEXT_VALUE_MAX] = '\0';
	ck_assert_int_eq(logfwd_logger_set_context(logger, "key", value), 0);
	for (int i = 1; i < CONTEXT_PAIRS_MAX; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		ck_assert_int_eq(logfwd_logger_set_context(logger, key, "x"), 0);
	}
	ck_assert_int_eq(logfwd_logger_set_context(logger, "more", "x"), -E2BIG);
	ck_assert_int_eq(logfwd_logger_set_context(logger, "absent", NULL), 0);
	ck_assert_int_eq(errno, MARK);
}
END_TEST

START_TEST(arguments_of_stats)
{
	struct {
		struct logfwd_client_stats known;
		char later[16];
	} larger = { .known = { .size = sizeof(larger) }, .later = "garbage" };

	ck_assert_int_eq(logfwd_client_stats(NULL, &larger.known), -EINVAL);
	ck_assert_int_eq(logfwd_client_stats(client, NULL), -EINVAL);
	ck_assert_int_eq(logfwd_client_stats(client, &larger.known), 0);
	ck_assert_uint_eq(larger.known.size, sizeof(larger));
	ck_assert_uint_eq(larger.known.connected, 1);
	ck_assert_int_eq(larger.later[0], 0);
	larger.known.size = sizeof(larger.known) - 1;
	ck_assert_int_eq(logfwd_client_stats(client, &larger.known), -EINVAL);
	larger.known.size = 0;
	ck_assert_int_eq(logfwd_client_stats(client, &larger.known), -EINVAL);
	ck_assert_int_eq(errno, MARK);
}
END_TEST

START_TEST(arguments_from_the_environment)
{
	struct scripted_daemon other;
	struct logfwd_client *by_environment;

	daemon_init(&other, true);
	setenv("LOGFWD_SOCKET", other.path, 1);
	ck_assert_int_eq(logfwd_client_open(&by_environment, NULL), 0);
	unsetenv("LOGFWD_SOCKET");
	daemon_accept(&other, program_invocation_short_name);
	logfwd_client_close(by_environment);
	daemon_deinit(&other);
}
END_TEST

START_TEST(arguments_keep_errno_when_nobody_listens)
{
	struct logfwd_logger *logger = open_logger(client, "a");

	daemon_die(&played);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "x"), 0);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "%0*d", 3000, 0), 0);
	ck_assert_int_eq(logfwd_flush(client, 20), -ENOTCONN);
	logfwd_logger_close(logger);
	ck_assert_int_eq(errno, MARK);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_arguments");
	TCase *arguments = tcase_create("arguments");

	tcase_add_checked_fixture(arguments, set_up, tear_down);
	tcase_add_test(arguments, arguments_of_client_open);
	tcase_add_test(arguments, arguments_of_logger_open);
	tcase_add_test(arguments, arguments_of_the_root);
	tcase_add_test(arguments, arguments_of_levels);
	tcase_add_test(arguments, arguments_of_context);
	tcase_add_test(arguments, arguments_of_stats);
	tcase_add_test(arguments, arguments_from_the_environment);
	tcase_add_test(arguments, arguments_keep_errno_when_nobody_listens);
	suite_add_tcase(suite, arguments);
	return suite;
}
