/*
 * Proves that what a client with many loggers says is taken whole and in order, whatever comes
 * between its records: what is fetched beforehand is of no effect but on time.
 */
#include "intake/client.h"

#include <stdio.h>
#include <stdlib.h>

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
	const size_t packet_bytes = (const size_t[]){ 1, 900, 100000 }[_i];
	unsigned random = 1;

	open_all();
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
	peer_record(&peer, 1, "before");
	writer_bytes(&peer.packet, breaches[_i], sizeof(breaches[_i]));
	peer_say(&peer);
	serve();
	ck_assert_uint_eq(fake.records, 1);
	ck_assert_uint_eq(env.violations, 1);
	ck_assert_ptr_null(env.list.first);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_turn");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, fixture_setup, fixture_teardown);
	tcase_add_loop_test(all, records_of_many_loggers_are_taken_in_order, 0, 3);
	tcase_add_test(all, of_few_loggers_nothing_is_fetched_beforehand);
	tcase_add_loop_test(all, a_breach_among_many_loggers_ends_the_connection_alone, 0, 4);
	suite_add_tcase(suite, all);
	return suite;
}
