#include "support/forward_fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <unistd.h>

static struct event_base *base;
struct forward *forward;
struct intake_ops ops;
static int collectors[FORWARD_TARGETS];
static char addresses[FORWARD_TARGETS][32];
static const char *servers[FORWARD_TARGETS][1];

struct target_options targets[FORWARD_TARGETS];
struct handler_options handlers[FORWARD_HANDLERS];
struct logger_options loggers[FORWARD_LOGGERS];
struct config config;

static const uint16_t of_root[] = { 0 };
static const uint16_t of_app[] = { 1, 2 };

static void describe(void)
{
	static const char *const target_names[] = { "a", "b" };
	static const char *const handler_names[] = { "one", "two", "three" };

	for (size_t i = 0; i < FORWARD_TARGETS; i++) {
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
	for (size_t i = 0; i < FORWARD_HANDLERS; i++)
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
		.n_targets = FORWARD_TARGETS,
		.handlers = handlers,
		.n_handlers = FORWARD_HANDLERS,
		.loggers = loggers,
		.n_loggers = FORWARD_LOGGERS,
	};
}

void take_config(void)
{
	struct forward_generation *generation;

	ck_assert_int_eq(forward_prepare(forward, &config, &generation), 0);
	forward_commit(forward, generation);
}

void forward_setup(void)
{
	static const uint8_t key[16] = { 1 };
	const struct pool_options pool = { .sockets = 4, .idle_timeout = 60 };

	for (size_t i = 0; i < FORWARD_TARGETS; i++) {
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

void stop_collector(size_t target)
{
	if (collectors[target] >= 0)
		close(collectors[target]);
	collectors[target] = -1;
}

void forward_teardown(void)
{
	forward_free(forward);
	event_base_free(base);
	for (size_t i = 0; i < FORWARD_TARGETS; i++)
		stop_collector(i);
	libevent_global_shutdown();
}

static uint64_t sum_of(const struct target_counts *counts)
{
	uint64_t sum = counts->sent + counts->queued;

	for (size_t i = 0; i < DROP_REASONS; i++)
		sum += counts->dropped[i];
	return sum;
}

void check_ledgers(void)
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
void give(const char *logger, uint8_t level, struct span text)
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

void give_text(const char *logger, uint8_t level, const char *text)
{
	give(logger, level, span_of(text));
}

/* The next datagram of a target's collector, or "" when there is none. */
const char *received(size_t target)
{
	static char text[4096];
	ssize_t length = recv(collectors[target], text, sizeof(text) - 1, 0);

	text[length < 0 ? 0 : length] = '\0';
	return text;
}
