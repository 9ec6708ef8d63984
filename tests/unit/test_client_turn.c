/*
 * Proves that what a client with many loggers says is taken whole and in order, whatever comes
 * between its records, and that this holds when some of them must wait for a later turn: what is
 * fetched beforehand is of no effect but on time. And that turns are short.
 */
#include "intake/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_memory.h"
#include "support/intake_client_fixture.h"
#include "support/suite.h"

#define LOGGERS 3000
#define RECORDS 40000

/* Sends what was written, if it is enough for a packet, and has it taken. */
static void say_at(size_t bytes)
{
	if (peer.packet.len < bytes)
		return;
	peer_say(&peer);
	serve();
}

static void open_all(void)
{
	char name[32];

	greet();
	for (uint32_t id = 1; id <= LOGGERS; id++) {
		snprintf(name, sizeof(name), "c.%u", (unsigned)id);
		peer_open(&peer, id, name);
		say_at(1000);
	}
	say_at(1);
	ck_assert_uint_eq(fake.leases, LOGGERS);
	fake_intake_take(&fake);
}

/* What the journal must say, in the same words. */
struct expected {
	char *text;
	size_t length;
};

static void expect(struct expected *expected, const char *what, uint32_t id, const char *more)
{
	expected->length += (size_t)snprintf(expected->text + expected->length,
					     FAKE_JOURNAL_BYTES - expected->length, "%s c.%u%s\n",
					     what, (unsigned)id, more);
}

/* Any record; now and then one for a logger that is not open, a close with an open after it. */
static void say_any(struct expected *expected, unsigned draw)
{
	uint32_t id = (draw >> 8) % LOGGERS + 1;
	char name[32];

	snprintf(name, sizeof(name), "c.%u", (unsigned)id);
	if (draw % 17 == 0) {
		frame_write_close(&peer.packet, &(struct frame_close){ id });
		expect(expected, "close", id, "");
		peer_record(&peer, id, "x"); /* in the same packet, most often */
		expected->length += (size_t)sprintf(expected->text + expected->length,
						    "reject unknown_logger\n");
		peer_open(&peer, id, name);
		expect(expected, "open", id, "");
	}
	peer_record(&peer, id, "x");
	expect(expected, "record", id, " 20 x");
}

START_TEST(records_of_many_loggers_are_taken_in_order)
{
	struct expected expected = { .text = malloc(FAKE_JOURNAL_BYTES) };
	const size_t packet_bytes = (const size_t[]){ 1, 900, 100000 }[_i % 3];
	unsigned random = 1;

	open_all();
	fake.puts_off_each = (const size_t[]){ 0, 61 }[_i / 3];
	for (size_t i = 0; i < RECORDS;) {
		expected.length = 0;
		for (size_t k = 0; k < 4000; k++, i++) {
			random = random * 1103515245u + 12345u;
			say_any(&expected, random >> 4);
			say_at(packet_bytes);
		}
		say_at(1);
		ck_assert_str_eq(fake_intake_take(&fake), expected.text);
	}
	ck_assert_uint_gt(fake.prefetched, 0);
	free(expected.text);
}
END_TEST

START_TEST(of_few_loggers_nothing_is_fetched_beforehand)
{
	greet();
	for (uint32_t id = 1; id <= 10; id++) {
		peer_open(&peer, id, "few");
		peer_record(&peer, id, "x");
	}
	say_at(1);
	ck_assert_uint_eq(fake.records, 10);
	ck_assert_uint_eq(fake.prefetched, 0);
}
END_TEST

/* Frames that are cut short or strange are looked at twice; neither look goes beyond them. */
START_TEST(a_breach_among_many_loggers_ends_the_connection_alone)
{
	static const uint8_t breaches[][12] = {
		{ FRAME_RECORD, 0, 0, 0, 0, 0, 0, 0 }, /* no body, and four bytes too many */
		{ FRAME_RECORD, 0, 0, 0, 2, 0, 0, 0, 1, 2 },
		{ FRAME_RECORD, 0, 0, 0, 255, 255, 255, 255 },
		{ 99, 0, 0, 0, 4, 0, 0, 0 },
	};

	open_all();
	fake.puts_off_each = (const size_t[]){ 0, 2 }[_i / 4];
	peer_record(&peer, 1, "before");
	peer_record(&peer, 1, "and perhaps put off");
	writer_bytes(&peer.packet, breaches[_i % 4], sizeof(breaches[_i % 4]));
	peer_say(&peer);
	serve();
	ck_assert_uint_eq(fake.records, 2);
	ck_assert_uint_eq(env.violations, 1);
	ck_assert_ptr_null(env.list.first);
}
END_TEST

static void turn(void)
{
	event_base_loop(env.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* All that it says behind such a record waits too, its own end included. */
START_TEST(a_record_that_waits_holds_up_its_client)
{
	greet();
	fake.puts_off_each = 1; /* for as long as that is so */
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "one");
	peer_flush(&peer, 7);
	peer_say(&peer);
	peer_record(&peer, 1, "two");
	peer_say(&peer);
	turn();
	peer_record(&peer, 1, "three");
	peer_say(&peer);
	turn();
	turn();
	ck_assert_str_eq(fake_intake_take(&fake), "open a\n");
	ck_assert_str_eq(peer_heard(&peer), "");
	ck_assert_uint_eq(client_view(client).records, 0);
	if (_i == 0)
		peer_close(&peer);
	turn();
	ck_assert(!client_view(client).ended);
	fake.puts_off_each = 0;
	ck_assert(client_drain(client)); /* "three" is not read yet */
	serve();
	ck_assert_str_eq(fake_intake_take(&fake),
			 _i == 0 ? "record a 20 one\nrecord a 20 two\nrecord a 20 three\nexit a\n"
				 : "record a 20 one\nrecord a 20 two\nrecord a 20 three\n");
	if (_i > 0)
		ck_assert_str_eq(peer_heard(&peer), "flushed 7\n");
}
END_TEST

START_TEST(a_packet_too_long_is_a_breach_behind_what_waits)
{
	greet();
	fake.puts_off_each = 1;
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "one");
	peer_say(&peer);
	memset(writer_take(&peer.packet, WIRE_PACKET_MAX + 1), 0, WIRE_PACKET_MAX + 1);
	peer_say(&peer);
	turn();
	ck_assert_uint_eq(env.violations, 0);
	fake.puts_off_each = 0;
	serve();
	ck_assert_uint_eq(fake.records, 1);
	check_violation();
}
END_TEST

/* The end of the daemon waits for it, and so does the end of the connection by its own word. */
START_TEST(what_waits_is_finished_before_the_end)
{
	greet();
	fake.puts_off_each = 1;
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "one");
	peer_say(&peer);
	turn();
	ck_assert_uint_eq(fake.records, 0);
	fake.puts_off_each = 2;
	client_finish(client);
	client_finish(client);
	ck_assert_str_eq(fake_intake_take(&fake), "open a\nrecord a 20 one\n");
}
END_TEST

/* Its answers have no room any more when one of its records waits, and then the daemon ends. */
START_TEST(who_reads_no_answers_loses_no_record_that_waits)
{
	size_t said = 0;

	greet();
	peer_open(&peer, 1, "a");
	fake.puts_off_each = 2;
	fake.asked = 1; /* so each record is put off once */
	do {
		peer_flush(&peer, 7);
		peer_record(&peer, 1, "x");
		peer_say(&peer);
		said++;
		for (int i = 0; i < 3; i++)
			turn();
	} while (fake.records == said);
	ck_assert_uint_eq(fake.records, said - 1);
	client_finish(client);
	ck_assert_uint_eq(fake.records, said);
	ck_assert(!client_view(client).ended);
}
END_TEST

START_TEST(without_memory_nothing_is_put_off)
{
	bool failed;

	greet();
	fake.puts_off_each = 2;
	peer_open(&peer, 1, "a");
	for (int i = 0; i < 10; i++)
		peer_record(&peer, 1, "x");
	peer_flush(&peer, 7);
	peer_say(&peer);
	turn(); /* the second record is put off */
	ck_assert_uint_eq(fake.records, 1);
	memory_fail_after(0);
	client_drain(client);
	failed = memory_heal();
	ck_assert(failed);
	ck_assert_uint_eq(fake.records, 10);
	ck_assert_str_eq(peer_heard(&peer), "flushed 7\n");
}
END_TEST

/* The leases of who died go on where they had to wait; each is told once, with what was sent. */
START_TEST(leases_wait_for_what_was_recorded)
{
	fake.notes_exits = true;
	fake.sent_of_each = 3;
	greet();
	for (uint32_t id = 1; id <= 5; id++)
		peer_open(&peer, id, "a");
	peer_say(&peer);
	serve();
	fake_intake_take(&fake);
	fake.puts_off_each = 2;
	peer_close(&peer);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "exit a\nexit a\nexit a\nexit a\nexit a\n"
						  "gone 5 loggers 0 records 15 sent\n");
	ck_assert_uint_eq(fake.asked, 9);
}
END_TEST

/* Records can be small, or take long: others wait for the loop. */
START_TEST(client_that_says_a_lot_does_so_in_short_turns)
{
	const size_t count = 32;
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	greet();
	peer_open(&peer, 1, "app");
	peer_say(&peer);
	for (size_t i = 0; i < count; i++) {
		peer_record(&peer, 1, text);
		peer_say(&peer);
	}
	fake.record_us = 1000;
	ck_assert(client_drain(client));
	ck_assert_uint_ge(fake.records, 1);
	ck_assert_uint_lt(fake.records, count);
	serve();
	ck_assert_uint_eq(fake.records, count);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_turn");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, fixture_setup, fixture_teardown);
	tcase_add_loop_test(all, records_of_many_loggers_are_taken_in_order, 0, 6);
	tcase_add_test(all, of_few_loggers_nothing_is_fetched_beforehand);
	tcase_add_loop_test(all, a_breach_among_many_loggers_ends_the_connection_alone, 0, 8);
	tcase_add_loop_test(all, a_record_that_waits_holds_up_its_client, 0, 2);
	tcase_add_test(all, a_packet_too_long_is_a_breach_behind_what_waits);
	tcase_add_test(all, what_waits_is_finished_before_the_end);
	tcase_add_test(all, who_reads_no_answers_loses_no_record_that_waits);
	tcase_add_test(all, without_memory_nothing_is_put_off);
	tcase_add_test(all, leases_wait_for_what_was_recorded);
	tcase_add_test(all, client_that_says_a_lot_does_so_in_short_turns);
	suite_add_tcase(suite, all);
	return suite;
}
