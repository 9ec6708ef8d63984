/*
 * Proves that a configuration is read as logfwd.conf(5) says, from the main file and conf.d, and
 * that any text at all is either read or refused.
 */
#include "config/config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "support/config_fixture.h"
#include "support/suite.h"

/* What the options mean */

START_TEST(config_of_one_target_has_all_defaults)
{
	struct config *config = load_text(TARGET);
	const struct target_options *target = config->targets;
	const struct handler_options *handler = config->handlers;

	ck_assert_str_eq(config->listen.client, "/run/logfwd/client.sock");
	ck_assert_str_eq(config->listen.syslog, "/run/logfwd/dev-log");
	ck_assert_str_eq(config->listen.control, "/run/logfwd/control.sock");
	ck_assert_str_eq(config->listen.control_group, "");
	ck_assert_uint_eq(config->listen.client_mode, 0666);
	ck_assert_uint_eq(config->listen.syslog_mode, 0666);
	ck_assert_uint_eq(config->listen.control_mode, 0660);
	ck_assert_uint_eq(config->limits.clients, 10000);
	ck_assert_uint_eq(config->limits.loggers, 1000000);
	ck_assert_uint_eq(config->limits.record_bytes, 65536);
	ck_assert_uint_eq(config->limits.context_bytes, 67108864);
	ck_assert_uint_eq(config->limits.recorder_bytes, 67108864);
	ck_assert_uint_eq(config->limits.uid_share, 25);
	ck_assert_uint_eq(config->pool.sockets, 16);
	ck_assert_uint_eq(config->pool.idle_timeout, 60);
	ck_assert_ptr_null(config->metrics.listen);
	ck_assert_uint_eq(config->n_targets, 1);
	ck_assert_str_eq(target->name, "central");
	ck_assert_uint_eq(target->n_servers, 1);
	ck_assert_str_eq(target->servers[0], "127.0.0.1:5514");
	ck_assert_int_eq(target->policy, POLICY_FAILOVER);
	ck_assert_int_eq(target->oversize, OVERSIZE_CUT);
	ck_assert_uint_eq(target->rate, 0);
	ck_assert_uint_eq(target->queue_bytes, 8388608);
	ck_assert_int_eq(target->when_full, WHEN_FULL_DROP_OLDEST);
	ck_assert_uint_eq(target->datagram_bytes, 2048);
	ck_assert_uint_eq(target->resolve_interval, 60);
	ck_assert(!target->sequence);
	ck_assert_uint_eq(target->sockets, 1);
	ck_assert_uint_eq(target->resend, 0);
	ck_assert_uint_eq(target->socket.bind.length, 0);
	ck_assert_str_eq(target->socket.bind_device, "");
	ck_assert_uint_eq(target->socket.dscp, 0);
	ck_assert_uint_eq(target->socket.send_buffer, 1048576);
	ck_assert_uint_eq(config->n_handlers, 1);
	ck_assert_str_eq(handler->name, "default");
	ck_assert_uint_eq(handler->target, 0);
	ck_assert_int_eq(handler->format, FORMAT_RFC5424);
	ck_assert_uint_eq(handler->facility, 16);
	ck_assert_uint_eq(handler->level, LEVEL_NOTSET);
	ck_assert_str_eq(handler->filter, "");
	ck_assert_ptr_null(handler->template);
	ck_assert_uint_eq(handler->rate_limit, 0);
	ck_assert_uint_eq(handler->rate_burst, 0);
	ck_assert_uint_eq(config->n_loggers, 1);
	ck_assert_str_eq(config->loggers[0].name, "root");
	ck_assert_uint_eq(config->loggers[0].level, LEVEL_INFO);
	ck_assert_uint_eq(config->loggers[0].n_handlers, 1);
	ck_assert_uint_eq(config->loggers[0].handlers[0], 0);
	config_free(config);
}
END_TEST

static const char whole[] =
	"listen { client = /a client-mode = 0600 syslog = \"\" syslog-mode = 0222\n"
	"         control = '/c' control-mode = 0 control-group = \"adm\" }\n"
	"limits { clients = 1 loggers = 2 record-bytes = 480 uid-share = 100\n"
	"         context-bytes = 0 recorder-bytes = 1099511627776 }\n"
	"pool { sockets = 1024 idle-timeout = 86400 }\n"
	"metrics { listen = \"[::1]:0\" }\n"
	"target one { servers = {\"logs1.example.com:514\", '[2001:db8::1]:65535', 192.0.2.1:1}\n"
	"  policy = Mirror sockets = 64 queue-bytes = 1073741824 when-full = drop-lowest\n"
	"  datagram-bytes = 65507 resolve-interval = 1 sequence = yes resend = 10000 oversize = Split\n  rate = 1000000000\n"
	"  bind-device = eth0.100 dscp = 63 send-buffer = 4096 }\n"
	"target two { servers = \"127.0.0.1:5514\" /* braces need not be */ policy = sticky\n"
	"  bind-address = 127.0.0.2 }\n"
	"handler a { target = two format = rfc3164 facility = 23 level = 35 filter = \"app.db\"\n"
	"  template = \"[{logger}] {message}\" rate-limit = 10 rate-burst = 20 }\n"
	"handler b { facility = AUTHPRIV level = Crit rate-limit = 7 }\n"
	"logger root { level = notset handlers = {b} recorder = 2000 }\n"
	"logger app.db { level = \"100\" handlers = { # both\n"
	"    a,\n"
	"    b} propagate = off context = {\"service=edge\", \"empty=\", \"sum=1=1\"}\n"
	"    recorder-trigger = 35 recorder = 0 }\n"
	"logger \"two words..\" { }\n";

START_TEST(config_of_all_options_has_them_all)
{
	struct config *config = load_text(whole);
	const struct target_options *one = &config->targets[0];
	const struct handler_options *a = &config->handlers[0], *b = &config->handlers[1];
	const struct logger_options *db = logger_of(config, "app.db");

	ck_assert_str_eq(config->listen.client, "/a");
	ck_assert_uint_eq(config->listen.client_mode, 0600);
	ck_assert_str_eq(config->listen.syslog, "");
	ck_assert_uint_eq(config->listen.syslog_mode, 0222);
	ck_assert_str_eq(config->listen.control, "/c");
	ck_assert_uint_eq(config->listen.control_mode, 0);
	ck_assert_str_eq(config->listen.control_group, "adm");
	ck_assert_uint_eq(config->limits.clients, 1);
	ck_assert_uint_eq(config->limits.loggers, 2);
	ck_assert_uint_eq(config->limits.record_bytes, 480);
	ck_assert_uint_eq(config->limits.context_bytes, 0);
	ck_assert_uint_eq(config->limits.recorder_bytes, 1099511627776);
	ck_assert_uint_eq(config->limits.uid_share, 100);
	ck_assert_uint_eq(config->pool.sockets, 1024);
	ck_assert_uint_eq(config->pool.idle_timeout, 86400);
	ck_assert_str_eq(config->metrics.listen, "[::1]:0");
	ck_assert_uint_eq(config->n_targets, 2);
	ck_assert_uint_eq(one->n_servers, 3);
	ck_assert_str_eq(one->servers[1], "[2001:db8::1]:65535");
	ck_assert_uint_eq(one->queue_bytes, 1073741824);
	ck_assert_int_eq(one->when_full, WHEN_FULL_DROP_LOWEST);
	ck_assert_uint_eq(one->datagram_bytes, 65507);
	ck_assert_uint_eq(one->resolve_interval, 1);
	ck_assert(one->sequence);
	ck_assert_int_eq(one->policy, POLICY_MIRROR);
	ck_assert_int_eq(one->oversize, OVERSIZE_SPLIT);
	ck_assert_uint_eq(one->rate, 1000000000);
	ck_assert_uint_eq(one->sockets, 64);
	ck_assert_uint_eq(one->resend, 10000);
	ck_assert_uint_eq(one->socket.bind.length, 0);
	ck_assert_str_eq(one->socket.bind_device, "eth0.100");
	ck_assert_uint_eq(one->socket.dscp, 63);
	ck_assert_uint_eq(one->socket.send_buffer, 4096);
	ck_assert_int_eq(config->targets[1].policy, POLICY_STICKY);
	ck_assert_uint_eq(config->targets[1].socket.bind.v4.sin_addr.s_addr, htonl(0x7f000002));
	ck_assert_uint_eq(config->targets[1].n_servers, 1);
	ck_assert_uint_eq(a->target, 1);
	ck_assert_int_eq(a->format, FORMAT_RFC3164);
	ck_assert_uint_eq(a->facility, 23);
	ck_assert_uint_eq(a->level, 35);
	ck_assert_str_eq(a->filter, "app.db");
	ck_assert_ptr_nonnull(a->template);
	ck_assert_uint_eq(a->rate_limit, 10);
	ck_assert_uint_eq(a->rate_burst, 20);
	ck_assert_uint_eq(b->target, 0);
	ck_assert_uint_eq(b->facility, 10);
	ck_assert_uint_eq(b->level, LEVEL_CRITICAL);
	ck_assert_uint_eq(b->rate_burst, 7);
	ck_assert_uint_eq(config->n_loggers, 3);
	ck_assert_uint_eq(config->loggers[0].level, LEVEL_NOTSET);
	ck_assert_uint_eq(config->loggers[0].handlers[0], 1);
	ck_assert_uint_eq(db->level, LEVEL_MAX);
	ck_assert_uint_eq(db->n_handlers, 2);
	ck_assert(!db->propagate);
	ck_assert_uint_eq(db->n_context, 3);
	ck_assert(span_equal(db->context[0].value, span_of("edge")));
	ck_assert_uint_eq(db->context[1].value.len, 0);
	ck_assert(span_equal(db->context[2].value, span_of("1=1")));
	ck_assert(db->has_recorder && config->loggers[0].has_recorder);
	ck_assert_uint_eq(db->recorder.records, 0);
	ck_assert_uint_eq(db->recorder.trigger, 35);
	ck_assert_uint_eq(config->loggers[0].recorder.records, 2000);
	ck_assert_uint_eq(config->loggers[0].recorder.trigger, LEVEL_ERROR);
	ck_assert(!logger_of(config, "two words..")->has_recorder);
	ck_assert(logger_of(config, "two words..")->propagate);
	config_free(config);
}
END_TEST

/* Which handlers the root gets when nobody says so. */
static const struct {
	const char *text;
	int handler; /* of the root, by index; -1: none; -2: refused */
	uint8_t level;
} roots[] = {
	{ "", 0, LEVEL_INFO },
	{ "logger app { handlers = {default} }", 0, LEVEL_INFO },
	{ "logger root { level = debug }", 0, LEVEL_DEBUG },
	{ "logger \"\" { level = debug }", 0, LEVEL_DEBUG },
	{ "logger root { }", 0, LEVEL_INFO },
	{ "logger root { handlers = {} }", -1, LEVEL_INFO },
	{ "handler default { } logger app { }", 0, LEVEL_INFO },
	{ "handler mail { } handler default { }", 1, LEVEL_INFO },
	{ "handler mail { } handler default { } logger root { level = 7 }", 1, 7 },
	{ "handler mail { } logger root { }", -1, LEVEL_INFO },
	{ "handler mail { } logger root { handlers = mail }", 0, LEVEL_INFO },
	{ "handler mail { }", -2, 0 },
	{ "handler mail { } logger app { handlers = {mail} }", -2, 0 },
};

START_TEST(config_root_has_a_handler_unless_told_otherwise)
{
	struct config *config = NULL;
	char text[256];

	snprintf(text, sizeof(text), "%s%s\n", TARGET, roots[_i].text);
	write_file("logfwd.conf", text);
	if (roots[_i].handler == -2) {
		refused();
		assert_says(":2: no logger root: say which handlers it has");
		return;
	}
	config = load();
	ck_assert_str_eq(config->loggers[0].name, "root");
	ck_assert_uint_eq(config->loggers[0].level, roots[_i].level);
	ck_assert_uint_eq(config->loggers[0].n_handlers, roots[_i].handler >= 0);
	if (roots[_i].handler >= 0)
		ck_assert_int_eq(config->loggers[0].handlers[0], roots[_i].handler);
	config_free(config);
}
END_TEST

/* Facilities by name, in the order of their numbers, and by number. */
START_TEST(config_facility_has_its_number)
{
	static const char *const names[] = {
		"kern",	  "user",   "mail",	"daemon", "auth",   "syslog", "lpr",	"news",
		"uucp",	  "cron",   "authpriv", "ftp",	  "ntp",    "audit",  "alert",	"clock",
		"local0", "local1", "local2",	"local3", "local4", "local5", "local6", "local7",
	};
	char text[256];
	struct config *config;

	ck_assert_uint_eq(ARRAY_LEN(names), 24);
	snprintf(text, sizeof(text),
		 TARGET "handler default { facility = %s } handler number { facility = %d }",
		 names[_i], _i);
	config = load_text(text);
	ck_assert_uint_eq(config->handlers[0].facility, _i);
	ck_assert_uint_eq(config->handlers[1].facility, _i);
	config_free(config);
}
END_TEST

START_TEST(config_takes_other_line_ends_and_appended_lists)
{
	struct config *config = load_text("target central {\r\n"
					  "servers = {\"a:1\"} // one\r\n"
					  "servers += {\"b:2\"}\r\n"
					  "\tservers += \"c:3\"}\r\n"
					  "listen { client = /a }\r\n"
					  "listen { control = /b }");

	ck_assert_uint_eq(config->targets[0].n_servers, 3);
	ck_assert_str_eq(config->targets[0].servers[2], "c:3");
	ck_assert_str_eq(config->listen.client, "/a");
	ck_assert_str_eq(config->listen.control, "/b");
	config_free(config);
}
END_TEST

/* conf.d */

START_TEST(config_reads_conf_d_in_byte_order)
{
	struct config *config;

	write_file("logfwd.conf", TARGET "limits { clients = 1 loggers = 1 }\n");
	write_file("conf.d/B.conf", "limits { clients = 2 loggers = 2 } logger b { }");
	write_file("conf.d/a.conf", "limits { loggers = 3 } logger a { }");
	write_file("conf.d/10-x.conf", "target away { servers = {a:1} } logger x { }");
	write_file("conf.d/empty.conf", "");
	write_file("conf.d/only-comment.conf", "# nothing");
	config = load();
	ck_assert_uint_eq(config->limits.clients, 2);
	ck_assert_uint_eq(config->limits.loggers, 3);
	ck_assert_uint_eq(config->n_targets, 2);
	ck_assert_str_eq(config->targets[0].name, "central");
	ck_assert_uint_eq(config->n_loggers, 4);
	ck_assert_str_eq(config->loggers[1].name, "x");
	ck_assert_str_eq(config->loggers[2].name, "b");
	ck_assert_str_eq(config->loggers[3].name, "a");
	config_free(config);
}
END_TEST

START_TEST(config_leaves_other_files_of_conf_d_alone)
{
	struct config *config;

	write_file("logfwd.conf", TARGET);
	write_file("conf.d/a.conf~", "broken");
	write_file("conf.d/a.conf.dpkg-old", "broken");
	write_file("conf.d/.conf", "broken");
	write_file("conf.d/.a.conf", "broken");
	write_file("conf.d/README", "broken");
	config = load();
	ck_assert_uint_eq(config->n_loggers, 1);
	config_free(config);
}
END_TEST

START_TEST(config_needs_no_conf_d)
{
	remove_entries("conf.d");
	config_free(load_text(TARGET));
}
END_TEST

START_TEST(config_conf_d_is_beside_a_path_without_slash)
{
	struct config *config = NULL;

	write_file("logfwd.conf", TARGET);
	write_file("conf.d/a.conf", "logger a { }");
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(config_load("logfwd.conf", &config, complaint), 0);
	ck_assert_uint_eq(config->n_loggers, 2);
	config_free(config);
	write_file("conf.d/a.conf", "\nlogger a { level = x }");
	config = NULL;
	ck_assert_int_eq(config_load("logfwd.conf", &config, complaint), -EINVAL);
	ck_assert_int_eq(strncmp(complaint, "conf.d/a.conf:2: ", 17), 0);
}
END_TEST

static const struct {
	const char *first, *second;
	const char *says;
} duplicates[] = {
	{ "\nhandler default { }", "handler default { }", "duplicate handler \"default\"" },
	{ "\nlogger a.b\n{ }", "logger a.b { }", "duplicate logger \"a.b\"" },
	{ "\nlogger root { }", "logger '' { }", "duplicate logger \"root\"" },
	{ "\ntarget x { servers = {a:1} }", "target x { servers = {b:1} }",
	  "duplicate target \"x\"" },
};

START_TEST(config_names_both_places_of_a_duplicate)
{
	char place[192];

	write_file("logfwd.conf", TARGET);
	write_file("conf.d/1.conf", duplicates[_i].first);
	write_file("conf.d/2.conf", duplicates[_i].second);
	ck_assert_int_eq(refused(), -EINVAL);
	assert_says(duplicates[_i].says);
	snprintf(place, sizeof(place), "%s:1: ", path_of("conf.d/2.conf"));
	ck_assert_int_eq(strncmp(complaint, place, strlen(place)), 0);
	snprintf(place, sizeof(place), "%s:2", path_of("conf.d/1.conf"));
	assert_says(place);
}
END_TEST

/* Every beginning of a good text, and every single byte of it changed: good or refused, no more. */
START_TEST(config_takes_any_text)
{
	static const char changes[] = "{}\"'=,#/*\\$+ \n0|";
	char text[sizeof(whole)];
	struct config *config = NULL;

	for (size_t length = 0; length < sizeof(whole); length++) {
		write_bytes("logfwd.conf", whole, length);
		if (config_load(main_path, &config, complaint) == 0)
			config_free(config);
	}
	for (size_t at = 0; at < sizeof(whole) - 1; at++) {
		memcpy(text, whole, sizeof(whole));
		text[at] = changes[at % (sizeof(changes) - 1)];
		write_file("logfwd.conf", text);
		if (config_load(main_path, &config, complaint) == 0)
			config_free(config);
		else
			ck_assert_int_eq(strncmp(complaint, main_path, strlen(main_path)), 0);
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("config");
	TCase *config = tcase_create("config");

	tcase_add_checked_fixture(config, make_folder, remove_folder);
	tcase_set_timeout(config, 60);
	tcase_add_test(config, config_of_one_target_has_all_defaults);
	tcase_add_test(config, config_of_all_options_has_them_all);
	tcase_add_loop_test(config, config_root_has_a_handler_unless_told_otherwise, 0,
			    ARRAY_LEN(roots));
	tcase_add_loop_test(config, config_facility_has_its_number, 0, 24);
	tcase_add_test(config, config_takes_other_line_ends_and_appended_lists);
	tcase_add_test(config, config_reads_conf_d_in_byte_order);
	tcase_add_test(config, config_leaves_other_files_of_conf_d_alone);
	tcase_add_test(config, config_needs_no_conf_d);
	tcase_add_test(config, config_conf_d_is_beside_a_path_without_slash);
	tcase_add_loop_test(config, config_names_both_places_of_a_duplicate, 0,
			    ARRAY_LEN(duplicates));
	tcase_add_test(config, config_takes_any_text);
	suite_add_tcase(suite, config);
	return suite;
}
