#include "ctl/connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctl/command.h"
#include "ctl/json.h"
#include "ctl/visible.h"

/* An exchange under way. */
struct connection {
	int fd;
	int64_t deadline_ms; /* monotonic */
	int error;	     /* errno of what ended it; 0 so far */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Lets the next call on the socket wait for what is left of the time, and no longer. */
static bool arm(struct connection *connection, int option)
{
	int64_t left = connection->deadline_ms - now_ms();
	struct timeval patience = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };

	if (left > 0 &&
	    setsockopt(connection->fd, SOL_SOCKET, option, &patience, sizeof(patience)) == 0)
		return true;
	connection->error = left > 0 ? errno : ETIMEDOUT;
	return false;
}

/* The socket's own word for "the time is up" is EAGAIN. */
static void note_error(struct connection *connection)
{
	connection->error = errno == EAGAIN || errno == EINPROGRESS ? ETIMEDOUT : errno;
}

static int dial(struct connection *connection, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		return -errno;
	if (!arm(connection, SO_SNDTIMEO))
		return -connection->error;
	if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	note_error(connection);
	return -connection->error;
}

/* A daemon that has no room says so before it has read the request: then only reading tells. */
static int send_line(struct connection *connection, const json_t *request)
{
	CLEANUP(free) char *line = json_dumps(request, JSON_COMPACT);
	size_t length, sent = 0;

	if (line == NULL)
		return -ENOMEM;
	length = strlen(line);
	line[length] = '\n'; /* in the place of its NUL */
	while (sent <= length) {
		ssize_t n = send(connection->fd, line + sent, length + 1 - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EPIPE)
			return 0;
		if (n < 0 && errno != EINTR) {
			note_error(connection);
			return -connection->error;
		}
		sent += n < 0 ? 0 : (size_t)n;
	}
	return 0;
}

/* json_load_callback_t: 0 is the end of the text, (size_t)-1 an error. */
static size_t on_wanted(void *buffer, size_t cap, void *arg)
{
	struct connection *connection = arg;
	ssize_t n;

	do {
		if (!arm(connection, SO_RCVTIMEO))
			return (size_t)-1;
		n = recv(connection->fd, buffer, cap, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		note_error(connection);
	return (size_t)n;
}

/* Sends and reads; a reply that is no JSON object gives -EBADMSG. */
static int exchange(struct connection *connection, const json_t *request, json_t **reply_out)
{
	json_t *reply;
	int error = send_line(connection, request);

	if (error < 0)
		return error;
	reply = json_load_callback(on_wanted, connection, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(reply)) {
		*reply_out = reply;
		return 0;
	}
	json_decref(reply);
	return connection->error != 0 ? -connection->error : -EBADMSG;
}

static int say_unreachable(const char *path, int error)
{
	const char *remedy = "";

	if (error == ENOENT || error == ECONNREFUSED)
		remedy = "; is logfwdd running, and with this control socket?";
	else if (error == EACCES || error == EPERM)
		remedy = "; that needs root or the group of the socket";
	else if (error == EBADMSG)
		remedy = "; what answers there is no logfwdd, or it ended meanwhile";
	fprintf(stderr, "logfwdctl: no answer from logfwdd at %s: %s%s\n", path, strerror(error),
		remedy);
	return EXIT_FAILURE;
}

/* Takes what the daemon said apart. */
static int judge(const char *path, json_t *reply, json_t **result_out)
{
	const char *status, *code = "", *error = "";
	json_t *result = NULL;

	if (json_unpack(reply, "{s:s, s?s, s?s, s?o}", "status", &status, "code", &code, "error",
			&error, "result", &result) < 0)
		return say_unreachable(path, EBADMSG);
	if (strcmp(status, "ok") == 0 && json_is_object(result)) {
		*result_out = json_incref(result);
		return EXIT_SUCCESS;
	}
	if (strcmp(status, "error") != 0)
		return say_unreachable(path, EBADMSG);
	fprintf(stderr, "logfwdctl: %s: ", code);
	visible_write(stderr, span_of(error));
	fputc('\n', stderr);
	return strcmp(code, "usage") == 0 ? EXIT_USAGE : EXIT_FAILURE;
}

int connection_ask(const char *socket_path, json_t *request, int timeout_ms, json_t **result_out)
{
	CLEANUP(json_decref) json_t *owned_request = request;
	CLEANUP(json_decref) json_t *reply = NULL;
	struct connection connection = { .fd = -1, .deadline_ms = now_ms() + timeout_ms };
	int error = request == NULL ? -ENOMEM : dial(&connection, socket_path);

	if (error == 0)
		error = exchange(&connection, owned_request, &reply);
	if (connection.fd >= 0)
		close(connection.fd);
	if (error < 0)
		return say_unreachable(socket_path, -error);
	return judge(socket_path, reply, result_out);
}
