/*
 * client_generator: the same records through liblogfwd.
 * `client_generator [--writer N] [--rate R] [--seconds S] [--bytes B] PATH records|loggers`
 * `loggers` gives each record to a logger of its own, opened before it and closed behind it.
 */
#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <logfwd.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS	 1000  /* so that a full buffer paces the load instead of dropping records */
#define FLUSH_MS 30000 /* longer than anything takes that comes to an end at all */

struct session {
	struct logfwd_client *client;
	struct logfwd_logger *logger; /* of all records, in the mode `records` */
};

/* -ENOBUFS: there was no room within WAIT_MS and the record was not taken, so it is given again. */
static int write_waiting(struct logfwd_logger *logger, const struct record *record)
{
	int error;

	do
		error = logfwd_write(logger, LOGFWD_INFO, record->text, record->length);
	while (error == -ENOBUFS);
	return error;
}

static int send_record(void *arg, const struct record *record, uint64_t sequence)
{
	const struct session *session = arg;

	(void)sequence;
	return write_waiting(session->logger, record);
}

static int send_with_logger(void *arg, const struct record *record, uint64_t sequence)
{
	const struct session *session = arg;
	struct logfwd_logger *logger;
	char name[48];
	int error;

	snprintf(name, sizeof(name), "bench.Connection.%" PRIu64, sequence);
	error = logfwd_logger_open(session->client, name, &logger);
	if (error < 0)
		return error;
	error = write_waiting(logger, record);
	logfwd_logger_close(logger);
	return error;
}

static int run(const struct load_options *options, const char *path, load_send *send,
	       struct load_result *result_out)
{
	struct logfwd_options client_options = {
		.size = sizeof(client_options),
		.socket_path = path,
		.app_name = "bench",
		.wait_ms = WAIT_MS,
	};
	struct session session;
	char name[32];
	int error = logfwd_client_open(&session.client, &client_options);

	if (error < 0)
		return error;
	snprintf(name, sizeof(name), "bench.writer.%u", options->writer);
	error = logfwd_logger_open(session.client, name, &session.logger);
	if (error == 0)
		error = logfwd_flush(session.client,
				     FLUSH_MS); /* connects, so that no call has to */
	if (error == 0)
		error = load_run(options, "", send, &session, result_out);
	if (error == 0)
		error = logfwd_flush(session.client, FLUSH_MS);
	logfwd_client_close(session.client); /* its loggers with it */
	return error;
}

int main(int argc, char **argv)
{
	static struct load_result result;
	struct load_options options;
	int first = load_parse(argc, argv, &options);
	int error;
	bool loggers;

	if (first < 0 || first + 2 != argc) {
		fprintf(stderr, "usage: %s [OPTION...] PATH records|loggers\n", argv[0]);
		return 2;
	}
	loggers = strcmp(argv[first + 1], "loggers") == 0;
	error = run(&options, argv[first], loggers ? send_with_logger : send_record, &result);
	if (error < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-error));
		return 1;
	}
	load_print(&result);
	return 0;
}
