/* The verbs `clients` and `targets`: tables of what the daemon holds. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/command.h"
#include "ctl/connection.h"
#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/target_table.h"
#include "ctl/visible.h"

typedef void print_function(const json_t *result);

/* A verb without arguments of its own: asks, and prints the result as text or JSON. */
static int run_listing(const struct invocation *invocation, int argc, char **argv, const char *verb,
		       print_function *print_text)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	CLEANUP(json_decref) json_t *result = NULL;
	enum print_format format = PRINT_TEXT;
	int option, status;

	while ((option = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
		if (option == 'h')
			return command_help(verb);
		if (option != 'f')
			return command_misused(verb);
		if (!print_parse_format(optarg, false, &format))
			return EXIT_USAGE;
	}
	if (optind != argc)
		return command_misused(verb);
	status = connection_ask(invocation->socket_path, json_pack("{s:s}", "verb", verb),
				CONNECTION_TIMEOUT_MS, &result);
	if (status != EXIT_SUCCESS)
		return status;
	if (format == PRINT_JSON)
		print_json(result);
	else
		print_text(result);
	return EXIT_SUCCESS;
}

static void print_clients(const json_t *result)
{
	char connected[PRINT_DURATION_BYTES];
	json_t *client;
	size_t i;

	puts("     PID      UID   LOGGERS     RECORDS   DROPPED  CONNECTED  APP");
	json_array_foreach(json_object_get(result, "clients"), i, client)
	{
		printf("%8" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT " %9" JSON_INTEGER_FORMAT
		       " %11" JSON_INTEGER_FORMAT " %9" JSON_INTEGER_FORMAT " %10s  ",
		       json_number(client, "pid"), json_number(client, "uid"),
		       json_number(client, "loggers"), json_number(client, "records"),
		       json_number(client, "dropped"),
		       print_duration(json_number_value(
					      json_object_get(client, "connected_seconds")),
				      connected));
		visible_write(stdout, span_of(json_text(client, "app")));
		fputc('\n', stdout);
	}
}

static void print_targets(const json_t *result)
{
	target_table_print(json_object_get(result, "targets"));
}

int run_clients(const struct invocation *invocation, int argc, char **argv)
{
	return run_listing(invocation, argc, argv, "clients", print_clients);
}

int run_targets(const struct invocation *invocation, int argc, char **argv)
{
	return run_listing(invocation, argc, argv, "targets", print_targets);
}
