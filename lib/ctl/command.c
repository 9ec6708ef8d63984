#include "ctl/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/span.h"

static const struct command commands[] = {
	{ "stats", "[--format text|json|prometheus] [--check] [--watch]",
	  "the accounts: what became of every record", run_stats },
	{ "loggers", "[PATTERN] [--all] [--format text|json]",
	  "the logger tree: levels, leases, counts", run_loggers },
	{ "level",
	  "[NAME [LEVEL|unset]] [--for DURATION]\n"
	  "                       [--format text|json]",
	  "show a level, or set it live in every process", run_level },
	{ "explain", "NAME LEVEL [TEXT] [--format text|json]", "what becomes of a record, and why",
	  run_explain },
	{ "tail",
	  "[PATTERN] [--level LEVEL] [--all] [--count N]\n"
	  "                      [--format text|json]",
	  "records as they pass", run_tail },
	{ "clients", "[--format text|json]", "who is connected", run_clients },
	{ "targets", "[--format text|json]", "servers, their state, queues and errors",
	  run_targets },
	{ "reload", "[--dry-run]", "load the configuration again", run_reload },
	{ "check", "FILE", "check a configuration file", run_check },
	{ "healthcheck", "[--timeout SECONDS]", "fail unless logfwdd answers in time",
	  run_healthcheck },
	{ "send", "NAME LEVEL TEXT...", "log one record", run_send },
	{ "receive",
	  "[ADDRESS:PORT] [--count N] [--timeout SECONDS]\n"
	  "                         [--output FILE] [--quiet] [--verify]",
	  "print the datagrams that arrive at a UDP port", run_receive },
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

void command_list(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
}

static void print_usage(FILE *out, const struct command *command)
{
	fprintf(out, "usage: logfwdctl %s %s\n", command->name, command->arguments);
}

int command_help(const char *name)
{
	const struct command *command = command_find(name);

	print_usage(stdout, command);
	printf("%s; see logfwdctl(1)\n", command->help);
	return EXIT_SUCCESS;
}

int command_misused(const char *name)
{
	print_usage(stderr, command_find(name));
	return EXIT_USAGE;
}
