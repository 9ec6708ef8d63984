/* The verb `explain`: what becomes of a record, and why. */
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

static const char *handler_text(const char *verdict)
{
	static const char *const texts[][2] = {
		{ "takes", "takes it" },
		{ "level", "passes it by: below the handler's level" },
		{ "filter", "passes it by: the handler's filter" },
		{ "oversize", "drops it: it exceeds the target's datagram-bytes" },
		{ "rate_limited", "would take it, but is at its rate-limit now" },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (strcmp(texts[i][0], verdict) == 0)
			return texts[i][1];
	}
	return verdict;
}

static void print_step(const json_t *step)
{
	const json_t *handlers = json_object_get(step, "handlers");
	const json_t *handler;
	size_t i;

	fputs("  ", stdout);
	visible_write(stdout, span_of(json_text(step, "logger")));
	puts(json_is_true(json_object_get(step, "propagate")) ? "" : "  (does not propagate)");
	json_array_foreach(handlers, i, handler)
	{
		fputs("    handler ", stdout);
		visible_write(stdout, span_of(json_text(handler, "handler")));
		fputs(" to ", stdout);
		visible_write(stdout, span_of(json_text(handler, "target")));
		printf(": %s", handler_text(json_text(handler, "verdict")));
		if (json_number(handler, "parts") > 0)
			printf(", in %" JSON_INTEGER_FORMAT " parts; the first:",
			       json_number(handler, "parts"));
		putchar('\n');
		if (json_is_string(json_object_get(handler, "datagram"))) {
			fputs("      ", stdout);
			visible_write(stdout, span_of(json_text(handler, "datagram")));
			fputc('\n', stdout);
		}
	}
}

/* What a filtered record may yet be good for, and one that sends others first. */
static void print_recorder(const json_t *recorder)
{
	char number[LEVEL_TEXT_BYTES];

	if (!json_is_object(recorder))
		return;
	printf("flight recorder: keeps the last %" JSON_INTEGER_FORMAT
	       " that are filtered, until one of %s sends them\n",
	       json_number(recorder, "records"),
	       level_text(json_number(recorder, "trigger"), number));
}

static void print_explained(const json_t *result)
{
	const json_t *path = json_object_get(result, "path");
	char number[LEVEL_TEXT_BYTES];
	const json_t *step;
	size_t i;

	visible_write(stdout, span_of(json_text(result, "name")));
	printf(" at %s: %s", level_text(json_number(result, "level"), number),
	       json_text(result, "verdict"));
	if (json_text(result, "reason")[0] != '\0')
		printf(", %s", json_text(result, "reason"));
	fputs("\neffective level: ", stdout);
	print_level_of(json_object_get(result, "effective"));
	print_recorder(json_object_get(result, "recorder"));
	if (json_array_size(path) > 0)
		puts("path:");
	json_array_foreach(path, i, step) print_step(step);
}

static int show(const struct invocation *invocation, char **argv, int count,
		enum print_format format)
{
	CLEANUP(json_decref) json_t *result = NULL;
	uint8_t level;
	int status;

	if (!level_parse(span_of(argv[1]), &level) || level == LEVEL_NOTSET)
		return level_text_refuse(argv[1], "");
	status = connection_ask(invocation->socket_path,
				json_pack("{s:s, s:s, s:i, s:s*}", "verb", "explain", "name",
					  argv[0], "level", (int)level, "text",
					  count > 2 ? argv[2] : NULL),
				CONNECTION_TIMEOUT_MS, &result);
	if (status != EXIT_SUCCESS)
		return status;
	if (format == PRINT_TEXT)
		print_explained(result);
	else
		print_json(result);
	return EXIT_SUCCESS;
}

int run_explain(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum print_format format = PRINT_TEXT;
	int option;

	while ((option = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
		if (option == 'h')
			return command_help("explain");
		if (option != 'f')
			return command_misused("explain");
		if (!print_parse_format(optarg, false, &format))
			return EXIT_USAGE;
	}
	if (argc - optind < 2 || argc - optind > 3)
		return command_misused("explain");
	return show(invocation, argv + optind, argc - optind, format);
}
