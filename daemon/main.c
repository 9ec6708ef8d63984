/* logfwdd: the command line, and nothing else. */
#include <getopt.h>
#include <stdio.h>

#include "config/config.h"
#include "daemon.h"
#include "os/log.h"

#define EXIT_USAGE 2

#define DEFAULT_CONFIG LOGFWD_SYSCONFDIR "/logfwd/logfwd.conf"

static const char usage[] =
	"Usage: logfwdd [-f FILE] [-t] [--debug]\n"
	"Forwards log records of local processes to syslog collectors; see logfwdd(8).\n"
	"\n"
	"  -f, --config FILE  read FILE instead of " DEFAULT_CONFIG "\n"
	"  -t, --check        check the configuration; exits with 0 if it is good\n"
	"      --debug        say more on stderr\n"
	"  -V, --version      print the version and exit\n"
	"  -h, --help         print this and exit\n";

static int check_config(const char *path)
{
	CLEANUP(config_free) struct config *config = NULL;
	char error[CONFIG_ERROR_BYTES];

	if (config_load(path, &config, error) < 0) {
		fprintf(stderr, "%s\n", error);
		return EXIT_CONFIG;
	}
	printf("%s: good\n", path);
	return EXIT_SUCCESS;
}

static int run(const char *path)
{
	CLEANUP(daemon_free) struct daemon *daemon = NULL;
	int result = daemon_new(path, &daemon);

	return result != 0 ? result : daemon_run(daemon);
}

int main(int argc, char **argv)
{
	enum { OPTION_DEBUG = 256 };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'f' },   { "check", no_argument, NULL, 't' },
		{ "debug", no_argument, NULL, OPTION_DEBUG }, { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },	      { 0 },
	};
	const char *path = DEFAULT_CONFIG;
	bool check = false;
	int option;

	while ((option = getopt_long(argc, argv, "f:tVh", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			path = optarg;
			break;
		case 't':
			check = true;
			break;
		case OPTION_DEBUG:
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'V':
			printf("logfwdd %s\n", LOGFWD_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs("Try \"logfwdd --help\".\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "logfwdd: unexpected argument \"%s\"\nTry \"logfwdd --help\".\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return check ? check_config(path) : run(path);
}
