/* The verb `tail`: records as they pass the daemon. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/connection.h"
#include "ctl/json.h"
#include "ctl/level_text.h"
#include "ctl/print.h"
#include "ctl/visible.h"
#include "wire/level.h"

#define LINE_BYTES                                                                                 \
	131072 /* a whole line at once, whatever ends us: a text is 8192 bytes, escaped */

/* What was asked for. */
struct tail {
	const char *pattern; /* NULL: all */
	uint8_t level;	     /* 0: any */
	bool all;
	enum print_format format;
	uint64_t wanted; /* records; 0: without end */
	uint64_t shown;
};

/* ", " between the words of what is unusual about a record. */
static void print_remark(const char *remark, size_t *count)
{
	fputs((*count)++ == 0 ? " (" : ", ", stdout);
	visible_write(stdout, span_of(remark));
}

static void print_remarks(const json_t *record)
{
	const char *fate = json_text(record, "fate");
	size_t count = 0;

	if (strcmp(fate, "accepted") != 0)
		print_remark(fate, &count);
	if (json_is_true(json_object_get(record, "recorded")))
		print_remark("recorded", &count);
	if (count > 0)
		putchar(')');
}

static void print_record(const json_t *record)
{
	const json_t *pid = json_object_get(record, "pid");
	const json_t *length = json_object_get(record, "length");
	char number[LEVEL_TEXT_BYTES];

	visible_write(stdout, span_of(json_text(record, "time")));
	printf(" %-9s ", level_text(json_number(record, "level"), number));
	visible_write(stdout, span_of(json_text(record, "logger")));
	if (json_is_integer(pid))
		printf("[%" JSON_INTEGER_FORMAT "]", json_integer_value(pid));
	print_remarks(record);
	fputs(": ", stdout);
	visible_write(stdout, span_of(json_text(record, "text")));
	if (json_is_integer(length))
		printf(" ... (%" JSON_INTEGER_FORMAT " bytes)", json_integer_value(length));
	putchar('\n');
}

/* A record, or how many are missing in its place. */
static void print_entry(const struct tail *tail, const json_t *entry)
{
	const json_t *missing = json_object_get(entry, "not_shown");

	if (tail->format == PRINT_JSON)
		print_json(entry);
	else if (missing == NULL)
		print_record(entry);
	else
		printf("-- %" JSON_INTEGER_FORMAT " records not shown --\n",
		       json_integer_value(missing));
}

/* connection_part; false when there are enough, or nobody reads them. */
static bool on_records(json_t *result, void *arg)
{
	struct tail *tail = arg;
	const json_t *only = json_object_get(result, "only_uid");
	json_t *entry;
	size_t i;

	if (json_is_integer(only))
		fprintf(stderr,
			"logfwdctl: only records of uid %" JSON_INTEGER_FORMAT
			" are shown; root and the control socket's group see all\n",
			json_integer_value(only));
	json_array_foreach(json_object_get(result, "records"), i, entry)
	{
		print_entry(tail, entry);
		if (json_object_get(entry, "not_shown") == NULL && ++tail->shown == tail->wanted)
			return false;
	}
	return fflush(stdout) == 0 && !ferror(stdout);
}

static int follow(const struct invocation *invocation, struct tail *tail)
{
	static char buffer[LINE_BYTES];
	json_t *request = json_pack("{s:s, s:s*, s:i, s:b}", "verb", "tail", "pattern",
				    tail->pattern, "level", (int)tail->level, "all", tail->all);

	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
	return connection_follow(invocation->socket_path, request, CONNECTION_TIMEOUT_MS, 0,
				 on_records, tail);
}

static bool parse_option(int option, const char *argument, struct tail *tail)
{
	switch (option) {
	case 'l':
		if (level_parse(span_of(argument), &tail->level))
			return true;
		level_text_refuse(argument, ", or 0 for all");
		return false;
	case 'f':
		return print_parse_format(argument, false, &tail->format);
	case 'n':
		return print_parse_count(argument, &tail->wanted);
	default:
		tail->all = true;
		return true;
	}
}

int run_tail(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "level", required_argument, NULL, 'l' },
		{ "format", required_argument, NULL, 'f' },
		{ "count", required_argument, NULL, 'n' },
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct tail tail = { .format = PRINT_TEXT };
	int option;

	while ((option = getopt_long(argc, argv, "l:f:n:ah", options, NULL)) != -1) {
		if (option == 'h')
			return command_help("tail");
		if (option == '?')
			return command_misused("tail");
		if (!parse_option(option, optarg, &tail))
			return EXIT_USAGE;
	}
	if (argc - optind > 1)
		return command_misused("tail");
	tail.pattern = argc > optind ? argv[optind] : NULL;
	return follow(invocation, &tail);
}
