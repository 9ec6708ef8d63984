/*
 * Proves that the control server gives long answers in slices, one a turn of the loop; that a
 * reader who is slow or stops stalls himself only, and is closed in the end; and that each stream
 * ends exactly once, however it ends.
 */
#include <errno.h>
#include <sys/socket.h>

#include "support/control_fixture.h"
#include "support/suite.h"

#define LOGGERS_REQUEST "{\"verb\":\"loggers\"}\n"

/* The reply on a connection, line by line; the status of its last one. Checks their order. */
static const char *slices_on(int fd, unsigned *slices_out)
{
	static char text[1 << 20];
	static char status[32];
	size_t length = hear(fd, text, sizeof(text), DEADLINE_S);

	close(fd);
	ck_assert_uint_lt(length, sizeof(text));
	*slices_out = 0;
	strcpy(status, "none");
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		json_t *reply = json_loads(line, 0, NULL);
		json_t *slice = json_object_get(json_object_get(reply, "result"), "slice");

		snprintf(status, sizeof(status), "%s",
			 json_string_value(json_object_get(reply, "status")));
		if (slice != NULL)
			ck_assert_int_eq(json_integer_value(slice), (*slices_out)++);
		json_decref(reply);
	}
	return status;
}

static int ask_for_slices(void)
{
	int fd = dial();

	say(fd, LOGGERS_REQUEST, strlen(LOGGERS_REQUEST));
	return fd;
}

/* Runs the loop until so many streams have begun and so many have ended. */
static void wait_for_streams(unsigned begun, unsigned ended)
{
	const time_t deadline = seconds() + DEADLINE_S;

	while (fake.streams_begun < begun || fake.streams_ended < ended) {
		ck_assert_msg(seconds() <= deadline, "%u streams have begun, %u ended",
			      fake.streams_begun, fake.streams_ended);
		turn(1);
	}
}

START_TEST(slices_come_one_by_one)
{
	unsigned slices;

	fake.slices = 500;
	ck_assert_str_eq(slices_on(ask_for_slices(), &slices), "ok");
	ck_assert_uint_eq(slices, 501);
	ck_assert_uint_eq(fake.streams_ended, 1);
}
END_TEST

START_TEST(slices_go_on_after_a_half_close)
{
	unsigned slices;
	int fd = ask_for_slices();

	fake.slices = 100;
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_str_eq(slices_on(fd, &slices), "ok");
	ck_assert_uint_eq(slices, 101);
}
END_TEST

START_TEST(slices_end_with_an_error_without_memory)
{
	unsigned slices;

	fake.slices = 3;
	fake.no_memory = true;
	ck_assert_str_eq(slices_on(ask_for_slices(), &slices), "error");
	ck_assert_uint_eq(slices, 3);
	ck_assert_uint_eq(fake.streams_ended, 1);
}
END_TEST

/* Each turn of the loop makes at most one slice, so that many streams make no longer turns. */
START_TEST(slices_are_made_one_a_turn)
{
	int fds[8];

	fake.slices = 1000;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = ask_for_slices();
	wait_for_streams(ARRAY_LEN(fds), 0);
	for (size_t i = 0; i < 100; i++) {
		unsigned asked = fake.slices_asked;

		turn(1);
		ck_assert_uint_le(fake.slices_asked - asked, 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		unsigned slices;

		ck_assert_str_eq(slices_on(fds[i], &slices), "ok");
		ck_assert_uint_eq(slices, 1001);
	}
}
END_TEST

/* Whoever does not read stalls himself: nothing more is made for him, and others go on. */
START_TEST(slices_that_nobody_reads_stall_their_stream_only)
{
	int deaf = ask_for_slices();
	unsigned asked, slices;

	fake.slices = 50;
	fake.slice_padding = 1 << 20;
	wait_for_streams(1, 0);
	turn(20);
	asked = fake.slices_asked;
	ck_assert_uint_lt(asked, 5);
	turn(50);
	ck_assert_uint_eq(fake.slices_asked, asked);
	fake.slice_padding = 0;
	ck_assert_str_eq(slices_on(ask_for_slices(), &slices), "ok");
	ck_assert_uint_eq(slices, 51);
	ck_assert_str_eq(ask(STATS_REQUEST), "");
	ck_assert_uint_eq(fake.streams_ended, 1);
	close(deaf);
	wait_for_streams(2, 2);
}
END_TEST

START_TEST(slices_that_stall_close_the_connection)
{
	int deaf = ask_for_slices();
	const time_t deadline = seconds() + CONTROL_TIMEOUT_S + DEADLINE_S;

	fake.slices = 50;
	fake.slice_padding = 1 << 20;
	while (fake.streams_ended == 0) {
		ck_assert_msg(seconds() <= deadline, "the stream goes on for ever");
		turn(1);
	}
	close(deaf);
}
END_TEST

START_TEST(slices_end_when_their_reader_goes)
{
	for (int endless = 0; endless <= 1; endless++) {
		unsigned begun = fake.streams_begun;
		int fd = ask_for_slices();

		fake.slices = 1000000;
		fake.endless = endless == 1;
		wait_for_streams(begun + 1, begun);
		turn(5);
		ck_assert_uint_eq(fake.streams_ended, begun);
		close(fd);
		wait_for_streams(begun + 1, begun + 1);
	}
}
END_TEST

START_TEST(slices_go_on_whatever_comes_behind_the_request)
{
	char bytes[8192];
	int fd = ask_for_slices();

	fake.endless = true;
	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < 100; i++) {
		say(fd, bytes, sizeof(bytes));
		turn(3);
	}
	ck_assert_uint_eq(fake.streams_begun, 1);
	ck_assert_uint_eq(fake.streams_ended, 0);
	close(fd);
	wait_for_streams(1, 1);
}
END_TEST

START_TEST(slices_are_for_a_bounded_number)
{
	int fds[CONTROL_STREAMS_MAX];
	unsigned slices;

	fake.endless = true;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = ask_for_slices();
	wait_for_streams(ARRAY_LEN(fds), 0);
	ck_assert_str_eq(ask(LOGGERS_REQUEST), "failed");
	ck_assert_uint_eq(fake.streams_ended, 1);
	ck_assert_str_eq(ask(STATS_REQUEST), "");
	close(fds[0]);
	wait_for_streams(0, 2);
	fake.endless = false;
	ck_assert_str_eq(slices_on(ask_for_slices(), &slices), "ok");
	for (size_t i = 1; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}
END_TEST

START_TEST(slices_end_with_the_server)
{
	int deaf = ask_for_slices(), waiting;

	fake.slices = 50;
	fake.slice_padding = 1 << 20;
	wait_for_streams(1, 0);
	turn(10);
	fake.endless = true;
	waiting = ask_for_slices();
	wait_for_streams(2, 0);
	control_server_free(server);
	server = NULL;
	ck_assert_uint_eq(fake.streams_ended, 2);
	close(deaf);
	close(waiting);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("control_slices");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, control_setup, control_teardown);
	tcase_set_timeout(all, 60);
	tcase_add_test(all, slices_come_one_by_one);
	tcase_add_test(all, slices_go_on_after_a_half_close);
	tcase_add_test(all, slices_end_with_an_error_without_memory);
	tcase_add_test(all, slices_are_made_one_a_turn);
	tcase_add_test(all, slices_that_nobody_reads_stall_their_stream_only);
	tcase_add_test(all, slices_that_stall_close_the_connection);
	tcase_add_test(all, slices_end_when_their_reader_goes);
	tcase_add_test(all, slices_go_on_whatever_comes_behind_the_request);
	tcase_add_test(all, slices_are_for_a_bounded_number);
	tcase_add_test(all, slices_end_with_the_server);
	suite_add_tcase(suite, all);
	return suite;
}
