/*
 * example: a server's logging with logfwd, one logger per connection.
 *
 * All loggers share the process's single connection to the daemon. Each line of a connection
 * carries what is known of its peer, and nothing of it stays behind when it is closed.
 */
#include <logfwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS	 3
#define FLUSH_TIMEOUT_MS 1000

static int serve(struct logfwd_client *client, unsigned number)
{
	struct logfwd_logger *log;
	char name[32], peer[32];
	int error;

	snprintf(name, sizeof(name), "Connection.%u", number);
	snprintf(peer, sizeof(peer), "10.0.0.7:%u", 51000 + number);
	error = logfwd_logger_open(client, name, &log);
	if (error < 0)
		return error;
	logfwd_logger_set_context(log, "peer", peer);
	logfwd_log(log, LOGFWD_INFO, "connection %u is open", number);
	if (logfwd_enabled(log, LOGFWD_DEBUG))
		logfwd_log(log, LOGFWD_DEBUG, "details that are dear to collect");
	logfwd_logger_close(log);
	return 0;
}

int main(void)
{
	struct logfwd_client *client;
	int error = logfwd_client_open(&client, NULL);

	if (error < 0) {
		fprintf(stderr, "logfwd: %s\n", strerror(-error));
		return EXIT_FAILURE;
	}
	for (unsigned number = 0; number < CONNECTIONS && error == 0; number++)
		error = serve(client, number);
	if (error == 0)
		error = logfwd_flush(client, FLUSH_TIMEOUT_MS);
	logfwd_client_close(client);
	if (error < 0)
		fprintf(stderr, "logfwd: %s\n", strerror(-error));
	return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
