/*
 * Proves that the leases of clients that have ended are given back in short turns, however many there
 * are of them, and that others who keep the loop busy cannot hold that up.
 */
#include <sys/socket.h>

#include "support/intake_client_fixture.h"
#include "support/suite.h"

START_TEST(leases_of_a_client_that_went_are_given_back_in_slices)
{
	const size_t count = 9000;

	greet();
	for (uint32_t id = 1; id <= count; id++) {
		peer_open(&peer, id * 7919, "Connection.x");
		if (id % 1000 == 0) {
			peer_say(&peer);
			serve();
		}
	}
	ck_assert_uint_eq(fake.leases, count);
	peer_close(&peer);
	client_drain(client);
	ck_assert(client_view(client).ended);
	ck_assert(client_view(client).loggers == count);
	fake.end_us = 1;
	for (size_t before = count; before > 0; before = fake.leases) {
		ck_assert_uint_eq(quota_held(env.quota, QUOTA_LOGGERS), before);
		serve_short_turn();
		ck_assert_uint_ge(fake.leases + 4096, before); /* a bounded slice a turn */
	}
	serve();
	ck_assert_uint_eq(quota_held(env.quota, QUOTA_LOGGERS), 0);
	ck_assert_uint_eq(env.live, 0);
	ck_assert_ptr_null(strstr(fake_intake_take(&fake), "close "));
}
END_TEST

#define ENDING 4

/* Clients with a lease each, which they leave open when they end; to give it back takes a while. */
static void end_some(int64_t end_us)
{
	struct client *clients[ENDING];
	struct peer peers[ENDING];
	int fds[2];

	for (size_t i = 0; i < ENDING; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
		peer_init(&peers[i], fds[0]);
		ck_assert_int_eq(quota_take(env.quota, QUOTA_CLIENTS, UID, 1), QUOTA_TAKEN);
		ck_assert_int_eq(client_new(&env, fds[1], PID, UID, &clients[i]), 0);
		peer_hello(&peers[i], "shop");
		peer_open(&peers[i], 1, "app");
		peer_say(&peers[i]);
	}
	serve();
	ck_assert_uint_eq(fake.leases, ENDING);
	fake.end_us = end_us;
	for (size_t i = 0; i < ENDING; i++) {
		client_end(clients[i], 0, NULL);
		peer_close(&peers[i]);
	}
}

START_TEST(clients_that_end_at_once_share_the_turns)
{
	end_some(5000); /* longer than a turn has for all of them */
	for (size_t left = ENDING; left > 0; left--) {
		ck_assert_uint_eq(fake.leases, left);
		serve_short_turn();
	}
	ck_assert_uint_eq(fake.leases, 0);
	ck_assert_uint_eq(env.live, 1); /* the fixture's own */
}
END_TEST

START_TEST(who_ends_has_a_part_of_long_turns)
{
	end_some(1000);
	env.reclaim_asked_us -= 60000000; /* others have kept the loop busy since then */
	event_base_loop(env.base, EVLOOP_ONCE);
	ck_assert_uint_eq(fake.leases, 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_reclaim");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, fixture_setup, fixture_teardown);
	tcase_add_test(all, leases_of_a_client_that_went_are_given_back_in_slices);
	tcase_add_test(all, clients_that_end_at_once_share_the_turns);
	tcase_add_test(all, who_ends_has_a_part_of_long_turns);
	suite_add_tcase(suite, all);
	return suite;
}
