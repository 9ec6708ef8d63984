/* The verb `stats`: the accounts as they are, checked, or second by second. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/command.h"
#include "ctl/connection.h"
#include "ctl/json.h"
#include "ctl/ledger.h"
#include "ctl/print.h"
#include "ctl/visible.h"

#define WATCH_HEADING_EVERY 20 /* lines */

static int ask_stats(const struct invocation *invocation, json_t **stats_out)
{
	return connection_ask(invocation->socket_path, json_pack("{s:s}", "verb", "stats"),
			      CONNECTION_TIMEOUT_MS, stats_out);
}

/* What is told though it is zero: somebody looks for it. */
static bool is_always_told(const char *key)
{
	return strcmp(key, "received") == 0 || strcmp(key, "queued") == 0 ||
	       strcmp(key, "live") == 0 || strcmp(key, "open") == 0;
}

/* A page of zeros would hide the one that is none. */
static void leave_out_zeros(json_t *object)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, key, value)
	{
		if (json_is_object(value))
			leave_out_zeros(value);
		if (json_is_object(value)
			    ? json_object_size(value) == 0
			    : json_is_integer(value) && json_integer_value(value) == 0 &&
				      !is_always_told(key))
			json_object_del(object, key);
	}
}

static void print_text(json_t *stats)
{
	char uptime[PRINT_DURATION_BYTES];
	bool balanced = json_is_true(json_object_get(stats, "balanced"));

	fputs("logfwdd ", stdout);
	visible_write(stdout, span_of(json_text(stats, "version")));
	printf(", up %s, accounts %s\n",
	       print_duration(json_number_value(json_object_get(stats, "uptime_seconds")), uptime),
	       balanced ? "balanced" : "NOT BALANCED");
	json_object_del(stats, "version");
	json_object_del(stats, "uptime_seconds");
	json_object_del(stats, "balanced");
	leave_out_zeros(stats);
	print_fields(stats, 0);
}

static int show(const struct invocation *invocation, enum print_format format)
{
	CLEANUP(json_decref) json_t *stats = NULL;
	int status = ask_stats(invocation, &stats);

	if (status != EXIT_SUCCESS)
		return status;
	if (format == PRINT_JSON)
		print_json(stats);
	else
		print_text(stats);
	return EXIT_SUCCESS;
}

/* The daemon renders the metrics: the endpoint for scrapers serves the very same text. */
static int show_prometheus(const struct invocation *invocation)
{
	CLEANUP(json_decref) json_t *result = NULL;
	json_t *request = json_pack("{s:s, s:s}", "verb", "stats", "format", "prometheus");
	int status =
		connection_ask(invocation->socket_path, request, CONNECTION_TIMEOUT_MS, &result);

	if (status == EXIT_SUCCESS)
		fputs(json_text(result, "text"), stdout);
	return status;
}

static void print_equation(const json_t *equation)
{
	json_int_t left = json_number(equation, "left_sum");
	json_int_t right = json_number(equation, "right_sum");
	const char *fault = json_text(equation, "fault");

	visible_write(stdout, span_of(json_text(equation, "ledger")));
	if (json_is_true(json_object_get(equation, "closes"))) {
		printf(": closes (%" JSON_INTEGER_FORMAT ")\n", left);
		return;
	}
	if (fault[0] != '\0') {
		fputs(": cannot be checked: ", stdout);
		visible_write(stdout, span_of(fault));
		fputc('\n', stdout);
		return;
	}
	printf(": OFF BY %" JSON_INTEGER_FORMAT "\n", left - right);
	printf("  %" JSON_INTEGER_FORMAT " = %s\n", left, json_text(equation, "left"));
	printf("  %" JSON_INTEGER_FORMAT " = %s\n", right, json_text(equation, "right"));
}

static int check(const struct invocation *invocation, enum print_format format)
{
	CLEANUP(json_decref) json_t *stats = NULL;
	CLEANUP(json_decref) json_t *equations = NULL;
	CLEANUP(json_decref) json_t *report = NULL;
	int status = ask_stats(invocation, &stats);
	json_t *equation;
	size_t i;

	if (status != EXIT_SUCCESS)
		return status;
	equations = ledger_check(stats);
	if (equations == NULL) {
		fputs("logfwdctl: out of memory\n", stderr);
		return EXIT_FAILURE;
	}
	if (format == PRINT_JSON) {
		report = json_pack("{s:b, s:O}", "closes", ledger_closes(equations), "ledgers",
				   equations);
		print_json(report);
	} else {
		json_array_foreach(equations, i, equation) print_equation(equation);
	}
	return ledger_closes(equations) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What a line of --watch compares with the line before. */
struct moment {
	double uptime;
	json_int_t received, accepted, sent, dropped;
};

static struct moment moment_of(const json_t *stats)
{
	const json_t *records = json_object_get(stats, "records");
	struct moment moment = {
		.uptime = json_number_value(json_object_get(stats, "uptime_seconds")),
		.received = json_number(records, "received"),
		.accepted = json_number(records, "accepted"),
	};
	const char *name, *reason;
	json_t *target, *count;

	json_object_foreach(json_object_get(stats, "targets"), name, target)
	{
		moment.sent += json_number(target, "sent");
		json_object_foreach(json_object_get(target, "dropped"), reason, count)
			moment.dropped += json_integer_value(count);
	}
	return moment;
}

static json_int_t queued_records(const json_t *stats)
{
	json_int_t sum = 0;
	const char *name;
	json_t *target;

	json_object_foreach(json_object_get(stats, "targets"), name, target) sum +=
		json_number(target, "queued");
	return sum;
}

static double rate(json_int_t now, json_int_t before, double seconds)
{
	return seconds > 0 ? (double)(now - before) / seconds : 0;
}

static void print_moment(const json_t *stats, const struct moment *now, const struct moment *before)
{
	double seconds = now->uptime - before->uptime;

	printf("%11.0f %11.0f %11.0f %10.0f %9" JSON_INTEGER_FORMAT " %9" JSON_INTEGER_FORMAT
	       " %9" JSON_INTEGER_FORMAT "\n",
	       rate(now->received, before->received, seconds),
	       rate(now->accepted, before->accepted, seconds),
	       rate(now->sent, before->sent, seconds), rate(now->dropped, before->dropped, seconds),
	       queued_records(stats), json_number(json_object_get(stats, "loggers"), "live"),
	       json_number(json_object_get(stats, "clients"), "live"));
}

/* A line a second, until it is interrupted or the daemon is gone. */
static int watch(const struct invocation *invocation, enum print_format format)
{
	static const struct timespec second = { .tv_sec = 1 };
	struct moment before = { 0 };
	int status;

	for (size_t line = 0;; line++) {
		CLEANUP(json_decref) json_t *stats = NULL;
		struct moment now;

		status = ask_stats(invocation, &stats);
		if (status != EXIT_SUCCESS)
			return status;
		now = moment_of(stats);
		if (format == PRINT_JSON) {
			print_json(stats);
		} else if (line > 0) {
			if (line % WATCH_HEADING_EVERY == 1)
				puts(" RECEIVED/s  ACCEPTED/s      SENT/s  DROPPED/s    QUEUED   "
				     "LOGGERS   CLIENTS");
			print_moment(stats, &now, &before);
		}
		if (fflush(stdout) != 0)
			return EXIT_FAILURE;
		before = now;
		nanosleep(&second, NULL);
	}
}

int run_stats(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "check", no_argument, NULL, 'c' },
		{ "watch", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum print_format format = PRINT_TEXT;
	bool checks = false, watches = false;
	int option;

	while ((option = getopt_long(argc, argv, "f:cwh", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (!print_parse_format(optarg, true, &format))
				return EXIT_USAGE;
			break;
		case 'c':
			checks = true;
			break;
		case 'w':
			watches = true;
			break;
		case 'h':
			return command_help("stats");
		default:
			return command_misused("stats");
		}
	}
	if (optind != argc || (checks && watches) ||
	    (format == PRINT_PROMETHEUS && (checks || watches)))
		return command_misused("stats");
	if (watches)
		return watch(invocation, format);
	if (checks)
		return check(invocation, format);
	return format == PRINT_PROMETHEUS ? show_prometheus(invocation) : show(invocation, format);
}
