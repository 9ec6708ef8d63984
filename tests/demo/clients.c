/*
 * The origin's Connection on logfwd, from C: each has a logger of its own with its facts as
 * context, and all of them share one connection to the daemon. run.py drives it.
 */
#include <inttypes.h>
#include <logfwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS		 1000 /* for the daemon to take more, in a burst of all connections at once */
#define FLUSH_TIMEOUT_MS 30000

struct connection {
	struct logfwd_logger *log;
};

static int connection_open(struct connection *connection, struct logfwd_client *client, unsigned i)
{
	char name[64], peer[64];
	int error;

	snprintf(name, sizeof(name), "Connection.%" PRIuPTR, (uintptr_t)connection);
	snprintf(peer, sizeof(peer), "10.%u.%u.%u:%u", i >> 16 & 255, i >> 8 & 255, i & 255,
		 1024 + i % 60000);
	error = logfwd_logger_open(client, name, &connection->log);
	if (error == 0)
		error = logfwd_logger_set_context(connection->log, "peer", peer);
	if (error == 0)
		error = logfwd_log(connection->log, LOGFWD_INFO, "connection %u is open", i);
	return error;
}

/* Tells run.py that a stage is reached and waits for its word to go on. */
static void report(const char *stage, unsigned connections)
{
	char line[16];

	printf("{\"stage\": \"%s\", \"connections\": %u}\n", stage, connections);
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL)
		exit(EXIT_SUCCESS);
}

static int run(struct logfwd_client *client, struct connection *connections, unsigned count)
{
	int error = 0;
	unsigned i;

	for (i = 0; i < count && error == 0; i++)
		error = connection_open(&connections[i], client, i);
	if (error == 0)
		error = logfwd_flush(client, FLUSH_TIMEOUT_MS);
	if (error != 0)
		return error;
	report("open", count);
	for (i = 0; i < count; i++)
		logfwd_logger_close(connections[i].log);
	error = logfwd_flush(client, FLUSH_TIMEOUT_MS);
	if (error == 0)
		report("closed", count);
	return error;
}

int main(int argc, char **argv)
{
	struct logfwd_options options = { .size = sizeof(options), .wait_ms = WAIT_MS };
	unsigned count = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	struct connection *connections = calloc(count, sizeof(*connections));
	struct logfwd_client *client = NULL;
	int error;

	if (count == 0 || connections == NULL) {
		fprintf(stderr, "usage: demo_clients COUNT\n");
		return 2;
	}
	error = logfwd_client_open(&client, &options);
	if (error == 0)
		error = run(client, connections, count);
	logfwd_client_close(client);
	free(connections);
	if (error != 0)
		fprintf(stderr, "demo_clients: %s\n", strerror(-error));
	return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
