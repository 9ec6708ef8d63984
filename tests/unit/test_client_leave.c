/*
 * Proves that a client that leaves has closed all its leases, whatever their number, in slices, and
 * is no death; that this is for those only who have agreed to it, and the last that they say.
 */
#include "intake/client.h"

#include <inttypes.h>
#include <stdio.h>

#include "support/intake_client_fixture.h"
#include "support/suite.h"

static void greet_as_one_who_leaves(void)
{
	frame_write_hello(&peer.packet, &(struct frame_hello){ .version = WIRE_VERSION,
							       .features = FEATURE_LEAVE | 1U << 31,
							       .app_name = span_of("shop") });
	peer_say(&peer);
	serve();
	ck_assert_str_eq(peer_heard(&peer),
			 "welcome 4\nmap\n"); /* what it does not know is left out */
	fake_intake_take(&fake);
}

static void open_many(uint32_t count)
{
	char name[32];

	for (uint32_t id = 1; id <= count; id++) {
		snprintf(name, sizeof(name), "open.%" PRIu32, id);
		peer_open(&peer, id, name);
		if (id % 1000 == 0 || id == count) {
			peer_say(&peer);
			serve();
		}
	}
	ck_assert_uint_eq(fake.leases, count);
}

START_TEST(who_leaves_has_closed_its_loggers)
{
	fake.notes_exits = true;
	greet_as_one_who_leaves();
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "last word");
	peer_flush(&peer, 7);
	frame_write_leave(&peer.packet);
	peer_say(&peer);
	serve();
	check_ended("flushed 7\nend\n");
	ck_assert_str_eq(fake_intake_take(&fake), "open a\nrecord a 20 last word\nclose a\n");
	ck_assert_uint_eq(env.violations, 0);
}
END_TEST

START_TEST(who_does_not_leave_has_died)
{
	fake.notes_exits = true;
	greet_as_one_who_leaves();
	peer_open(&peer, 1, "a");
	peer_say(&peer);
	peer_close(&peer);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake),
			 "open a\nexit a\ngone 1 loggers 0 records 0 sent\n");
}
END_TEST

/* As the leases of one that died: 10,000 of them, or those of 100 that recorders held 100 for. */
START_TEST(loggers_of_who_leaves_are_given_back_in_slices)
{
	const uint32_t count = (const uint32_t[]){ 10000, 100 }[_i];
	size_t turns = 0;

	fake.forgotten_of_each = (const size_t[]){ 0, 100 }[_i];
	fake.end_us = (const int64_t[]){ 1, 100 }[_i];
	greet_as_one_who_leaves();
	open_many(count);
	frame_write_leave(&peer.packet);
	peer_say(&peer);
	while (fake.leases > 0) {
		size_t before = fake.leases;

		serve_short_turn();
		ck_assert_uint_lt(before - fake.leases, count / 2);
		turns += fake.leases < before;
	}
	ck_assert_uint_gt(turns, 2);
	serve();
	ck_assert_ptr_null(env.list.first);
}
END_TEST

START_TEST(nothing_may_follow_the_leave)
{
	greet_as_one_who_leaves();
	peer_open(&peer, 1, "a");
	frame_write_leave(&peer.packet);
	if (_i == 0)
		peer_record(&peer, 1, "not taken");
	else
		frame_write_leave(&peer.packet);
	peer_say(&peer);
	serve();
	check_violation();
	ck_assert_str_eq(fake_intake_take(&fake), "open a\nreject malformed\nclose a\n");
}
END_TEST

START_TEST(a_leave_has_no_body)
{
	greet_as_one_who_leaves();
	writer_u16(&peer.packet, FRAME_LEAVE);
	writer_u16(&peer.packet, 0);
	writer_u32(&peer.packet, 1);
	writer_u8(&peer.packet, 0);
	peer_say(&peer);
	serve();
	check_violation();
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_leave");
	TCase *leave = tcase_create("leave");

	tcase_add_checked_fixture(leave, fixture_setup, fixture_teardown);
	tcase_add_test(leave, who_leaves_has_closed_its_loggers);
	tcase_add_test(leave, who_does_not_leave_has_died);
	tcase_add_loop_test(leave, loggers_of_who_leaves_are_given_back_in_slices, 0, 2);
	tcase_add_loop_test(leave, nothing_may_follow_the_leave, 0, 2);
	tcase_add_test(leave, a_leave_has_no_body);
	suite_add_tcase(suite, leave);
	return suite;
}
