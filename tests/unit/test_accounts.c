/*
 * Proves that the accounts as JSON are balanced, and hold every reason and no negative number
 * whatever clients claim.
 */
#include "accounts.h"

#include <event2/event.h>
#include <sys/socket.h>

#include "support/suite.h"

static struct event_base *base;
static struct forward *forward;
static struct clients *clients;
static struct tails *tails;
static struct intake_ops ops;
static struct accounts_source source;

static const uint16_t of_root[] = { 0 };

static void configure(void)
{
	static const char *const servers[] = { "127.0.0.1:9" };
	static struct target_options target = {
		.name = "central",
		.servers = servers,
		.n_servers = 1,
		.queue_bytes = 65536,
		.datagram_bytes = 2048,
		.resolve_interval = 60,
	};
	static struct handler_options handler = { .name = "default", .filter = "" };
	static struct logger_options root = {
		.name = "", .level = 20, .propagate = true, .handlers = of_root, .n_handlers = 1
	};
	static struct config config = {
		.limits = { .clients = 10, .loggers = 100, .record_bytes = 480, .uid_share = 100 },
		.pool = { .sockets = 4, .idle_timeout = 60 },
		.targets = &target,
		.n_targets = 1,
		.handlers = &handler,
		.n_handlers = 1,
		.loggers = &root,
		.n_loggers = 1,
	};
	struct forward_generation *generation;

	ck_assert_int_eq(forward_prepare(forward, &config, &generation), 0);
	forward_commit(forward, generation);
	source.config = &config;
	ck_assert_int_eq(clients_new(base, socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), &ops,
				     &config.limits, 1, &clients),
			 0);
}

static void setup(void)
{
	static const uint8_t key[16] = { 1 };
	const struct pool_options pool = { .sockets = 4, .idle_timeout = 60 };

	base = event_base_new();
	ck_assert_int_eq(forward_new(base, key, &pool, &forward), 0);
	ops = forward_intake_ops(forward);
	configure();
	source.forward = forward;
	source.clients = clients;
	tails = tails_new(forward);
	ck_assert_ptr_nonnull(tails);
	source.tails = tails;
}

static void teardown(void)
{
	clients_free(clients);
	tails_free(tails);
	forward_free(forward);
	event_base_free(base);
	libevent_global_shutdown();
}

static json_int_t number_at(const json_t *object, const char *section, const char *key)
{
	const json_t *value = json_object_get(json_object_get(object, section), key);

	ck_assert_msg(json_is_integer(value), "no number %s.%s", section, key);
	return json_integer_value(value);
}

START_TEST(stats_are_balanced_and_whole)
{
	static const char *const keys[] = { "received",	  "accepted", "filtered",  "rate_limited",
					    "no_handler", "rejected", "deliveries" };
	const struct record record = { .logger = span_of("x"), .level = 20 };
	const json_t *target;
	json_t *stats;

	ops.record(ops.arg, &record);
	ops.flush(ops.arg);
	ops.reject(ops.arg, REJECT_UNKNOWN_LOGGER);
	stats = accounts_stats(&source);
	ck_assert(json_is_true(json_object_get(stats, "balanced")));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		ck_assert_int_ge(number_at(stats, "records", keys[i]), 0);
	ck_assert_int_eq(number_at(stats, "records", "received"), 2);
	ck_assert_int_eq(number_at(stats, "records", "rejected"), 1);
	ck_assert_int_eq(number_at(json_object_get(stats, "records"), "rejected_by",
				   reject_reason_name(REJECT_UNKNOWN_LOGGER)),
			 1);
	target = json_object_get(json_object_get(stats, "targets"), "central");
	for (int i = 0; i < DROP_REASONS; i++)
		ck_assert_int_eq(number_at(target, "dropped",
					   drop_reason_name((enum drop_reason)i)),
				 0);
	ck_assert_ptr_nonnull(json_object_get(json_object_get(target, "servers"), "127.0.0.1:9"));
	json_decref(stats);
}
END_TEST

START_TEST(health_is_what_stats_say_of_it)
{
	json_t *health = accounts_health(&source);

	ck_assert_uint_eq(json_object_size(health), 3);
	ck_assert_str_eq(json_string_value(json_object_get(health, "version")), LOGFWD_VERSION);
	ck_assert(json_is_true(json_object_get(health, "balanced")));
	ck_assert(json_real_value(json_object_get(health, "uptime_seconds")) >= 0);
	json_decref(health);
}
END_TEST

START_TEST(stats_hold_no_negative_number)
{
	json_t *stats;

	ops.client_dropped(ops.arg, &(struct client_loss){ .dropped.records = UINT64_MAX });
	stats = accounts_stats(&source);
	ck_assert_int_eq(number_at(stats, "clients", "client_dropped"), INT64_MAX);
	json_decref(stats);
}
END_TEST

START_TEST(targets_are_listed)
{
	json_t *targets = accounts_targets(&source);

	ck_assert_str_eq(json_string_value(
				 json_object_get(json_object_get(json_object_get(targets,
										 "targets"),
								 "central"),
						 "policy")),
			 "failover");
	json_decref(targets);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("accounts");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, stats_are_balanced_and_whole);
	tcase_add_test(all, health_is_what_stats_say_of_it);
	tcase_add_test(all, stats_hold_no_negative_number);
	tcase_add_test(all, targets_are_listed);
	suite_add_tcase(suite, all);
	return suite;
}
