/* Proves that nothing a daemon says harms a client: it is used, ignored, or the connection ends. */
#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "support/length.h"
#include "support/scripted_daemon.h"
#include "support/suite.h"

static struct scripted_daemon played;

static void set_up(void)
{
	daemon_init(&played, true);
}

static void tear_down(void)
{
	daemon_deinit(&played);
}

#define HEAD(type, length) type, 0, 0, 0, length, 0, 0, 0
#define WELCOME		   HEAD(65, 10), 1, 0, 0, 0, 0, 0, 0, 0, 1, 0

static const struct {
	const char *what;
	size_t length;
	uint8_t bytes[48];
	bool is_borne; /* the connection goes on */
} packets[] = {
	{ "a welcome", 18, { WELCOME }, true },
	{ "a welcome and an empty map", 31, { WELCOME, HEAD(66, 5), 101 }, true },
	{ "an error of no known kind", 33, { WELCOME, HEAD(68, 7), 99 }, true },
	{ "an answer that nobody asked for", 30, { WELCOME, HEAD(67, 4), 7 }, true },
	{ "a torn header", 7, { HEAD(65, 10) }, false },
	{ "a torn body", 17, { WELCOME }, false },
	{ "a body of 4 GiB", 12, { 65, 0, 0, 0, 255, 255, 255, 255 }, false },
	{ "reserved bits", 18, { 65, 0, 1, 0, 10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0 }, false },
	{ "another version", 18, { HEAD(65, 10), 2, 0, 0, 0, 0, 0, 0, 0, 1, 0 }, false },
	{ "features that were not offered",
	  18,
	  { HEAD(65, 10), 1, 0, 8, 0, 0, 0, 0, 0, 1, 0 },
	  false },
	{ "records beyond the maximum", 18, { HEAD(65, 10), 1, 0, 0, 0, 0, 0, 1, 0, 1, 0 }, false },
	{ "two welcomes", 36, { WELCOME, WELCOME }, false },
	{ "an unknown type", 26, { WELCOME, HEAD(71, 0) }, false },
	{ "room in a ring that is not", 26, { WELCOME, HEAD(70, 0) }, false },
	{ "a client's type", 30, { WELCOME, HEAD(8, 4) }, false },
	{ "a map before the welcome", 13, { HEAD(66, 5), 101 }, false },
	{ "a map that announces more than it has",
	  31,
	  { WELCOME, HEAD(66, 5), 101, 255, 255 },
	  false },
	{ "a map with level 0", 34, { WELCOME, HEAD(66, 8), 101, 1, 0, 0, 0, 1, 'a', 0 }, false },
	{ "a map with a rest", 32, { WELCOME, HEAD(66, 6), 101 }, false },
	{ "a torn error", 30, { WELCOME, HEAD(68, 4) }, false },
	{ "a torn goodbye", 12, { HEAD(69, 4) }, false },
	{ "a good frame and a torn one", 22, { WELCOME, 67, 0, 0, 0 }, false },
};

START_TEST(hostile_packet_is_borne_or_ends_the_connection)
{
	struct logfwd_client *client = daemon_client(&played, (struct logfwd_options){ 0 });
	struct logfwd_logger *logger = open_logger(client, "a");

	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "a");
	daemon_say_bytes(&played, packets[_i].bytes, packets[_i].length);
	logfwd_flush(client, 0);
	if (packets[_i].is_borne) {
		daemon_expect_flush(&played);
		ck_assert_int_eq(logfwd_log(logger, LOGFWD_CRITICAL, "on"), 0);
		daemon_expect_record(&played, 1, "on");
	} else {
		ck_assert_msg(daemon_is_left_alone(&played), "%s", packets[_i].what);
		ck_assert_int_eq(logfwd_log(logger, LOGFWD_CRITICAL, "kept"), 0);
		ck_assert_uint_eq(client_stats(client).buffered, 1);
	}
	logfwd_client_close(client);
}
END_TEST

START_TEST(hostile_packet_may_be_larger_than_any)
{
	static uint8_t huge[WIRE_PACKET_MAX + 1] = { WELCOME };
	struct logfwd_client *client = daemon_client(&played, (struct logfwd_options){ 0 });
	int bytes = 4 * WIRE_PACKET_MAX;

	daemon_accept(&played, NULL);
	setsockopt(played.peer, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	daemon_say_bytes(&played, huge, sizeof(huge));
	logfwd_flush(client, 0);
	ck_assert(daemon_is_left_alone(&played));
	logfwd_client_close(client);
}
END_TEST

START_TEST(hostile_daemon_talks_without_end)
{
	struct logfwd_client *client = daemon_connected_client(&played);
	struct logfwd_logger *logger = open_logger(client, "a");
	uint8_t map[13] = { HEAD(66, 5), 101 };

	daemon_expect_open(&played, "a");
	while (send(played.peer, map, sizeof(map), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "meanwhile"), 0);
		daemon_expect_record(&played, 1, "meanwhile");
	}
	logfwd_client_close(client);
}
END_TEST

/* Bytes of no meaning, and those of a meaning with one of them changed: the same each time. */
START_TEST(hostile_noise_does_no_harm)
{
	static const uint8_t good[] = { WELCOME, HEAD(66, 8), 101, 1, 0, 0, 0, 1, 'a', 20 };
	size_t rounds = test_steps(1000, 200000);
	uint8_t bytes[sizeof(good)];

	srand(1);
	for (size_t round = 0; round < rounds; round++) {
		struct logfwd_client *client = daemon_client(&played, (struct logfwd_options){ 0 });
		struct logfwd_logger *logger = open_logger(client, "a");

		memcpy(bytes, good, sizeof(bytes));
		if (round % 2 == 0)
			bytes[rand() % (int)sizeof(bytes)] = (uint8_t)rand();
		for (size_t i = 0; i < sizeof(bytes) && round % 2 == 1; i++)
			bytes[i] = (uint8_t)rand();
		daemon_accept(&played, NULL);
		daemon_say_bytes(&played, bytes, 1 + (size_t)rand() % sizeof(bytes));
		logfwd_flush(client, 0);
		ck_assert_int_eq(logfwd_log(logger, LOGFWD_EMERGENCY + 30, "x"), 0);
		logfwd_client_close(client);
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_hostile");
	TCase *hostile = tcase_create("hostile");
	TCase *noise = tcase_create("noise");

	tcase_set_timeout(hostile, 60);
	tcase_add_checked_fixture(hostile, set_up, tear_down);
	tcase_add_loop_test(hostile, hostile_packet_is_borne_or_ends_the_connection, 0,
			    ARRAY_LEN(packets));
	tcase_add_test(hostile, hostile_packet_may_be_larger_than_any);
	tcase_add_test(hostile, hostile_daemon_talks_without_end);
	suite_add_tcase(suite, hostile);
	tcase_set_tags(noise, LONG_TAG);
	tcase_set_timeout(noise, 60);
	tcase_add_checked_fixture(noise, set_up, tear_down);
	tcase_add_test(noise, hostile_noise_does_no_harm);
	suite_add_tcase(suite, noise);
	return suite;
}
