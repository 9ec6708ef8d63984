/* The verb `send`: one record, the way a program's own would go. */
#include <errno.h>
#include <getopt.h>
#include <logfwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/command.h"
#include "ctl/level_text.h"
#include "wire/level.h"
#include "wire/logger_name.h"

#define FLUSH_TIMEOUT_MS 5000 /* a daemon may be starting anew */
#define FIRST_LOOK_MS	 200

DEFINE_CLEANUP(struct logfwd_client *, logfwd_client_close)

/* The words with a blank between them; owned, NULL without memory. */
static char *join(int count, char **words)
{
	size_t length = 1;
	char *text, *end;

	for (int i = 0; i < count; i++)
		length += strlen(words[i]) + 1;
	text = malloc(length);
	if (text == NULL)
		return NULL;
	end = text;
	for (int i = 0; i < count; i++) {
		if (i > 0)
			*end++ = ' ';
		end = stpcpy(end, words[i]);
	}
	*end = '\0';
	return text;
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "logfwdctl: %s: %s\n", what, strerror(-error));
	return EXIT_FAILURE;
}

/* The library says only that it has no connection; an attempt says why. Returns 0 or an errno. */
static int try_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return errno;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	error = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	close(fd);
	return error;
}

static const char *client_socket(void)
{
	const char *given = secure_getenv("LOGFWD_SOCKET"); /* as the library reads it */

	return given != NULL ? given : "/run/logfwd/client.sock";
}

/* Takes no longer than needs be when waiting mends nothing. */
static int flush(struct logfwd_client *client)
{
	int error = logfwd_flush(client, FIRST_LOOK_MS);

	if (error == -ENOTCONN) {
		int reason = try_socket(client_socket());

		if (reason == EACCES || reason == EPROTOTYPE)
			return error;
	}
	return error == 0 ? 0 : logfwd_flush(client, FLUSH_TIMEOUT_MS - FIRST_LOOK_MS);
}

static int say_not_taken(int error)
{
	const char *path = client_socket();
	const char *remedy = "";
	int reason = error == -ENOTCONN ? try_socket(path) : 0;

	if (reason == EACCES)
		remedy = "; who may is up to listen.client-mode of its configuration";
	else if (reason == EPROTOTYPE)
		remedy = "; LOGFWD_SOCKET takes listen.client of its configuration";
	else if (reason != 0)
		remedy = "; is it running? LOGFWD_SOCKET names another socket";
	else if (error == -ENOTCONN)
		remedy = "; it ends the connection, and its log says why";
	fprintf(stderr, "logfwdctl: logfwdd at %s did not take the record: %s%s\n", path,
		strerror(reason != 0 ? reason : -error), remedy);
	return EXIT_FAILURE;
}

/* Done only when the daemon has the record: what the library gave up for any reason failed. */
static int confirm(struct logfwd_client *client)
{
	struct logfwd_client_stats stats = { .size = sizeof(stats) };
	int error = flush(client);

	if (error < 0)
		return say_not_taken(error);
	error = logfwd_client_stats(client, &stats);
	if (error < 0)
		return fail("cannot tell what became of the record", error);
	if (stats.dropped == 0 && stats.refused == 0)
		return EXIT_SUCCESS;
	fputs("logfwdctl: the record was dropped, or logfwdd refused the logger\n", stderr);
	return EXIT_FAILURE;
}

static int send_record(const char *name, int level, const char *text)
{
	struct logfwd_options options = { .size = sizeof(options), .app_name = "logfwdctl" };
	CLEANUP(logfwd_client_close) struct logfwd_client *client = NULL;
	struct logfwd_logger *logger = NULL;
	int error = logfwd_client_open(&client, &options);

	if (error < 0)
		return fail("cannot open a client", error);
	error = logfwd_logger_open(client, name, &logger);
	if (error < 0)
		return fail("cannot open the logger", error);
	error = logfwd_write(logger, level, text, strlen(text));
	if (error < 0)
		return fail("cannot log the record", error);
	return confirm(client);
}

int run_send(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	CLEANUP(free) char *text = NULL;
	enum logger_name_error fault;
	uint8_t level;
	int option;

	(void)invocation;
	/* '+': a TEXT that starts with '-' is text. */
	while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		return option == 'h' ? command_help("send") : command_misused("send");
	if (argc - optind < 3)
		return command_misused("send");
	fault = logger_name_check(span_of(argv[optind]));
	if (fault != LOGGER_NAME_OK) {
		fprintf(stderr, "logfwdctl: %s\n", logger_name_error_text(fault));
		return EXIT_USAGE;
	}
	if (!level_parse(span_of(argv[optind + 1]), &level) || level == LEVEL_NOTSET)
		return level_text_refuse(argv[optind + 1], "");
	text = join(argc - optind - 2, argv + optind + 2);
	if (text == NULL)
		return fail("cannot log the record", -ENOMEM);
	return send_record(argv[optind], level, text);
}
