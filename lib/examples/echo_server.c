/*
 * echo_server: a thread and a logger for each connection.
 *
 * cc -pthread -o echo_server echo_server.c $(pkg-config --cflags --libs logfwd)
 *
 * However many connections are open, the process has one connection to the daemon. What is known
 * of a connection is its logger's context, which all its records carry; nothing of it stays when
 * the logger is closed. The server works the same without a daemon.
 */
#include <arpa/inet.h>
#include <logfwd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG		 128
#define FLUSH_TIMEOUT_MS 1000

struct connection {
	int fd;
	struct logfwd_logger *log;
};

static void echo(const struct connection *connection)
{
	char bytes[4096];
	size_t total = 0;
	ssize_t length;

	while ((length = read(connection->fd, bytes, sizeof(bytes))) > 0) {
		logfwd_log(connection->log, LOGFWD_DEBUG, "%zd bytes", length);
		if (send(connection->fd, bytes, (size_t)length, MSG_NOSIGNAL) != length)
			break;
		total += (size_t)length;
	}
	if (length < 0)
		logfwd_log(connection->log, LOGFWD_ERROR, "cannot read: %m");
	logfwd_log(connection->log, LOGFWD_INFO, "closed after %zu bytes", total);
}

static void *serve(void *arg)
{
	struct connection *connection = arg;

	logfwd_log(connection->log, LOGFWD_INFO, "open");
	echo(connection);
	close(connection->fd);
	logfwd_logger_close(connection->log);
	free(connection);
	return NULL;
}

/* A logger that could not be had is NULL, with which the library's calls do nothing. */
static struct logfwd_logger *open_logger(struct logfwd_client *client, unsigned number,
					 const struct sockaddr_in *address)
{
	char name[32], host[INET_ADDRSTRLEN], peer[sizeof(host) + sizeof(":65535")];
	struct logfwd_logger *log = NULL;
	int error;

	snprintf(name, sizeof(name), "Connection.%u", number);
	inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
	snprintf(peer, sizeof(peer), "%s:%u", host, ntohs(address->sin_port));
	error = logfwd_logger_open(client, name, &log);
	if (error < 0)
		fprintf(stderr, "echo_server: no logger for %s: %s\n", peer, strerror(-error));
	logfwd_logger_set_context(log, "peer", peer);
	return log;
}

/* fd: taken. Returns false when the server is out of memory. */
static bool start(struct logfwd_client *client, int fd, unsigned number,
		  const struct sockaddr_in *address)
{
	struct connection *connection = malloc(sizeof(*connection));
	pthread_t thread;

	if (connection == NULL) {
		close(fd);
		return false;
	}
	connection->fd = fd;
	connection->log = open_logger(client, number, address);
	if (pthread_create(&thread, NULL, serve, connection) != 0) {
		serve(connection); /* here, then: nobody else is served meanwhile */
		return true;
	}
	pthread_detach(thread);
	return true;
}

/* Until a connection cannot be taken. */
static void accept_all(struct logfwd_client *client, int listener)
{
	struct sockaddr_in address;
	unsigned number = 0;
	socklen_t length;
	int fd;

	do {
		length = sizeof(address);
		fd = accept(listener, (struct sockaddr *)&address, &length);
	} while (fd >= 0 && start(client, fd, ++number, &address));
	perror("echo_server: cannot take a connection");
}

/* Listens on a free port of the loopback, which it prints; returns the socket, or -1. */
static int listen_on_free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 ||
	    listen(listener, BACKLOG) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		return -1;
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

int main(void)
{
	struct logfwd_client *client;
	int error = logfwd_client_open(&client, NULL);
	int listener = listen_on_free_port();

	if (error < 0 || listener < 0) {
		fprintf(stderr, "echo_server: cannot start\n");
		return EXIT_FAILURE;
	}
	accept_all(client, listener);
	logfwd_flush(client, FLUSH_TIMEOUT_MS);
	return EXIT_FAILURE; /* the client stays: threads may be using it */
}
