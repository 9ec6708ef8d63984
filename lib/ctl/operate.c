/* The verbs that operate the daemon: `reload`, `healthcheck`, `check`. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/connection.h"
#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/visible.h"

#define HEALTHCHECK_TIMEOUT_MS 15000

int run_reload(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	CLEANUP(json_decref) json_t *result = NULL;
	bool dry_run = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "nh", options, NULL)) != -1) {
		if (option == 'h')
			return command_help("reload");
		if (option != 'n')
			return command_misused("reload");
		dry_run = true;
	}
	if (optind != argc)
		return command_misused("reload");
	status = connection_ask(invocation->socket_path,
				json_pack("{s:s, s:b}", "verb", "reload", "dry_run", dry_run),
				CONNECTION_TIMEOUT_MS, &result);
	if (status == EXIT_SUCCESS)
		puts(dry_run ? "the configuration would load" : "reloaded");
	return status;
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

int run_healthcheck(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	CLEANUP(json_decref) json_t *result = NULL;
	int timeout_ms = HEALTHCHECK_TIMEOUT_MS;
	char uptime[PRINT_DURATION_BYTES];
	struct timespec start;
	int option, status;

	while ((option = getopt_long(argc, argv, "t:h", options, NULL)) != -1) {
		if (option == 'h')
			return command_help("healthcheck");
		if (option != 't')
			return command_misused("healthcheck");
		if (!print_parse_seconds(optarg, &timeout_ms))
			return EXIT_USAGE;
	}
	if (optind != argc)
		return command_misused("healthcheck");
	clock_gettime(CLOCK_MONOTONIC, &start);
	status = connection_ask(invocation->socket_path, json_pack("{s:s}", "verb", "healthcheck"),
				timeout_ms, &result);
	if (status != EXIT_SUCCESS)
		return status;
	fputs("logfwdd ", stdout);
	visible_write(stdout, span_of(json_text(result, "version")));
	printf(" answered in %.1f ms, up %s\n", seconds_since(&start) * 1000,
	       print_duration(json_number_value(json_object_get(result, "uptime_seconds")),
			      uptime));
	return EXIT_SUCCESS;
}

/* The daemon checks what it would load: a second parser here would be a second opinion. */
int run_check(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char *command[] = { (char[]){ "logfwdd" }, (char[]){ "--check" }, (char[]){ "--config" },
			    NULL, NULL };
	int option;

	(void)invocation;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		return option == 'h' ? command_help("check") : command_misused("check");
	if (argc - optind != 1)
		return command_misused("check");
	command[3] = argv[optind];
	execvp(command[0], command);
	if (errno == ENOENT) /* sbin is not in everybody's PATH */
		execv(LOGFWD_SBINDIR "/logfwdd", command);
	fprintf(stderr, "logfwdctl: cannot run logfwdd, from PATH or %s: %s\n", LOGFWD_SBINDIR,
		strerror(errno));
	return EXIT_FAILURE;
}
