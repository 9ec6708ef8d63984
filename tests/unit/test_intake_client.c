/*
 * Proves that a connection takes every frame as lib/wire/README.md says, that a client that does
 * not read, says nothing, or dies costs nothing but itself, and that no record and no lease is lost.
 */
#include "intake/client.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "os/clock.h"
#include "support/intake_client_fixture.h"
#include "support/suite.h"
#include "wire/logger_name.h"

START_TEST(every_frame_takes_effect_in_order)
{
	const struct context_pair pair = { span_of("k"), span_of("v") };

	peer_hello(&peer, "shop");
	peer_open(&peer, 1, "app");
	peer_open(&peer, 2, "");
	frame_write_context(&peer.packet, &(struct frame_context){ 1, true, pair });
	frame_write_context(&peer.packet,
			    &(struct frame_context){ 1, false, { .key = span_of("k") } });
	frame_write_set_level(&peer.packet, &(struct frame_set_level){ 1, 30 });
	peer_record(&peer, 1, "one");
	peer_record(&peer, 2, "two");
	frame_write_dropped(&peer.packet, &(struct frame_dropped){ .records = 7 });
	peer_flush(&peer, 42);
	frame_write_close(&peer.packet, &(struct frame_close){ 1 });
	peer_open(&peer, 1, "again");
	peer_say(&peer);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake),
			 "open app\nopen \ncontext app k=v\ncontext app -k\nlevel app 30\n"
			 "record app 20 one\nrecord  20 two\ndropped 7\nclose app\nopen again\n");
	ck_assert_str_eq(peer_heard(&peer), "welcome\nmap\nflushed 42\n");
	ck_assert_uint_eq(client_view(client).loggers, 2);
	ck_assert_uint_eq(client_view(client).records, 2);
	ck_assert_uint_eq(client_view(client).dropped, 7);
	ck_assert_uint_ge(fake.flushes, 1);
}
END_TEST

START_TEST(record_says_who_when_and_how_long)
{
	char app[61];

	memset(app, 'a', 60);
	app[60] = '\0';
	peer_hello(&peer, app);
	peer_open(&peer, 9, "x");
	frame_write_record(&peer.packet, &(struct frame_record){
						 .logger_id = 9,
						 .time_us = -5,
						 .level = 100,
						 .original_length = 70000,
						 .text = span_of("cut"),
					 });
	peer_say(&peer);
	serve();
	app[WIRE_APP_NAME_MAX] = '\0';
	ck_assert_str_eq(fake.last_app, app);
	ck_assert_int_eq(fake.last.pid, PID);
	ck_assert_uint_eq(fake.last.uid, UID);
	ck_assert_int_eq(fake.last.time_us, -5);
	ck_assert_uint_eq(fake.last.level, 100);
	ck_assert_uint_eq(fake.last.original_length, 70000);
}
END_TEST

START_TEST(hello_settles_the_version)
{
	static const uint16_t versions[] = { 0, WIRE_VERSION + 1 };

	frame_write_hello(&peer.packet, &(struct frame_hello){ .version = versions[_i] });
	peer_say(&peer);
	serve();
	if (_i == 0)
		check_violation();
	else
		ck_assert_str_eq(peer_heard(&peer), "welcome\nmap\n"); /* of version 1 */
}
END_TEST

START_TEST(unknown_ids_reject_records_and_are_ignored_otherwise)
{
	greet();
	for (uint16_t type = FRAME_CLOSE; type <= FRAME_CONTEXT; type++)
		write_frame_of(type);
	peer_flush(&peer, 5);
	peer_say(&peer);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "reject unknown_logger\n");
	ck_assert_str_eq(peer_heard(&peer), "flushed 5\n");
	ck_assert_uint_eq(client_view(client).records, 1);
}
END_TEST

START_TEST(logger_that_cannot_be_had_is_refused_alone)
{
	char name[LOGGER_NAME_MAX + 2];
	const struct limits tight = { .clients = 10, .loggers = 2, .uid_share = 50 };

	greet();
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	peer_open(&peer, 1, name);
	for (size_t i = 0; i < sizeof(name) - 2; i += 2)
		name[i] = '.';
	name[LOGGER_NAME_MAX] = '\0';
	peer_open(&peer, 2, name);
	frame_write_open(&peer.packet, &(struct frame_open){ 3, span_of_bytes("a\0b", 3) });
	peer_say(&peer);
	serve();
	ck_assert_str_eq(peer_heard(&peer), "error 1 1\nerror 1 2\nerror 1 3\n");
	fake.open_result = -ENOMEM;
	peer_open(&peer, 4, "memory");
	peer_say(&peer);
	serve();
	ck_assert_str_eq(peer_heard(&peer), "error 4 4\n");
	fake.open_result = 0;
	quota_set_limits(env.quota, &tight);
	peer_open(&peer, 5, "mine");
	peer_open(&peer, 6, "share");
	peer_record(&peer, 6, "nowhere");
	peer_say(&peer);
	serve();
	ck_assert_str_eq(peer_heard(&peer), "error 2 6\n");
	ck_assert_int_eq(quota_take(env.quota, QUOTA_LOGGERS, UID + 1, 1), QUOTA_TAKEN);
	peer_open(&peer, 7, "limit");
	peer_say(&peer);
	serve();
	ck_assert_str_eq(peer_heard(&peer), "error 2 7\n");
	ck_assert_str_eq(fake_intake_take(&fake), "open mine\nreject unknown_logger\n");
	for (int refusal = REFUSAL_LIMIT; refusal < REFUSALS; refusal++)
		ck_assert_uint_eq(env.refusals.of[REFUSED_LOGGER][refusal],
				  refusal_text(REFUSED_LOGGER, (enum refusal)refusal) != NULL);
	ck_assert_uint_eq(refusal_sum(&env.refusals, REFUSED_LOGGER), 6);
	ck_assert_uint_eq(client_view(client).loggers, 1);
	quota_release(env.quota, QUOTA_LOGGERS, UID + 1, 1);
}
END_TEST

START_TEST(context_out_of_bounds_is_refused_alone)
{
	static uint8_t large[CONTEXT_VALUE_MAX + 1];
	struct frame_context context = { .logger_id = 1, .set = true };

	greet();
	peer_open(&peer, 1, "a");
	context.pair = (struct context_pair){ span_of("a key"), span_of("v") };
	frame_write_context(&peer.packet, &context);
	context.pair = (struct context_pair){ span_of(""), span_of("v") };
	frame_write_context(&peer.packet, &context);
	context.pair = (struct context_pair){ span_of("k"), span_of_bytes(large, sizeof(large)) };
	frame_write_context(&peer.packet, &context);
	peer_say(&peer);
	serve();
	ck_assert_str_eq(peer_heard(&peer), "error 3 1\nerror 3 1\nerror 3 1\n");
	fake.context_result = -E2BIG;
	context.pair = (struct context_pair){ span_of("k"), span_of("v") };
	frame_write_context(&peer.packet, &context);
	peer_say(&peer);
	serve();
	ck_assert_str_eq(peer_heard(&peer), "error 3 1\n");
	ck_assert_str_eq(fake_intake_take(&fake), "open a\n");
	fake.context_result = -ENOMEM;
	frame_write_context(&peer.packet, &context);
	peer_say(&peer);
	serve();
	ck_assert_str_eq(peer_heard(&peer), "error 3 1\n");
	ck_assert_uint_eq(env.refusals.of[REFUSED_CONTEXT][REFUSAL_KEY], 2);
	ck_assert_uint_eq(env.refusals.of[REFUSED_CONTEXT][REFUSAL_VALUE], 1);
	ck_assert_uint_eq(env.refusals.of[REFUSED_CONTEXT][REFUSAL_PAIRS], 1);
	ck_assert_uint_eq(env.refusals.of[REFUSED_CONTEXT][REFUSAL_MEMORY], 1);
	ck_assert_uint_eq(refusal_sum(&env.refusals, REFUSED_CONTEXT), 5);
}
END_TEST

/* By the bound for all, and by the user's share of twice as much. */
START_TEST(memory_of_contexts_is_bounded_and_comes_back)
{
	static const enum refusal reasons[] = { REFUSAL_LIMIT, REFUSAL_UID_SHARE };
	const struct context_pair pair = { span_of("key"), span_of("value") };
	const uint32_t share = _i == 0 ? 100 : 50;

	greet();
	quota_set_limits(env.quota, &(struct limits){ .clients = 10,
						      .loggers = 20,
						      .context_bytes = 140 * 100 / share,
						      .uid_share = share });
	for (uint32_t id = 1; id <= 8; id++) {
		peer_open(&peer, id, "a");
		frame_write_context(&peer.packet, &(struct frame_context){ id, true, pair });
	}
	peer_say(&peer);
	serve();
	/* what a pair may take with all bookkeeping must be free; what it takes here is its bytes */
	ck_assert_uint_ge(quota_held(env.quota, QUOTA_CONTEXT_BYTES), 8);
	ck_assert_uint_le(quota_held(env.quota, QUOTA_CONTEXT_BYTES), 140);
	ck_assert_uint_gt(env.refusals.of[REFUSED_CONTEXT][reasons[_i]], 0);
	ck_assert_uint_eq(env.refusals.of[REFUSED_CONTEXT][reasons[_i]],
			  refusal_sum(&env.refusals, REFUSED_CONTEXT));
	ck_assert_ptr_nonnull(strstr(peer_heard(&peer), "error 3 8\n"));
	for (uint32_t id = 1; id <= 8; id++)
		frame_write_close(&peer.packet, &(struct frame_close){ id });
	peer_say(&peer);
	serve();
	ck_assert_uint_eq(quota_held(env.quota, QUOTA_CONTEXT_BYTES), 0);
}
END_TEST

START_TEST(what_a_client_held_is_told_when_it_is_gone)
{
	fake.notes_exits = true;
	fake.sent_of_each = 2;
	greet();
	peer_open(&peer, 1, "a");
	peer_open(&peer, 2, "b");
	frame_write_close(&peer.packet, &(struct frame_close){ 2 });
	peer_record(&peer, 1, "x");
	peer_say(&peer);
	serve();
	client_end(client, 0, NULL);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "open a\nopen b\nclose b\nrecord a 20 x\n"
						  "exit a\ngone 1 loggers 1 records 2 sent\n");
}
END_TEST

START_TEST(a_client_that_held_nothing_is_not_told_of)
{
	fake.notes_exits = true;
	greet();
	client_end(client, 0, NULL);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "");
}
END_TEST

START_TEST(claims_beyond_counting_stay_at_the_most)
{
	greet();
	for (int i = 0; i < 2; i++)
		frame_write_dropped(&peer.packet,
				    &(struct frame_dropped){ .records = UINT64_MAX - 1 });
	peer_say(&peer);
	serve();
	ck_assert_uint_eq(client_view(client).dropped, UINT64_MAX);
}
END_TEST

START_TEST(round_of_level_maps_goes_on_behind_a_client_that_is_freed)
{
	struct client *last = client, *first;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(quota_take(env.quota, QUOTA_CLIENTS, UID, 1), QUOTA_TAKEN);
	ck_assert_int_eq(client_new(&env, fds[1], PID, UID, &first), 0);
	env.push_next = first;
	client_free(first);
	ck_assert_ptr_eq(env.push_next, last);
	client_free(last);
	ck_assert_ptr_null(env.push_next);
	close(fds[0]);
}
END_TEST

START_TEST(level_map_is_sent_once_for_each_change)
{
	ck_assert_int_eq(client_update_levels(client, false), LEVEL_NEED_NOTHING);
	serve();
	ck_assert_str_eq(peer_heard(&peer), ""); /* it has not said hello yet */
	greet();
	ck_assert_int_eq(client_update_levels(client, false), LEVEL_NEED_NOTHING);
	ck_assert_str_eq(peer_heard(&peer), "");
	fake.levels.version++;
	ck_assert_int_eq(client_update_levels(client, false), LEVEL_NEED_MAP);
	ck_assert_int_eq(client_update_levels(client, false), LEVEL_NEED_NOTHING);
	ck_assert_str_eq(peer_heard(&peer), "map\n");
}
END_TEST

/* Level maps are sent until the client's socket takes no more. */
static void fill_socket(void)
{
	size_t maps;

	do {
		maps = fake.maps;
		fake.levels.version++;
	} while (client_update_levels(client, false) == LEVEL_NEED_MAP);
	maps = fake.maps;
	fake.levels.version++;
	client_update_levels(client, false);
	ck_assert_uint_eq(fake.maps, maps); /* it waits for room, not for the next change */
}

START_TEST(level_map_waits_for_room_and_is_that_of_the_moment)
{
	size_t maps;

	greet();
	fill_socket();
	maps = fake.maps;
	serve();
	ck_assert_uint_eq(fake.maps, maps); /* no busy loop */
	ck_assert_ptr_nonnull(strstr(peer_heard(&peer), "map\n"));
	serve();
	ck_assert_str_eq(peer_heard(&peer), "map\n");
	serve();
	ck_assert_str_eq(peer_heard(&peer), "");
}
END_TEST

START_TEST(client_that_shut_its_reading_side_keeps_nobody_busy)
{
	size_t maps;

	greet();
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "still read");
	peer_flush(&peer, 1);
	peer_say(&peer);
	ck_assert_int_eq(shutdown(peer.fd, SHUT_RD), 0);
	fake.levels.version++;
	client_update_levels(client, false);
	maps = fake.maps;
	serve();
	ck_assert_uint_eq(fake.maps, maps);
	ck_assert_str_eq(fake_intake_take(&fake), "open a\nrecord a 20 still read\n");
	ck_assert_uint_eq(env.violations, 0);
}
END_TEST

/* Asks and does not read until the daemon listens no more; returns the last token asked. Opens 1. */
static uint32_t ask_until_deaf(void)
{
	uint32_t token = 0;
	bool said = true;

	peer_open(&peer, 1, "a");
	while (said) {
		peer_record(&peer, 1, "between the questions");
		for (int i = 0; i < 100; i++)
			peer_flush(&peer, ++token);
		said = peer_send(&peer);
		serve();
		ck_assert_uint_lt(token, 10000000);
	}
	return token - 100;
}

START_TEST(client_that_reads_late_is_answered_in_full_and_in_order)
{
	uint32_t last;
	uint32_t next = 1;

	greet();
	fake.puts_off_each =
		(const size_t[]){ 0, 2 }[_i]; /* a record that waits stops nothing for ever */
	last = ask_until_deaf();
	ck_assert_uint_eq(env.violations, 0);
	fake.levels.version++;
	client_update_levels(client, false);
	while (next <= last) {
		const char *heard = peer_heard(&peer);

		ck_assert_str_ne(heard, "");
		for (; *heard != '\0'; heard = strchr(heard, '\n') + 1) {
			char expected[32];

			if (strncmp(heard, "map\n", 4) == 0)
				continue;
			snprintf(expected, sizeof(expected), "flushed %u\n", next++);
			ck_assert_int_eq(strncmp(heard, expected, strlen(expected)), 0);
		}
		serve();
	}
	ck_assert_uint_eq(fake.records, last / 100);
	fake_intake_take(&fake);
	peer_open(&peer, 2, "lives");
	peer_say(&peer);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "open lives\n");
}
END_TEST

START_TEST(client_that_dies_without_reading_is_read_to_its_end)
{
	size_t records = 0;

	greet();
	records = ask_until_deaf() / 100;
	peer_heard(&peer);
	for (bool said = true; said; records += said ? 1 : 0) {
		peer_record(&peer, 1, "last words");
		said = peer_send(&peer);
	}
	peer_close(&peer);
	serve();
	ck_assert_uint_eq(fake.records, records);
	ck_assert_uint_eq(env.violations, 0);
	ck_assert_ptr_null(env.list.first);
}
END_TEST

START_TEST(client_that_dies_before_its_welcome_is_read_to_its_end)
{
	size_t records = 0;

	peer_hello(&peer, "short");
	peer_open(&peer, 1, "a");
	peer_say(&peer);
	for (bool said = true; said; records += said ? 1 : 0) {
		peer_record(&peer, 1, "last words");
		said = peer_send(&peer);
	}
	ck_assert_uint_gt(records, 100); /* more than one turn reads */
	if (_i == 1)
		client_drain(client); /* it is answered, and will not read that */
	peer_close(&peer);
	serve();
	ck_assert_uint_eq(fake.records, records);
	ck_assert_uint_eq(env.violations, 0);
	ck_assert_ptr_null(env.list.first);
}
END_TEST

START_TEST(hello_that_waited_for_a_busy_daemon_is_taken)
{
	int64_t start_ms;
	int fds[2];
	struct peer early;

	env.hello_ms = 1;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	peer_init(&early, fds[0]);
	ck_assert_int_eq(quota_take(env.quota, QUOTA_CLIENTS, UID, 1), QUOTA_TAKEN);
	ck_assert_int_eq(client_new(&env, fds[1], PID, UID, &client), 0);
	peer_hello(&early, "early");
	peer_say(&early);
	start_ms = clock_monotonic_ms();
	while (clock_monotonic_ms() < start_ms + 5) /* the daemon is elsewhere */
		;
	serve();
	ck_assert_str_eq(peer_heard(&early), "welcome\nmap\n");
	peer_close(&early);
}
END_TEST

START_TEST(client_is_told_why_it_ends)
{
	greet();
	peer_open(&peer, 1, "a");
	peer_say(&peer);
	serve();
	client_end(client, FRAME_ERROR_SHUTDOWN, "the daemon stops");
	client_end(client, FRAME_ERROR_SHUTDOWN, "only once");
	ck_assert_str_eq(peer_heard(&peer), "bye 7 the daemon stops\nend\n");
	serve();
	ck_assert_uint_eq(env.live, 0);
	ck_assert_uint_eq(env.violations, 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("intake_client");
	TCase *frames = tcase_create("frames");
	TCase *life = tcase_create("life");

	tcase_add_checked_fixture(frames, fixture_setup, fixture_teardown);
	tcase_add_test(frames, every_frame_takes_effect_in_order);
	tcase_add_test(frames, record_says_who_when_and_how_long);
	tcase_add_loop_test(frames, hello_settles_the_version, 0, 2);
	tcase_add_test(frames, unknown_ids_reject_records_and_are_ignored_otherwise);
	tcase_add_test(frames, logger_that_cannot_be_had_is_refused_alone);
	tcase_add_test(frames, context_out_of_bounds_is_refused_alone);
	tcase_add_loop_test(frames, memory_of_contexts_is_bounded_and_comes_back, 0, 2);
	tcase_add_test(frames, what_a_client_held_is_told_when_it_is_gone);
	tcase_add_test(frames, a_client_that_held_nothing_is_not_told_of);
	tcase_add_test(frames, claims_beyond_counting_stay_at_the_most);
	suite_add_tcase(suite, frames);
	tcase_add_checked_fixture(life, fixture_setup, fixture_teardown);
	tcase_add_test(life, level_map_is_sent_once_for_each_change);
	tcase_add_test(life, round_of_level_maps_goes_on_behind_a_client_that_is_freed);
	tcase_add_test(life, level_map_waits_for_room_and_is_that_of_the_moment);
	tcase_add_test(life, client_that_shut_its_reading_side_keeps_nobody_busy);
	tcase_add_loop_test(life, client_that_reads_late_is_answered_in_full_and_in_order, 0, 2);
	tcase_add_test(life, client_that_dies_without_reading_is_read_to_its_end);
	tcase_add_loop_test(life, client_that_dies_before_its_welcome_is_read_to_its_end, 0, 2);
	tcase_add_test(life, hello_that_waited_for_a_busy_daemon_is_taken);
	tcase_add_test(life, client_is_told_why_it_ends);
	suite_add_tcase(suite, life);
	return suite;
}
