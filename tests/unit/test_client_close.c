/*
 * Proves that closing a client tells the daemon that its loggers are closed, so that it is not taken
 * for dead: in one frame where that is agreed, else in one for each.
 */
#include <check.h>
#include <stdio.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"
#include "wire/level.h"

static struct scripted_daemon played;
static struct logfwd_client *client;

static void set_up(void)
{
	daemon_init(&played, true);
}

static void tear_down(void)
{
	logfwd_client_close(client);
	client = NULL;
	daemon_deinit(&played);
}

START_TEST(close_ends_each_lease)
{
	const uint32_t count = 5000; /* several packets of them */
	bool closed[5001] = { false };
	struct logfwd_logger *first = NULL;
	struct frame_close close;
	char name[32];

	client = daemon_connected_client(&played);
	for (uint32_t id = 1; id <= count; id++) {
		struct logfwd_logger *logger;

		snprintf(name, sizeof(name), "open.%u", (unsigned)id);
		logger = open_logger(client, name);
		ck_assert_uint_eq(daemon_expect_open(&played, name), id);
		first = first == NULL ? logger : first;
	}
	logfwd_logger_close(first);
	daemon_expect_close(&played, 1);
	logfwd_client_close(client);
	client = NULL;
	for (uint32_t i = 1; i < count; i++) {
		struct frame frame = daemon_next(&played);

		ck_assert_int_eq(frame.type, FRAME_CLOSE);
		ck_assert(frame_parse_close(frame.body, &close));
		ck_assert(close.logger_id > 1 && close.logger_id <= count);
		ck_assert(!closed[close.logger_id]);
		closed[close.logger_id] = true;
	}
	ck_assert(daemon_is_left_alone(&played));
}
END_TEST

/* The welcome is read at the close at the latest. */
START_TEST(close_is_one_frame_where_that_is_agreed)
{
	char name[32];

	client = daemon_client(&played, (struct logfwd_options){ 0 });
	daemon_accept(&played, NULL);
	for (uint32_t id = 1; id <= 300; id++) {
		snprintf(name, sizeof(name), "open.%u", (unsigned)id);
		open_logger(client, name);
		ck_assert_uint_eq(daemon_expect_open(&played, name), id);
	}
	daemon_welcome_with(&played, FEATURE_LEAVE, NULL, 0);
	daemon_say_levels(&played, LEVEL_MAX + 1, NULL, 0);
	logfwd_client_close(client);
	client = NULL;
	ck_assert_int_eq(daemon_next(&played).type, FRAME_LEAVE);
	ck_assert(daemon_is_left_alone(&played));
}
END_TEST

/* A frame that it knows nothing of would be a breach to it. */
START_TEST(close_of_a_daemon_without_the_feature_has_no_such_frame)
{
	struct frame_close close;
	struct frame frame;

	client = daemon_client(&played, (struct logfwd_options){ 0 });
	daemon_accept(&played, NULL);
	open_logger(client, "app");
	ck_assert_uint_eq(daemon_expect_open(&played, "app"), 1);
	if (_i == 1)
		daemon_welcome_with(&played, FEATURE_LEVEL_PAGE, NULL, 0);
	logfwd_client_close(client);
	client = NULL;
	frame = daemon_next(&played);
	ck_assert_int_eq(frame.type, FRAME_CLOSE);
	ck_assert(frame_parse_close(frame.body, &close));
	ck_assert_uint_eq(close.logger_id, 1);
	ck_assert(daemon_is_left_alone(&played));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_close");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, close_ends_each_lease);
	tcase_add_test(all, close_is_one_frame_where_that_is_agreed);
	tcase_add_loop_test(all, close_of_a_daemon_without_the_feature_has_no_such_frame, 0, 2);
	suite_add_tcase(suite, all);
	return suite;
}
