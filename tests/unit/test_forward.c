/*
 * Proves, with a real tree and real sockets on the loopback, that every record given to the
 * daemon has exactly one fate and every delivery another, that both ledgers close after each
 * of them, across reloads and without memory, and that a client is told levels or nothing.
 */
#include "forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "os/clock.h"
#include "support/failing_memory.h"
#include "support/suite.h"

#define TARGETS	 2
#define HANDLERS 3
#define LOGGERS	 3

static struct event_base *base;
static struct forward *forward;
static struct intake_ops ops;
static int collectors[TARGETS];
static char addresses[TARGETS][32];
static const char *servers[TARGETS][1];

/* A configuration that tests change before they take it: handlers 0 and 2 are of target 0. */
static struct target_options targets[TARGETS];
static struct handler_options handlers[HANDLERS];
static struct logger_options loggers[LOGGERS];
static struct config config;

static const uint16_t of_root[] = { 0 };
static const uint16_t of_app[] = { 1, 2 };

static void describe(void)
{
	static const char *const target_names[] = { "a", "b" };
	static const char *const handler_names[] = { "one", "two", "three" };

	for (size_t i = 0; i < TARGETS; i++) {
		servers[i][0] = addresses[i];
		targets[i] = (struct target_options){
			.name = target_names[i],
			.servers = servers[i],
			.n_servers = 1,
			.queue_bytes = 65536,
			.datagram_bytes = 2048,
			.resolve_interval = 60,
		};
	}
	for (size_t i = 0; i < HANDLERS; i++)
		handlers[i] = (struct handler_options){
			.name = handler_names[i],
			.target = i == 1,
			.facility = 16,
			.filter = "",
		};
	loggers[0] = (struct logger_options){
		.name = "", .level = 20, .propagate = true, .handlers = of_root, .n_handlers = 1
	};
	loggers[1] = (struct logger_options){
		.name = "app", .level = 10, .propagate = true, .handlers = of_app, .n_handlers = 2
	};
	loggers[2] = (struct logger_options){ .name = "mute" };
	config = (struct config){
		.limits = { .clients = 10, .loggers = 10, .record_bytes = 480, .uid_share = 100 },
		.pool = { .sockets = 4, .idle_timeout = 60 },
		.targets = targets,
		.n_targets = TARGETS,
		.handlers = handlers,
		.n_handlers = HANDLERS,
		.loggers = loggers,
		.n_loggers = LOGGERS,
	};
}

static void take_config(void)
{
	struct forward_generation *generation;

	ck_assert_int_eq(forward_prepare(forward, &config, &generation), 0);
	forward_commit(forward, generation);
}

static void setup(void)
{
	static const uint8_t key[16] = { 1 };
	const struct pool_options pool = { .sockets = 4, .idle_timeout = 60 };

	for (size_t i = 0; i < TARGETS; i++) {
		struct sockaddr_in address = { .sin_family = AF_INET,
					       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t length = sizeof(address);

		collectors[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(bind(collectors[i], (struct sockaddr *)&address, length), 0);
		ck_assert_int_eq(getsockname(collectors[i], (struct sockaddr *)&address, &length),
				 0);
		snprintf(addresses[i], sizeof(addresses[i]), "127.0.0.1:%u",
			 ntohs(address.sin_port));
	}
	describe();
	base = event_base_new();
	ck_assert_int_eq(forward_new(base, key, &pool, &forward), 0);
	ops = forward_intake_ops(forward);
	take_config();
}

static void teardown(void)
{
	forward_free(forward);
	event_base_free(base);
	for (size_t i = 0; i < TARGETS; i++)
		close(collectors[i]);
	libevent_global_shutdown();
}

static uint64_t sum_of(const struct target_counts *counts)
{
	uint64_t sum = counts->sent + counts->queued;

	for (size_t i = 0; i < DROP_REASONS; i++)
		sum += counts->dropped[i];
	return sum;
}

static void check_ledgers(void)
{
	const struct output *output = forward_output(forward);
	struct record_counts records = forward_counts(forward);
	struct recorder_counts recorders = forward_recorder_counts(forward);
	struct target_counts all = output_removed(output);
	uint64_t fates =
		records.accepted + records.filtered + records.rate_limited + records.no_handler;

	for (size_t i = 0; i < REJECT_REASONS; i++)
		fates += records.rejected[i];
	ck_assert_uint_eq(records.received, fates);
	ck_assert_uint_eq(all.enqueued, sum_of(&all));
	for (size_t i = 0; i < output_targets(output); i++) {
		struct target_counts counts = target_counts(output_target(output, i));

		ck_assert_uint_eq(counts.enqueued, sum_of(&counts));
		all.enqueued += counts.enqueued;
		all.notices += counts.notices;
	}
	ck_assert_uint_eq(all.enqueued, records.deliveries + all.notices);
	ck_assert_uint_eq(recorders.kept, recorders.sent + recorders.forgotten + recorders.held);
	ck_assert_uint_eq(recorders.sent, records.recorded);
}

/* Gives a record by name, as syslog(3) does, and checks both ledgers before and after the flush. */
static void give(const char *logger, uint8_t level, struct span text)
{
	const struct record record = {
		.logger = span_of(logger),
		.app = span_of("test"),
		.pid = 4711,
		.time_us = INT64_C(1700000000000000),
		.level = level,
		.text = text,
		.original_length = text.len,
	};

	ops.record(ops.arg, &record);
	check_ledgers();
	ops.flush(ops.arg);
	check_ledgers();
}

static void give_text(const char *logger, uint8_t level, const char *text)
{
	give(logger, level, span_of(text));
}

/* The next datagram of a target's collector, or "" when there is none. */
static const char *received(size_t target)
{
	static char text[4096];
	ssize_t length = recv(collectors[target], text, sizeof(text) - 1, 0);

	text[length < 0 ? 0 : length] = '\0';
	return text;
}

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
	close(collectors[1]);
	collectors[1] = -1;
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
	close(collectors[1]);
	collectors[1] = -1;
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

	close(collectors[1]);
	collectors[1] = -1;
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

/* What a client is told: "floor" and the entries, or that it shall filter nothing. */
static struct frame_level_map told(struct writer *writer)
{
	struct span packet;
	struct frame_level_map map;
	struct frame frame;

	ops.level_map(ops.arg, NULL, writer);
	ck_assert(!writer->failed);
	packet = writer_span(writer);
	ck_assert_int_eq(frame_take(&packet, &frame), FRAME_TAKEN);
	ck_assert_int_eq(frame_take(&packet, &frame), FRAME_END);
	ck_assert(frame_parse_level_map(frame.body, &map));
	return map;
}

START_TEST(level_map_holds_what_is_configured)
{
	uint64_t generation = ops.level_generation(ops.arg);
	static uint8_t bytes[WIRE_PACKET_MAX];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	struct frame_level_map map = told(&writer);
	struct lease *lease;

	ck_assert_uint_eq(map.count, 2);
	ck_assert_uint_eq(map.lease_floor, LEVEL_MAX + 1);
	take_config();
	ck_assert_uint_eq(ops.level_generation(ops.arg), generation);
	loggers[2].level = 40;
	take_config();
	ck_assert_uint_ne(ops.level_generation(ops.arg), generation);
	ck_assert_int_eq(ops.open(ops.arg, span_of("x"), &writer, &lease), 0);
	ops.set_level(ops.arg, lease, 5);
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
	memory_fail_after(0);
	writer = writer_over(bytes, sizeof(bytes));
	ops.level_map(ops.arg, NULL, &writer);
	memory_heal();
	ck_assert(!writer.failed);
	ck_assert_uint_gt(writer.len, 0);
}
END_TEST

START_TEST(claims_of_clients_are_summed_and_never_wrap)
{
	ops.client_dropped(ops.arg, &(struct frame_dropped){ .records = 3 });
	ops.client_dropped(ops.arg, &(struct frame_dropped){ .records = 4 });
	ck_assert_uint_eq(forward_counts(forward).client_dropped, 7);
	ops.client_dropped(ops.arg, &(struct frame_dropped){ .records = UINT64_MAX });
	ck_assert_uint_eq(forward_counts(forward).client_dropped, UINT64_MAX);
}
END_TEST

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

static void give_lease(struct lease *lease, uint8_t level, const char *text)
{
	char borrowed[64];
	struct record record = {
		.lease = lease,
		.level = level,
		.app = span_of("test"),
		.original_length = strlen(text),
	};

	snprintf(borrowed, sizeof(borrowed), "%s", text);
	record.text = span_of(borrowed);
	ops.record(ops.arg, &record);
	ops.flush(ops.arg);
	check_ledgers();
	memset(borrowed, '?', sizeof(borrowed)); /* it was borrowed until the flush */
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

	give_lease(lease, 10, "last words");
	ck_assert_uint_eq(ops.close(ops.arg, lease, true), 1);
	check_ledgers();
	ck_assert_ptr_nonnull(strstr(received(0), "recorded=\"true\"] last words"));
	lease = open_recorded("other");
	give_lease(lease, 10, "closed");
	ck_assert_uint_eq(ops.close(ops.arg, lease, false), 0);
	check_ledgers();
	ck_assert_str_eq(received(0), "");
	ck_assert_uint_eq(forward_recorder_counts(forward).forgotten, 1);
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
	ck_assert(!forward_has_room(forward, 0));
	ck_assert(forward_has_room(forward, 1));
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
	static uint8_t bytes[FORMAT_SCRATCH_BYTES];
	struct writer scratch = writer_over(bytes, sizeof(bytes));
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
	ck_assert_int_eq(forward_render(forward, 1, &message, &scratch, &datagram), FORMAT_DONE);
	ck_assert(span_starts_with(datagram.header, span_of("<30>1 ")));
	ck_assert(span_equal(datagram.text, span_of("hello")));
	ck_assert_uint_eq(forward_handler(forward, 1).hits, 0);
	check_ledgers();
	ck_assert_str_eq(received(1), "");
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("forward");
	TCase *records = tcase_create("records");
	TCase *changes = tcase_create("changes");
	TCase *recorders = tcase_create("recorders");
	TCase *own = tcase_create("own");

	tcase_add_checked_fixture(records, setup, teardown);
	tcase_add_test(records, record_reaches_every_handler_on_its_path);
	tcase_add_test(records, record_has_one_fate);
	tcase_add_test(records, record_is_limited_where_its_handlers_are);
	tcase_add_test(records, record_is_cut_to_what_the_configuration_allows);
	tcase_add_test(records, own_context_comes_before_inherited);
	tcase_add_test(records, record_that_cannot_be_sent_is_a_counted_drop);
	tcase_add_test(records, record_without_memory_to_wait_is_a_counted_drop);
	tcase_add_test(records, claims_of_clients_are_summed_and_never_wrap);
	suite_add_tcase(suite, records);
	tcase_add_checked_fixture(changes, setup, teardown);
	tcase_add_test(changes, reload_loses_no_count);
	tcase_add_test(changes, end_accounts_for_what_waits);
	tcase_add_test(changes, configuration_without_memory_changes_nothing);
	tcase_add_test(changes, level_map_holds_what_is_configured);
	tcase_add_test(changes, level_map_that_does_not_fit_filters_nothing);
	suite_add_tcase(suite, changes);
	tcase_add_checked_fixture(recorders, setup, teardown);
	tcase_add_test(recorders, recorded_records_come_before_their_trigger);
	tcase_add_test(recorders, recorded_records_come_when_the_client_is_gone);
	tcase_add_test(recorders, recorded_records_have_one_fate_too);
	tcase_add_test(recorders, recorders_that_a_reload_takes_away_forget);
	suite_add_tcase(suite, recorders);
	tcase_add_checked_fixture(own, setup, teardown);
	tcase_add_test(own, own_record_is_a_notice_of_each_target_it_reaches);
	tcase_add_test(own, suppressed_records_are_announced_by_the_tick);
	tcase_add_test(own, render_shows_what_would_be_sent_and_counts_nothing);
	suite_add_tcase(suite, own);
	return suite;
}
