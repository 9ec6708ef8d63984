/**
 * command: the verbs of logfwdctl, as a table.
 *
 * A verb is a row of the table in command.c and a function in a file of its own subject;
 * the usage and help texts of all verbs are printed from that table.
 */
#ifndef LOGFWD_CTL_COMMAND_H
#define LOGFWD_CTL_COMMAND_H

#include <stdio.h>

#define EXIT_USAGE 2 /* beside EXIT_SUCCESS and EXIT_FAILURE */

#define DEFAULT_CONTROL_SOCKET "/run/logfwd/control.sock"

/** What was given before the verb. */
struct invocation {
	const char *socket_path; /* of the control socket */
};

/** Runs a verb; argv[0] names the program for getopt's messages. Returns the exit status. */
typedef int command_function(const struct invocation *invocation, int argc, char **argv);

struct command {
	const char *name;
	const char *arguments; /* "NAME LEVEL TEXT..." */
	const char *help;      /* one line */
	command_function *run;
};

/** NULL when there is no such verb. */
const struct command *command_find(const char *name);

/** Prints one line for each verb. */
void command_list(FILE *out);

/** Prints what a verb is for and how it is called to stdout; returns EXIT_SUCCESS. */
int command_help(const char *name);

/** Says to stderr how the verb is called; returns EXIT_USAGE. */
int command_misused(const char *name);

command_function run_check, run_clients, run_explain, run_healthcheck, run_level, run_loggers,
	run_receive, run_reload, run_send, run_stats, run_tail, run_targets;

#endif
