/*
 * Proves that whatever breaks the protocol ends this connection only, with a reason, and that what
 * stood before the breach counts.
 */
#include "intake/client.h"

#include <sys/socket.h>

#include "support/intake_client_fixture.h"
#include "support/suite.h"

START_TEST(nothing_may_come_before_hello)
{
	write_frame_of((uint16_t)_i);
	peer_hello(&peer, "too late");
	peer_say(&peer);
	serve();
	check_violation();
	ck_assert_str_eq(fake_intake_take(&fake), "reject malformed\n");
}
END_TEST

/* FRAME_LEAVE is one that was not agreed to. */
static const uint16_t strange_types[] = { 0, FRAME_LEAVE, 10, 64, 65, 66, 67, 68, 69, 70, 0xffff };

START_TEST(frame_of_unknown_type_ends_the_connection)
{
	greet();
	peer_open(&peer, 1, "app");
	write_frame_of(strange_types[_i]);
	peer_record(&peer, 1, "not taken any more");
	peer_say(&peer);
	serve();
	check_violation();
	ck_assert_str_eq(fake_intake_take(&fake), "open app\nreject malformed\nexit app\n");
}
END_TEST

START_TEST(second_hello_or_id_in_use_ends_the_connection)
{
	greet();
	if (_i == 0) {
		peer_hello(&peer, "again");
	} else {
		peer_open(&peer, 1, "a");
		peer_open(&peer, 1, "a");
	}
	peer_say(&peer);
	serve();
	check_violation();
}
END_TEST

/* Cut anywhere but between frames, a packet is torn; what stands before the tear counts. */
START_TEST(torn_packet_ends_the_connection)
{
	size_t borders[4];
	size_t whole = 0;

	for (uint16_t type = FRAME_HELLO; type <= FRAME_RECORD; type++) {
		write_frame_of(type);
		borders[type - FRAME_HELLO] = peer.packet.len;
	}
	if ((size_t)_i >= peer.packet.len)
		return;
	peer.packet.len = (size_t)_i;
	while (whole < 3 && borders[whole] <= (size_t)_i)
		whole++;
	peer_say(&peer);
	serve();
	if (_i == 0)
		check_ended("end\n"); /* an empty packet is the end of a connection */
	else if (whole > 0 && borders[whole - 1] == (size_t)_i)
		ck_assert_str_eq(peer_heard(&peer), "welcome\nmap\n");
	else
		check_violation();
	ck_assert_uint_eq(fake.records, 0);
}
END_TEST

START_TEST(packet_has_a_largest_size)
{
	static uint8_t text[WIRE_RECORD_MAX];
	const struct frame_record record = {
		.logger_id = 1,
		.level = 20,
		.original_length = sizeof(text),
		.text = span_of_bytes(text, sizeof(text)),
	};
	size_t size = WIRE_PACKET_MAX + (size_t)_i;

	greet();
	frame_write_record(&peer.packet, &record);
	while (size - peer.packet.len > 12) {
		size_t rest = size - peer.packet.len - WIRE_RECORD_OVERHEAD + 4;
		struct frame_record next = record;

		next.text.len = rest < sizeof(text) ? rest : 30000;
		next.original_length = (uint32_t)next.text.len;
		frame_write_record(&peer.packet, &next);
	}
	ck_assert_uint_eq(peer.packet.len, size);
	peer_say(&peer);
	serve();
	if (_i == 0)
		ck_assert_uint_eq(env.violations, 0);
	else
		check_violation();
}
END_TEST

START_TEST(one_packet_may_not_ask_for_more_answers_than_fit)
{
	const struct limits tight = { .clients = 10, .loggers = 100, .uid_share = 1 };

	greet();
	quota_set_limits(env.quota, &tight);
	for (uint32_t id = 1; peer.packet.len < WIRE_PACKET_MAX - 16; id++)
		peer_open(&peer, id, "");
	peer_say(&peer);
	serve();
	ck_assert_uint_eq(env.violations, 1);
	ck_assert_ptr_null(env.list.first);
}
END_TEST

START_TEST(client_that_says_nothing_is_sent_away)
{
	int fds[2];
	struct peer silent;

	env.hello_ms = 1;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	peer_init(&silent, fds[0]);
	ck_assert_int_eq(quota_take(env.quota, QUOTA_CLIENTS, UID, 1), QUOTA_TAKEN);
	ck_assert_int_eq(client_new(&env, fds[1], PID, UID, &client), 0);
	while (env.live == 2)
		event_base_loop(env.base, EVLOOP_ONCE);
	ck_assert_str_eq(peer_heard(&silent), "bye 5 no hello in time\nend\n");
	ck_assert_uint_eq(env.violations, 1);
	ck_assert_str_eq(fake_intake_take(&fake), ""); /* silence is no record */
	peer_close(&silent);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("intake_breaches");
	TCase *breaches = tcase_create("breaches");

	tcase_add_checked_fixture(breaches, fixture_setup, fixture_teardown);
	tcase_add_loop_test(breaches, nothing_may_come_before_hello, FRAME_OPEN, FRAME_LEAVE + 1);
	tcase_add_loop_test(breaches, frame_of_unknown_type_ends_the_connection, 0,
			    ARRAY_LEN(strange_types));
	tcase_add_loop_test(breaches, second_hello_or_id_in_use_ends_the_connection, 0, 2);
	tcase_add_loop_test(breaches, torn_packet_ends_the_connection, 0, 80);
	tcase_add_loop_test(breaches, packet_has_a_largest_size, 0, 2);
	tcase_add_test(breaches, one_packet_may_not_ask_for_more_answers_than_fit);
	tcase_add_test(breaches, client_that_says_nothing_is_sent_away);
	suite_add_tcase(suite, breaches);
	return suite;
}
