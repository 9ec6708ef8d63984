/*
 * Proves, with a real tree and real sockets on the loopback, that every record given to the
 * daemon has exactly one fate and every delivery another, that both ledgers close after each
 * of them, across reloads and without memory, and that a client is told levels or nothing.
 */
#include "support/forward_fixture.h"

#include <errno.h>
#include <stdio.h>

#include "support/failing_memory.h"
#include "support/suite.h"

START_TEST(record_reaches_every_handler_on_its_path)
{
	give_text("app.db", 20, "hello");
	ck_assert_ptr_nonnull(strstr(received(1), "<134>1 2023-11-14T22:13:20.000000Z "));
	for (size_t i = 0; i < 2; i++) /* of app, and of the root */
		ck_assert_ptr_nonnull(
			strstr(received(0), "[logfwd@32473 logger=\"app.db\"] hello"));
	ck_assert_str_eq(received(0), "");
	ck_assert_str_eq(received(1), "");
	ck_assert_uint_eq(forward_counts(forward).accepted, 1);
	ck_assert_uint_eq(forward_counts(forward).deliveries, 3);
	give_text("other", 20, "only the root's");
	ck_assert_uint_eq(forward_counts(forward).deliveries, 4);
	ck_assert_uint_eq(forward_handler(forward, 0).hits, 2);
	ck_assert_uint_eq(forward_handler(forward, 1).hits, 1);
}
END_TEST

START_TEST(record_has_one_fate)
{
	struct record_counts counts;

	give_text("other", 19, "below the root's level");
	give_text("mute", 20, "no handler, and no propagation");
	give_text("app", 10, "accepted");
	ops.reject(ops.arg, REJECT_MALFORMED);
	ops.reject(ops.arg, REJECT_UNKNOWN_LOGGER);
	check_ledgers();
	counts = forward_counts(forward);
	ck_assert_uint_eq(counts.received, 5);
	ck_assert_uint_eq(counts.filtered, 1);
	ck_assert_uint_eq(counts.no_handler, 1);
	ck_assert_uint_eq(counts.accepted, 1);
	ck_assert_uint_eq(counts.rejected[REJECT_MALFORMED], 1);
	ck_assert_uint_eq(counts.rejected[REJECT_UNKNOWN_LOGGER], 1);
}
END_TEST

START_TEST(record_is_limited_where_its_handlers_are)
{
	handlers[0].rate_limit = 1;
	handlers[0].rate_burst = 2;
	take_config();
	for (int i = 0; i < 10; i++)
		give_text("other", 20, "only handler 0");
	ck_assert_uint_ge(forward_counts(forward).accepted, 2);
	ck_assert_uint_le(forward_counts(forward).accepted, 4); /* a slow machine: a second more */
	ck_assert_uint_eq(forward_counts(forward).accepted + forward_counts(forward).rate_limited,
			  10);
	ck_assert_uint_eq(forward_handler(forward, 0).hits, 10);
	ck_assert_uint_eq(forward_handler(forward, 0).rate_limited,
			  forward_counts(forward).rate_limited);
	give_text("app", 20, "the others take it"); /* accepted, by two of its three handlers */
	ck_assert_uint_ge(forward_handler(forward, 1).hits, 1);
	ck_assert_uint_eq(forward_handler(forward, 1).rate_limited, 0);
}
END_TEST

START_TEST(reload_gives_a_limit_no_fresh_burst)
{
	handlers[0].rate_limit = 1;
	handlers[0].rate_burst = 1000;
	take_config();
	for (int i = 0; i < 1000; i++)
		give_text("other", 20, "only handler 0");
	take_config();
	ck_assert(!forward_has_room(forward, 0, 100));
	handlers[0].rate_burst = 2000; /* another limit begins anew */
	take_config();
	ck_assert(forward_has_room(forward, 0, 1999));
}
END_TEST

START_TEST(record_is_cut_to_what_the_configuration_allows)
{
	char text[1000];

	memset(text, 'x', sizeof(text));
	give("other", 20, span_of_bytes(text, sizeof(text)));
	ck_assert_ptr_nonnull(strstr(received(0), " truncated=\"1000\"] xxx"));
	ck_assert_uint_eq(target_counts(output_target(forward_output(forward), 0)).truncated, 1);
}
END_TEST

START_TEST(own_context_comes_before_inherited)
{
	const struct context_pair configured[] = {
		{ span_of("k"), span_of("far") },
		{ span_of("site"), span_of("x") },
	};
	const struct context_pair own = { span_of("k"), span_of("near") };
	struct record record = {
		.logger = span_of("other"),
		.level = 20,
		.text = span_of("text"),
		.original_length = 4,
		.context = &own,
		.n_context = 1,
	};

	loggers[0].context = configured;
	loggers[0].n_context = 2;
	take_config();
	ops.record(ops.arg, &record);
	ops.flush(ops.arg);
	ck_assert_ptr_nonnull(strstr(received(0), "[ctx@32473 k=\"near\" site=\"x\"] text"));
}
END_TEST

/* The longest header, in the smallest datagram: its escaped name alone exceeds it. */
START_TEST(record_that_cannot_be_sent_is_a_counted_drop)
{
	char name[LOGGER_NAME_MAX + 1];
	const struct target *target = output_target(forward_output(forward), 0);

	targets[0].datagram_bytes = 480;
	take_config();
	memset(name, 1, LOGGER_NAME_MAX); /* four bytes each, escaped */
	name[LOGGER_NAME_MAX] = '\0';
	give_text(name, 20, "text");
	ck_assert_uint_eq(target_counts(target).dropped[DROP_OVERSIZE], 1);
	ck_assert_ptr_nonnull(strstr(received(0), "1 record lost: oversize 1"));
}
END_TEST

START_TEST(reload_loses_no_count)
{
	/* Nobody listens at b: what it is given waits. */
	stop_collector(1);
	for (int i = 0; i < 50; i++)
		give_text("app", 20, "text");
	ck_assert_uint_gt(target_counts(output_target(forward_output(forward), 1)).queued, 0);
	take_config();
	check_ledgers();
	ck_assert_uint_eq(forward_handler(forward, 1).hits, 50);
	handlers[1].target = 0;
	config.n_targets = 1; /* b goes, with what waits in it */
	take_config();
	check_ledgers();
	ck_assert_uint_gt(output_removed(forward_output(forward)).dropped[DROP_TARGET_REMOVED], 0);
	give_text("app", 20, "all to a");
	ck_assert_uint_eq(forward_counts(forward).accepted, 51);
	forward_abandon(forward);
	check_ledgers();
}
END_TEST

START_TEST(end_accounts_for_what_waits)
{
	stop_collector(1);
	for (int i = 0; i < 20; i++)
		give_text("app", 20, "text");
	ck_assert_uint_gt(forward_drain(forward), 0);
	check_ledgers();
	forward_abandon(forward);
	check_ledgers();
	ck_assert_uint_eq(forward_drain(forward), 0);
	ck_assert_uint_gt(target_counts(output_target(forward_output(forward), 1))
				  .dropped[DROP_SHUTDOWN],
			  0);
}
END_TEST

START_TEST(configuration_without_memory_changes_nothing)
{
	struct forward_generation *generation;
	bool failed = true;
	size_t good;

	handlers[0].facility = 17;
	for (good = 0; failed; good++) {
		int result;

		memory_fail_after(good);
		result = forward_prepare(forward, &config, &generation);
		failed = memory_heal();
		ck_assert_int_eq(result, failed ? -ENOMEM : 0);
		if (!failed)
			forward_discard(generation);
		give_text("other", 20, "as before");
		ck_assert_ptr_nonnull(strstr(received(0), "<134>1 "));
	}
	ck_assert_uint_gt(good, 5); /* it did fail, in many places */
}
END_TEST

START_TEST(record_without_memory_to_wait_is_a_counted_drop)
{
	const struct target *target = output_target(forward_output(forward), 1);

	stop_collector(1);
	while (target_counts(target).queued == 0)
		give_text("app", 20, "text");
	ops.record(ops.arg, &(struct record){ .logger = span_of("app"), .level = 20 });
	memory_fail_after(0);
	ops.record(ops.arg, &(struct record){ .logger = span_of("app"), .level = 20 });
	ops.flush(ops.arg);
	memory_heal();
	check_ledgers();
	ck_assert_uint_ge(target_counts(target).dropped[DROP_NO_MEMORY], 1);
}
END_TEST

static struct frame_level_map parsed(const struct writer *writer)
{
	struct span packet;
	struct frame_level_map map;
	struct frame frame;

	ck_assert(!writer->failed);
	packet = writer_span(writer);
	ck_assert_int_eq(frame_take(&packet, &frame), FRAME_TAKEN);
	ck_assert_int_eq(frame_take(&packet, &frame), FRAME_END);
	ck_assert(frame_parse_level_map(frame.body, &map));
	return map;
}

/* What a client is told: "floor" and the entries, or that it shall filter nothing. */
static struct frame_level_map told(struct writer *writer)
{
	ops.level_map(ops.arg, ops.client_levels(ops.arg, NULL), writer);
	return parsed(writer);
}

START_TEST(level_map_holds_what_is_configured)
{
	uint64_t version = ops.client_levels(ops.arg, NULL).version;
	static uint8_t bytes[WIRE_PACKET_MAX];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	struct frame_level_map map = told(&writer);
	struct lease *lease;

	ck_assert_uint_eq(map.count, 2);
	ck_assert_uint_eq(map.lease_floor, LEVEL_MAX + 1);
	take_config();
	ck_assert_uint_eq(ops.client_levels(ops.arg, NULL).version, version);
	loggers[2].level = 40;
	take_config();
	ck_assert_uint_ne(ops.client_levels(ops.arg, NULL).version, version);
	version = ops.client_levels(ops.arg, NULL).version;
	ck_assert_int_eq(ops.open(ops.arg, span_of("x"), &writer, &lease), 0);
	ops.set_level(ops.arg, lease, 5);
	ck_assert_uint_eq(ops.client_levels(ops.arg, NULL).version, version); /* only the floor */
	writer = writer_over(bytes, sizeof(bytes));
	map = told(&writer);
	ck_assert_uint_eq(map.count, 3);
	ck_assert_uint_eq(map.lease_floor, 5);
	ops.close(ops.arg, lease, true);
}
END_TEST

START_TEST(level_map_that_does_not_fit_filters_nothing)
{
	enum { MANY = 1000 };
	static struct logger_options many[MANY];
	static char names[MANY][LOGGER_NAME_MAX + 1];
	static uint8_t bytes[WIRE_PACKET_MAX];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	struct frame_level_map map;

	for (size_t i = 0; i < MANY; i++) {
		memset(names[i], 'n', LOGGER_NAME_MAX);
		snprintf(names[i], sizeof(names[i]), "%zu", i);
		names[i][strlen(names[i])] = '-';
		many[i] =
			(struct logger_options){ .name = names[i], .level = 30, .propagate = true };
	}
	many[0].name = "";
	config.loggers = many;
	config.n_loggers = MANY;
	take_config();
	map = told(&writer);
	ck_assert_uint_eq(map.lease_floor, 1);
	ck_assert_uint_eq(map.count, 0);
}
END_TEST

START_TEST(level_map_without_memory_filters_nothing_until_there_is_some)
{
	static uint8_t bytes[WIRE_PACKET_MAX];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	struct frame_level_map map = told(&writer);
	uint64_t version = ops.client_levels(ops.arg, NULL).version;
	struct client_levels levels;

	ck_assert_uint_eq(map.count, 2);
	loggers[2].level = 40;
	take_config();
	writer = writer_over(bytes, sizeof(bytes));
	memory_fail_after(0);
	levels = ops.client_levels(ops.arg, NULL);
	memory_heal();
	ck_assert_uint_ne(levels.version, version);
	ops.level_map(ops.arg, levels, &writer);
	map = parsed(&writer);
	ck_assert_uint_eq(map.lease_floor, 1);
	ck_assert_uint_eq(map.count, 0);
	writer = writer_over(bytes, sizeof(bytes));
	map = told(&writer);
	ck_assert_uint_eq(map.count, 3);
}
END_TEST

START_TEST(claims_of_clients_are_summed_and_never_wrap)
{
	ops.client_dropped(ops.arg, &(struct client_loss){ .dropped.records = 3 });
	ops.client_dropped(ops.arg, &(struct client_loss){ .dropped.records = 4 });
	ck_assert_uint_eq(forward_counts(forward).client_dropped, 7);
	ops.client_dropped(ops.arg, &(struct client_loss){ .dropped.records = UINT64_MAX });
	ck_assert_uint_eq(forward_counts(forward).client_dropped, UINT64_MAX);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("forward");
	TCase *records = tcase_create("records");
	TCase *changes = tcase_create("changes");

	tcase_add_checked_fixture(records, forward_setup, forward_teardown);
	tcase_add_test(records, record_reaches_every_handler_on_its_path);
	tcase_add_test(records, record_has_one_fate);
	tcase_add_test(records, record_is_limited_where_its_handlers_are);
	tcase_add_test(records, reload_gives_a_limit_no_fresh_burst);
	tcase_add_test(records, record_is_cut_to_what_the_configuration_allows);
	tcase_add_test(records, own_context_comes_before_inherited);
	tcase_add_test(records, record_that_cannot_be_sent_is_a_counted_drop);
	tcase_add_test(records, record_without_memory_to_wait_is_a_counted_drop);
	tcase_add_test(records, claims_of_clients_are_summed_and_never_wrap);
	suite_add_tcase(suite, records);
	tcase_add_checked_fixture(changes, forward_setup, forward_teardown);
	tcase_add_test(changes, reload_loses_no_count);
	tcase_add_test(changes, end_accounts_for_what_waits);
	tcase_add_test(changes, configuration_without_memory_changes_nothing);
	tcase_add_test(changes, level_map_holds_what_is_configured);
	tcase_add_test(changes, level_map_that_does_not_fit_filters_nothing);
	tcase_add_test(changes, level_map_without_memory_filters_nothing_until_there_is_some);
	suite_add_tcase(suite, changes);
	return suite;
}
