/*
 * Proves that what a flight recorder kept comes before its trigger and has its fate like any
 * other record, that the daemon's own records and announcements are notices and close the ledgers
 * too, and that a rendered record is what would be sent.
 */
#include "support/forward_fixture.h"

#include <stdio.h>

#include "handler.h"
#include "os/clock.h"
#include "support/suite.h"

/* Recorders */

static struct lease *open_recorded(const char *name)
{
	struct lease *lease;

	loggers[0].has_recorder = true;
	loggers[0].recorder = (struct recorder_rule){ .records = 2, .trigger = 40 };
	config.limits.recorder_bytes = 4096;
	take_config();
	ck_assert_int_eq(ops.open(ops.arg, span_of(name), &loggers, &lease), 0);
	return lease;
}

/* Returns whether it was taken. */
static bool give_lease(struct lease *lease, uint8_t level, const char *text)
{
	char borrowed[64];
	struct record record = {
		.lease = lease,
		.level = level,
		.app = span_of("test"),
		.original_length = strlen(text),
	};
	bool taken;

	snprintf(borrowed, sizeof(borrowed), "%s", text);
	record.text = span_of(borrowed);
	taken = ops.record(ops.arg, &record);
	check_ledgers();
	ops.flush(ops.arg);
	check_ledgers();
	memset(borrowed, '?', sizeof(borrowed)); /* it was borrowed until the flush */
	return taken;
}

START_TEST(recorded_records_come_before_their_trigger)
{
	struct lease *lease = open_recorded("other");
	struct record_counts counts;

	give_lease(lease, 10, "one");
	give_lease(lease, 10, "two");
	give_lease(lease, 10, "three");
	give_lease(lease, 39, "no trigger");
	give_lease(lease, 40, "trigger");
	ck_assert_ptr_nonnull(strstr(received(0), "logger=\"other\"] no trigger"));
	ck_assert_ptr_nonnull(strstr(received(0), "logger=\"other\" recorded=\"true\"] two"));
	ck_assert_ptr_nonnull(strstr(received(0), "logger=\"other\" recorded=\"true\"] three"));
	ck_assert_ptr_nonnull(strstr(received(0), "logger=\"other\"] trigger"));
	ck_assert_str_eq(received(0), "");
	counts = forward_counts(forward);
	ck_assert_uint_eq(counts.received, 7);
	ck_assert_uint_eq(counts.filtered, 3);
	ck_assert_uint_eq(counts.accepted, 4);
	ck_assert_uint_eq(counts.recorded, 2);
	ck_assert_uint_eq(ops.close(ops.arg, lease, true), 0);
}
END_TEST

START_TEST(recorded_records_come_when_the_client_is_gone)
{
	struct lease *lease = open_recorded("other");
	uint64_t sent = 5;

	give_lease(lease, 10, "last words");
	ck_assert(ops.play_back(ops.arg, lease, &sent));
	ck_assert_uint_eq(sent, 5 + 1);
	ck_assert_uint_eq(ops.close(ops.arg, lease, true), 0);
	check_ledgers();
	ck_assert_ptr_nonnull(strstr(received(0), "recorded=\"true\"] last words"));
	lease = open_recorded("other");
	give_lease(lease, 10, "closed");
	ck_assert_uint_eq(ops.close(ops.arg, lease, false), 1); /* forgotten */
	check_ledgers();
	ck_assert_str_eq(received(0), "");
	ck_assert_uint_eq(forward_recorder_counts(forward).forgotten, 1);
}
END_TEST

/* As many as are sent before the time is looked at. */
#define SLICE 64

/* Makes the sending of each slice as slow as the time that a turn has for it. */
static void take_time(void *arg, const struct record_seen *seen)
{
	const int64_t until_us = clock_monotonic_us() + 10000;
	size_t *shown = arg;

	(void)seen;
	if ((*shown)++ % SLICE == 0)
		while (clock_monotonic_us() < until_us)
			;
}

static void check_recorded(uint32_t first, uint32_t end)
{
	char text[64];

	for (uint32_t i = first; i < end; i++) {
		snprintf(text, sizeof(text), "recorded=\"true\"] %u", i);
		ck_assert_ptr_nonnull(strstr(received(0), text));
	}
	ck_assert_str_eq(received(0), "");
}

static struct lease *open_filled(uint32_t count)
{
	struct lease *lease = open_recorded("other");
	char text[16];

	loggers[0].recorder.records = count;
	config.limits.recorder_bytes = 1 << 20;
	take_config();
	for (uint32_t i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%u", i);
		ck_assert(give_lease(lease, 10, text));
	}
	return lease;
}

/* A record that waits for what its logger recorded has no fate until it is taken. */
START_TEST(a_full_recorder_is_sent_in_slices)
{
	struct lease *lease = open_filled(3 * SLICE);
	size_t shown = 0;

	forward_observe(forward, take_time, &shown);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert(!give_lease(lease, 40, "trigger"));
		check_recorded(i * SLICE, (i + 1) * SLICE);
		ck_assert_uint_eq(forward_counts(forward).accepted, (i + 1) * SLICE);
	}
	ck_assert(give_lease(lease, 40, "trigger"));
	for (uint32_t i = 0; i < SLICE; i++)
		ck_assert_ptr_nonnull(strstr(received(0), "recorded="));
	ck_assert_ptr_nonnull(strstr(received(0), "\"] trigger"));
	ck_assert_uint_eq(forward_counts(forward).received, 2 * (3 * SLICE) + 1);
	ck_assert_uint_eq(ops.close(ops.arg, lease, true), 0);
}
END_TEST

/* Between two slices everything may happen that may happen between two records. */
START_TEST(what_is_left_of_a_recorder_follows_the_configuration)
{
	struct lease *lease = open_filled(3 * SLICE);
	size_t shown = 0;

	forward_observe(forward, take_time, &shown);
	ck_assert(!give_lease(lease, 40, "trigger"));
	check_recorded(0, SLICE);
	loggers[0].recorder.records = 2;
	take_config();
	check_ledgers();
	ck_assert(give_lease(lease, 40, "trigger"));
	for (uint32_t i = 0; i < 2; i++)
		ck_assert_ptr_nonnull(strstr(received(0), "recorded="));
	ck_assert_ptr_nonnull(strstr(received(0), "\"] trigger"));
	ck_assert_uint_eq(forward_recorder_counts(forward).forgotten, 2 * SLICE - 2);
	ck_assert_uint_eq(ops.close(ops.arg, lease, true), 0);
}
END_TEST

/* The slice is one of the turn, and not of each of the loggers. */
START_TEST(a_slice_is_for_all_loggers_together)
{
	struct lease *full = open_filled(SLICE), *other;
	size_t shown = 0;
	uint64_t sent = 0;

	ck_assert_int_eq(ops.open(ops.arg, span_of("other.one"), &loggers, &other), 0);
	give_lease(other, 10, "one");
	forward_observe(forward, take_time, &shown);
	ck_assert(ops.play_back(ops.arg, full, &sent));
	ck_assert(!ops.play_back(ops.arg, other, &sent));
	ck_assert_uint_eq(sent, SLICE);
	ck_assert(ops.play_back(ops.arg, full, &sent)); /* it has nothing to send */
	ops.flush(ops.arg);
	check_recorded(0, SLICE);
	ck_assert(ops.play_back(ops.arg, other, &sent));
	ck_assert_uint_eq(sent, SLICE + 1);
	check_ledgers();
	ck_assert_uint_eq(ops.close(ops.arg, full, true), 0);
	ck_assert_uint_eq(ops.close(ops.arg, other, true), 0);
}
END_TEST

/* Nobody takes them, or not now: they have their fate like any other record. */
START_TEST(recorded_records_have_one_fate_too)
{
	struct lease *lease;

	handlers[0].rate_limit = 1;
	handlers[0].rate_burst = 1;
	lease = open_recorded("other");
	give_lease(lease, 10, "one");
	give_lease(lease, 10, "two");
	give_lease(lease, 40, "trigger");
	ck_assert_uint_ge(forward_counts(forward).rate_limited, 1);
	ck_assert_uint_eq(ops.close(ops.arg, lease, false), 0);
	loggers[2].level = 20;
	lease = open_recorded("mute");
	give_lease(lease, 10, "one");
	give_lease(lease, 40, "trigger");
	ck_assert_uint_eq(forward_counts(forward).no_handler, 2);
	ck_assert_uint_eq(ops.close(ops.arg, lease, false), 0);
}
END_TEST

START_TEST(recorded_records_leave_room_for_their_trigger)
{
	struct lease *lease;
	uint64_t sent = 0;

	handlers[0].rate_limit = 1;
	handlers[0].rate_burst = 2;
	lease = open_recorded("other");
	give_lease(lease, 10, "one");
	give_lease(lease, 10, "two");
	give_lease(lease, 40, "trigger");
	ck_assert_ptr_nonnull(strstr(received(0), "recorded=\"true\"] one"));
	ck_assert_ptr_nonnull(strstr(received(0), "] 1 record suppressed by rate-limit"));
	ck_assert_ptr_nonnull(strstr(received(0), "logger=\"other\"] trigger"));
	ck_assert_uint_eq(ops.close(ops.arg, lease, true), 0);
	handlers[0].rate_burst = 1;
	lease = open_recorded("other");
	give_lease(lease, 10, "last words"); /* which nothing follows */
	ck_assert(ops.play_back(ops.arg, lease, &sent));
	ck_assert_uint_eq(ops.close(ops.arg, lease, true), 0);
	check_ledgers();
	ck_assert_ptr_nonnull(strstr(received(0), "recorded=\"true\"] last words"));
}
END_TEST

START_TEST(recorders_that_a_reload_takes_away_forget)
{
	struct lease *lease = open_recorded("other");

	give_lease(lease, 10, "one");
	give_lease(lease, 10, "two");
	loggers[0].recorder.records = 1;
	take_config();
	check_ledgers();
	ck_assert_uint_eq(forward_recorder_counts(forward).held, 1);
	loggers[0].has_recorder = false;
	take_config();
	check_ledgers();
	ck_assert_uint_eq(forward_recorder_counts(forward).held, 0);
	give_lease(lease, 10, "three");
	ck_assert_uint_eq(forward_recorder_counts(forward).kept, 2);
	ck_assert_uint_eq(ops.close(ops.arg, lease, true), 0);
}
END_TEST

/* What the daemon says by itself */

START_TEST(own_record_is_a_notice_of_each_target_it_reaches)
{
	char text[] = "by itself";

	forward_own_record(forward, span_of("app.x"), 25, span_of(text));
	memset(text, '?', sizeof(text)); /* it was borrowed for the call */
	check_ledgers();
	ck_assert_ptr_nonnull(strstr(received(0), " logfwdd "));
	ck_assert_ptr_nonnull(strstr(received(0), "logger=\"app.x\"] by itself"));
	ck_assert_ptr_nonnull(strstr(received(1), "logger=\"app.x\"] by itself"));
	ck_assert_uint_eq(forward_counts(forward).received, 0);
	ck_assert_uint_eq(target_counts(output_target(forward_output(forward), 0)).notices, 2);
	forward_own_record(forward, span_of("other"), 19, span_of("below the root's level"));
	forward_own_record(forward, span_of("mute"), 50, span_of("no handler"));
	check_ledgers();
	ck_assert_str_eq(received(0), "");
}
END_TEST

START_TEST(suppressed_records_are_announced_by_the_tick)
{
	int64_t later_ms = clock_monotonic_ms() + 60000;

	handlers[0].rate_limit = 1;
	handlers[0].rate_burst = 1;
	take_config();
	give_text("other", 20, "passes");
	received(0);
	ck_assert(!forward_has_room(forward, 0, 0));
	ck_assert(forward_has_room(forward, 1, 1000));
	give_text("other", 20, "is suppressed");
	forward_tick(forward, 0);
	ck_assert_str_eq(received(0), "");
	forward_tick(forward, later_ms);
	check_ledgers();
	ck_assert_ptr_nonnull(
		strstr(received(0), "] 1 record suppressed by rate-limit of handler one; first "));
	forward_tick(forward, later_ms + 60000);
	ck_assert_str_eq(received(0), "");
}
END_TEST

START_TEST(render_shows_what_would_be_sent_and_counts_nothing)
{
	static struct render_space space;
	const struct message message = {
		.level = 20,
		.host = forward_host(forward),
		.logger = span_of("app"),
		.text = span_of("hello"),
		.original_length = 5,
	};
	struct datagram datagram;

	handlers[1].facility = 3;
	take_config();
	ck_assert_uint_eq(forward_render(forward, 1, &message, &space, &datagram), 1);
	ck_assert(span_starts_with(datagram.header, span_of("<30>1 ")));
	ck_assert(span_equal(datagram.text, span_of("hello")));
	ck_assert_uint_eq(forward_handler(forward, 1).hits, 0);
	check_ledgers();
	ck_assert_str_eq(received(1), "");
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("forward_record");
	TCase *recorders = tcase_create("recorders");
	TCase *own = tcase_create("own");

	tcase_add_checked_fixture(recorders, forward_setup, forward_teardown);
	tcase_add_test(recorders, recorded_records_come_before_their_trigger);
	tcase_add_test(recorders, recorded_records_come_when_the_client_is_gone);
	tcase_add_test(recorders, a_full_recorder_is_sent_in_slices);
	tcase_add_test(recorders, what_is_left_of_a_recorder_follows_the_configuration);
	tcase_add_test(recorders, a_slice_is_for_all_loggers_together);
	tcase_add_test(recorders, recorded_records_have_one_fate_too);
	tcase_add_test(recorders, recorded_records_leave_room_for_their_trigger);
	tcase_add_test(recorders, recorders_that_a_reload_takes_away_forget);
	suite_add_tcase(suite, recorders);
	tcase_add_checked_fixture(own, forward_setup, forward_teardown);
	tcase_add_test(own, own_record_is_a_notice_of_each_target_it_reaches);
	tcase_add_test(own, suppressed_records_are_announced_by_the_tick);
	tcase_add_test(own, render_shows_what_would_be_sent_and_counts_nothing);
	suite_add_tcase(suite, own);
	return suite;
}
