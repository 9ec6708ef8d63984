/* Proves that a client filters by the daemon's map and its own leases, and hears of changes. */
#include <check.h>
#include <errno.h>
#include <time.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"
#include "wire/level.h"

#define NO_FLOOR (LEVEL_MAX + 1)

static struct scripted_daemon played;
static struct logfwd_client *client;

static void set_up(void)
{
	daemon_init(&played, true);
	client = daemon_connected_client(&played);
}

static void tear_down(void)
{
	logfwd_client_close(client);
	daemon_deinit(&played);
}

/* Lets the client read what was said; the daemon sees a flush. */
static void listen_up(void)
{
	logfwd_flush(client, 0);
	daemon_expect_flush(&played);
}

START_TEST(levels_of_the_map_filter)
{
	struct level_map_entry entries[] = {
		{ span_of(""), LEVEL_MAP_CONFIGURED, LEVEL_WARNING },
		{ span_of("app"), LEVEL_MAP_CONFIGURED, LEVEL_DEBUG },
	};
	struct logfwd_logger *app = open_logger(client, "app.db"),
			     *other = open_logger(client, "x");
	uint32_t id = daemon_expect_open(&played, "app.db");

	daemon_expect_open(&played, "x");
	ck_assert(logfwd_enabled(app, 1)); /* no level anywhere yet */
	daemon_say_levels(&played, NO_FLOOR, entries, ARRAY_LEN(entries));
	listen_up();
	ck_assert(logfwd_enabled(app, LEVEL_DEBUG));
	ck_assert(!logfwd_enabled(app, LEVEL_DEBUG - 1));
	ck_assert(!logfwd_enabled(other, LEVEL_INFO));
	ck_assert(logfwd_enabled(other, LEVEL_WARNING));
	ck_assert_int_eq(logfwd_log(other, LEVEL_INFO, "filtered"), 0);
	ck_assert_int_eq(logfwd_write(other, LEVEL_INFO, "filtered", 8), 0);
	ck_assert_int_eq(logfwd_log(app, LEVEL_INFO, "passes"), 0);
	daemon_expect_record(&played, id, "passes");
	ck_assert_uint_eq(client_stats(client).filtered, 2);
	logfwd_logger_close(other);
	ck_assert_uint_eq(client_stats(client).filtered, 2);
	ck_assert_uint_eq(client_stats(client).records, 1);
}
END_TEST

/* Another process's "a." would be the parent of "a..b", and nobody here knows of it. */
START_TEST(names_with_two_dots_are_left_to_the_daemon)
{
	struct level_map_entry entries[] = { { span_of(""), LEVEL_MAP_CONFIGURED, LEVEL_ERROR } };
	struct logfwd_logger *odd = open_logger(client, "a..b"),
			     *plain = open_logger(client, "a.b");

	daemon_expect_open(&played, "a..b");
	daemon_expect_open(&played, "a.b");
	daemon_say_levels(&played, NO_FLOOR, entries, ARRAY_LEN(entries));
	listen_up();
	ck_assert(logfwd_enabled(odd, LEVEL_DEBUG));
	ck_assert(!logfwd_enabled(plain, LEVEL_DEBUG));
}
END_TEST

START_TEST(levels_of_own_leases_come_first_and_end_with_them)
{
	struct level_map_entry entries[] = { { span_of(""), LEVEL_MAP_CONFIGURED, LEVEL_INFO } };
	struct logfwd_logger *parent = open_logger(client, "a"),
			     *child = open_logger(client, "a.b");

	daemon_expect_open(&played, "a");
	daemon_expect_open(&played, "a.b");
	daemon_say_levels(&played, NO_FLOOR, entries, ARRAY_LEN(entries));
	listen_up();
	ck_assert(!logfwd_enabled(child, LEVEL_DEBUG));
	logfwd_logger_set_level(parent, LEVEL_DEBUG);
	ck_assert(logfwd_enabled(child, LEVEL_DEBUG));
	logfwd_logger_set_level(child, LEVEL_ERROR);
	ck_assert(!logfwd_enabled(child, LEVEL_WARNING));
	ck_assert(logfwd_enabled(parent, LEVEL_DEBUG));
	logfwd_logger_set_level(child, 0);
	ck_assert(logfwd_enabled(child, LEVEL_DEBUG));
	logfwd_logger_close(parent);
	ck_assert(!logfwd_enabled(child, LEVEL_DEBUG));
	ck_assert(logfwd_enabled(child, LEVEL_INFO));
}
END_TEST

START_TEST(levels_below_which_another_client_listens_pass)
{
	struct level_map_entry entries[] = { { span_of(""), LEVEL_MAP_CONFIGURED, LEVEL_WARNING } };
	struct logfwd_logger *logger = open_logger(client, "a");

	daemon_expect_open(&played, "a");
	daemon_say_levels(&played, LEVEL_INFO, entries, ARRAY_LEN(entries));
	listen_up();
	ck_assert(logfwd_enabled(logger, LEVEL_INFO));
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO - 1));
	daemon_say_levels(&played, LEVEL_CRITICAL, entries, ARRAY_LEN(entries));
	listen_up();
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	ck_assert(logfwd_enabled(logger, LEVEL_WARNING));
}
END_TEST

/* A level of the logger's own by an operator is exact; one from above may be undercut. */
START_TEST(levels_by_operators_are_exact_where_they_are_given)
{
	struct level_map_entry entries[] = {
		{ span_of(""), LEVEL_MAP_CONFIGURED, LEVEL_WARNING },
		{ span_of("a"), LEVEL_MAP_OVERRIDE, LEVEL_ERROR },
		{ span_of("conn"), LEVEL_MAP_OVERRIDE_PREFIX, LEVEL_ERROR },
	};
	struct logfwd_logger *exact = open_logger(client, "a"), *below = open_logger(client, "a.b"),
			     *begun = open_logger(client, "connection.1");

	daemon_expect_open(&played, "a");
	daemon_expect_open(&played, "a.b");
	daemon_expect_open(&played, "connection.1");
	ck_assert_int_eq(logfwd_logger_set_level(exact, LEVEL_DEBUG), 0);
	daemon_say_levels(&played, LEVEL_INFO, entries, ARRAY_LEN(entries));
	logfwd_flush(client, 0);
	ck_assert(!logfwd_enabled(exact, LEVEL_ERROR - 1));
	ck_assert(logfwd_enabled(exact, LEVEL_ERROR));
	ck_assert(!logfwd_enabled(begun, LEVEL_ERROR - 1));
	ck_assert(logfwd_enabled(begun, LEVEL_ERROR));
	ck_assert(logfwd_enabled(below, LEVEL_INFO)); /* another process may lease "a.b" */
	ck_assert(!logfwd_enabled(below, LEVEL_INFO - 1));
}
END_TEST

START_TEST(levels_hold_nothing_back_from_a_recorder)
{
	struct level_map_entry entries[] = {
		{ span_of(""), LEVEL_MAP_CONFIGURED, LEVEL_WARNING },
		{ span_of("a"), LEVEL_MAP_RECORDER, 1 },
		{ span_of("a"), LEVEL_MAP_OVERRIDE, LEVEL_ERROR },
		{ span_of("a.off"), LEVEL_MAP_RECORDER, 0 },
	};
	struct logfwd_logger *at = open_logger(client, "a"), *below = open_logger(client, "a.b.c"),
			     *off = open_logger(client, "a.off.x"),
			     *beside = open_logger(client, "ab");

	daemon_say_levels(&played, NO_FLOOR, entries, ARRAY_LEN(entries));
	logfwd_flush(client, 0);
	ck_assert(logfwd_enabled(at, 1));
	ck_assert(logfwd_enabled(below, 1));
	ck_assert(!logfwd_enabled(off, LEVEL_INFO));
	ck_assert(!logfwd_enabled(beside, LEVEL_INFO));
	daemon_say_levels(&played, NO_FLOOR, entries, 1);
	logfwd_flush(client, 0);
	ck_assert(!logfwd_enabled(at, LEVEL_INFO));
	ck_assert(!logfwd_enabled(below, LEVEL_INFO));
}
END_TEST

START_TEST(levels_of_a_daemon_that_is_gone_hold_until_the_next_one_speaks)
{
	struct level_map_entry entries[] = { { span_of(""), LEVEL_MAP_CONFIGURED, LEVEL_WARNING } };
	struct logfwd_logger *logger = open_logger(client, "a");

	daemon_expect_open(&played, "a");
	daemon_say_levels(&played, NO_FLOOR, entries, ARRAY_LEN(entries));
	listen_up();
	daemon_die(&played);
	logfwd_flush(client, 0);
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	entries[0].level = LEVEL_DEBUG;
	daemon_listen(&played);
	while (client_stats(client).connected == 1)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	daemon_welcome(&played, WIRE_RECORD_MAX);
	daemon_say_levels(&played, NO_FLOOR, entries, ARRAY_LEN(entries));
	logfwd_flush(client, 0);
	ck_assert(logfwd_enabled(logger, LEVEL_DEBUG));
}
END_TEST

START_TEST(levels_before_any_daemon_are_those_of_own_leases)
{
	struct logfwd_client *alone;
	struct scripted_daemon absent;
	struct logfwd_logger *logger, *plain;

	daemon_init(&absent, false);
	alone = daemon_client(&absent, (struct logfwd_options){ 0 });
	logger = open_logger(alone, "a");
	plain = open_logger(alone, "b");
	logfwd_logger_set_level(logger, LEVEL_ERROR);
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	ck_assert(logfwd_enabled(plain, 1));
	daemon_listen(&absent);
	while (client_stats(alone).connected == 0)
		logfwd_flush(alone, 10);
	ck_assert(logfwd_enabled(logger, LEVEL_INFO)); /* the daemon may know better: it decides */
	logfwd_client_close(alone);
	daemon_deinit(&absent);
}
END_TEST

/* Nothing but disabled calls: the change must arrive all the same, within its 100 ms or so. */
START_TEST(levels_reach_a_client_that_logs_nothing)
{
	struct level_map_entry entries[] = { { span_of(""), LEVEL_MAP_CONFIGURED, LEVEL_WARNING } };
	struct logfwd_logger *logger = open_logger(client, "a");
	struct timespec begin, now;

	daemon_expect_open(&played, "a");
	daemon_say_levels(&played, NO_FLOOR, entries, ARRAY_LEN(entries));
	listen_up();
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	entries[0].level = LEVEL_INFO;
	daemon_say_levels(&played, NO_FLOOR, entries, ARRAY_LEN(entries));
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (!logfwd_enabled(logger, LEVEL_INFO)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		ck_assert_int_lt(now.tv_sec - begin.tv_sec, 3);
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_levels");
	TCase *levels = tcase_create("levels");

	tcase_set_timeout(levels, 30);
	tcase_add_checked_fixture(levels, set_up, tear_down);
	tcase_add_test(levels, levels_of_the_map_filter);
	tcase_add_test(levels, names_with_two_dots_are_left_to_the_daemon);
	tcase_add_test(levels, levels_of_own_leases_come_first_and_end_with_them);
	tcase_add_test(levels, levels_below_which_another_client_listens_pass);
	tcase_add_test(levels, levels_by_operators_are_exact_where_they_are_given);
	tcase_add_test(levels, levels_hold_nothing_back_from_a_recorder);
	tcase_add_test(levels, levels_of_a_daemon_that_is_gone_hold_until_the_next_one_speaks);
	tcase_add_test(levels, levels_before_any_daemon_are_those_of_own_leases);
	tcase_add_test(levels, levels_reach_a_client_that_logs_nothing);
	suite_add_tcase(suite, levels);
	return suite;
}
