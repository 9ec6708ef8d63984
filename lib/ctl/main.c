/* logfwdctl: asks a running logfwdd, and tries it out. Manual: logfwdctl(1). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"

static int print_help(void)
{
	puts("usage: logfwdctl [-s PATH] VERB [ARGUMENTS]\n\n"
	     "  -s, --socket PATH  control socket (default " DEFAULT_CONTROL_SOCKET ")\n"
	     "  -h, --help         this text; after a verb: what the verb takes\n"
	     "  -V, --version      version\n");
	command_list(stdout);
	puts("\nManual: logfwdctl(1)");
	return EXIT_SUCCESS;
}

static int print_usage(void)
{
	fputs("usage: logfwdctl [-s PATH] VERB [ARGUMENTS]; see logfwdctl --help\n", stderr);
	return EXIT_USAGE;
}

static int run_verb(const struct invocation *invocation, char *program, int argc, char **argv)
{
	const struct command *command;

	if (argc == 0)
		return print_usage();
	command = command_find(argv[0]);
	if (command == NULL) {
		fprintf(stderr, "logfwdctl: there is no verb \"%s\"\n", argv[0]);
		return print_usage();
	}
	argv[0] = program; /* getopt_long() puts it before its messages */
	optind = 0;	   /* and starts anew */
	return command->run(invocation, argc, argv);
}

/* Output that could not be written is no success: the disk may be full. */
static int flush_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "logfwdctl: cannot write the output: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct invocation invocation = { .socket_path = DEFAULT_CONTROL_SOCKET };
	int option;

	/* '+': what follows the verb belongs to the verb. */
	while ((option = getopt_long(argc, argv, "+s:hV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			invocation.socket_path = optarg;
			break;
		case 'h':
			return flush_output(print_help());
		case 'V':
			puts("logfwdctl " LOGFWD_VERSION);
			return flush_output(EXIT_SUCCESS);
		default:
			return print_usage();
		}
	}
	return flush_output(run_verb(&invocation, argv[0], argc - optind, argv + optind));
}
