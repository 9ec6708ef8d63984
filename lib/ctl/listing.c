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

/* Reads the options of a verb without arguments of its own. False: status_out is to be returned. */
static bool parse_options(int argc, char **argv, const char *verb, enum print_format *format_out,
			  int *status_out)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	*format_out = PRINT_TEXT;
	while ((option = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
		if (option == 'f' && print_parse_format(optarg, false, format_out))
			continue;
		*status_out = option == 'h'   ? command_help(verb)
			      : option == 'f' ? EXIT_USAGE
					      : command_misused(verb);
		return false;
	}
	if (optind == argc)
		return true;
	*status_out = command_misused(verb);
	return false;
}

/* What has been printed of an answer in slices. */
struct listing {
	enum print_format format;
	size_t slices, printed;
	bool failed; /* memory ran out, or nobody reads */
};

static void print_client(const json_t *client)
{
	double seconds = json_number_value(json_object_get(client, "connected_seconds"));
	char connected[PRINT_DURATION_BYTES];

	printf("%8" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT " %9" JSON_INTEGER_FORMAT
	       " %11" JSON_INTEGER_FORMAT " %9" JSON_INTEGER_FORMAT " %10s  ",
	       json_number(client, "pid"), json_number(client, "uid"),
	       json_number(client, "loggers"), json_number(client, "records"),
	       json_number(client, "dropped"), print_duration(seconds, connected));
	visible_write(stdout, span_of(json_text(client, "app")));
	fputc('\n', stdout);
}

/* connection_part */
static bool on_clients(json_t *result, void *arg)
{
	const json_t *clients = json_object_get(result, "clients");
	struct listing *listing = arg;
	json_t *client;
	size_t i;

	if (listing->slices++ == 0)
		fputs(listing->format == PRINT_JSON ? "{\"clients\":["
						    : "     PID      UID   LOGGERS     RECORDS   "
						      "DROPPED  CONNECTED  APP\n",
		      stdout);
	if (listing->format == PRINT_JSON) {
		listing->failed = !print_json_elements(clients, &listing->printed);
	} else {
		json_array_foreach((json_t *)clients, i, client) print_client(client);
		listing->failed = ferror(stdout);
	}
	return !listing->failed;
}

int run_clients(const struct invocation *invocation, int argc, char **argv)
{
	struct listing listing = { 0 };
	int status;

	if (!parse_options(argc, argv, "clients", &listing.format, &status))
		return status;
	status = connection_follow(invocation->socket_path, json_pack("{s:s}", "verb", "clients"),
				   CONNECTION_TIMEOUT_MS, CONNECTION_TIMEOUT_MS, on_clients,
				   &listing);
	if (status == EXIT_SUCCESS && listing.format == PRINT_JSON)
		puts("]}");
	if (listing.failed && !ferror(stdout)) /* which main() tells */
		fputs("logfwdctl: out of memory\n", stderr);
	return listing.failed ? EXIT_FAILURE : status;
}

int run_targets(const struct invocation *invocation, int argc, char **argv)
{
	CLEANUP(json_decref) json_t *result = NULL;
	enum print_format format;
	int status;

	if (!parse_options(argc, argv, "targets", &format, &status))
		return status;
	status = connection_ask(invocation->socket_path, json_pack("{s:s}", "verb", "targets"),
				CONNECTION_TIMEOUT_MS, &result);
	if (status != EXIT_SUCCESS)
		return status;
	if (format == PRINT_JSON)
		print_json(result);
	else
		target_table_print(json_object_get(result, "targets"));
	return EXIT_SUCCESS;
}
