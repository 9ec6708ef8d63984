#include "ctl/connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctl/command.h"
#include "ctl/json.h"
#include "ctl/visible.h"

#define FOR_EVER     INT64_MAX
#define ROOM_AT_ONCE 65536 /* a slice of an answer often fits */

/* An exchange under way. */
struct connection {
	int fd;
	int64_t deadline_ms; /* monotonic; or FOR_EVER */
	int error;	     /* errno of what ended it; 0 so far */
	char *text;	     /* what was read; owned */
	size_t length, cap;
	size_t line; /* of text, the bytes of the line that was read last, with its newline */
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
	bool forever = connection->deadline_ms == FOR_EVER;
	int64_t left = forever ? 0 : connection->deadline_ms - now_ms();
	/* all zero: no end */
	struct timeval patience = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };

	if ((forever || left > 0) &&
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

/* Reads some more; false at the end of the text or on an error, which is noted. */
static bool read_more(struct connection *connection)
{
	ssize_t n;

	if (connection->cap - connection->length < ROOM_AT_ONCE) {
		size_t cap = 2 * connection->cap + ROOM_AT_ONCE;
		char *larger = realloc(connection->text, cap);

		if (larger == NULL) {
			connection->error = ENOMEM;
			return false;
		}
		connection->text = larger;
		connection->cap = cap;
	}
	do {
		if (!arm(connection, SO_RCVTIMEO))
			return false;
		n = recv(connection->fd, connection->text + connection->length,
			 connection->cap - connection->length, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		note_error(connection);
	connection->length += n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* The next line; at the end of the text what is left of it. Empty when that is nothing. */
static struct span read_line(struct connection *connection)
{
	size_t searched = 0;

	connection->length -= connection->line;
	if (connection->line > 0)
		memmove(connection->text, connection->text + connection->line, connection->length);
	connection->line = 0;
	do {
		struct span rest = span_of_bytes(connection->text, connection->length);
		size_t found = searched + span_find(span_drop(rest, searched), '\n');

		if (found < connection->length) {
			connection->line = found + 1;
			return span_first(rest, connection->line);
		}
		searched = connection->length;
	} while (read_more(connection));
	connection->line = connection->error == 0 ? connection->length : 0;
	return span_of_bytes(connection->text, connection->line);
}

static int say_unreachable(const char *path, int error)
{
	const char *remedy = "";

	if (error == ENOENT || error == ECONNREFUSED)
		remedy = "; is logfwdd running, and with this control socket?";
	else if (error == EACCES || error == EPERM)
		remedy = "; that needs root or the group of the socket";
	else if (error == EPROTOTYPE)
		remedy =
			"; that is another socket of it: -s takes listen.control of its configuration";
	else if (error == ENAMETOOLONG)
		remedy = "; a socket's path has at most 107 bytes";
	else if (error == EBADMSG)
		remedy = "; what answers there is no logfwdd, or it ended meanwhile";
	fprintf(stderr, "logfwdctl: no answer from logfwdd at %s: %s%s\n", path, strerror(error),
		remedy);
	return EXIT_FAILURE;
}

/* Of an answer in slices, some have come and the last has not. */
static int say_ended(const char *path, int error)
{
	fprintf(stderr, "logfwdctl: the answer of logfwdd at %s ends too early: %s\n", path,
		error != 0 ? strerror(error)
			   : "it was stopped, or closed the connection since nothing was read");
	return EXIT_FAILURE;
}

/* What came last; the exit status of logfwdctl if nothing follows. */
struct answer {
	const char *path;
	json_t *reply;	/* owned */
	json_t *result; /* of it */
	size_t lines;	/* so far */
	bool more;
	int status;
};

static int refusal(const char *code, const char *error)
{
	fprintf(stderr, "logfwdctl: %s: ", code);
	visible_write(stderr, span_of(error));
	fputc('\n', stderr);
	return strcmp(code, "usage") == 0 ? EXIT_USAGE : EXIT_FAILURE;
}

/* Takes a line apart; true when it has a result. */
static bool take_line(struct answer *answer, struct span line)
{
	const char *status, *code = "", *error = "";

	json_decref(answer->reply);
	answer->more = false;
	answer->result = NULL;
	answer->status = EXIT_SUCCESS;
	answer->reply = json_loadb((const char *)line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
	if (json_unpack(answer->reply, "{s:s, s?s, s?s, s?o}", "status", &status, "code", &code,
			"error", &error, "result", &answer->result) < 0)
		status = "";
	answer->more = strcmp(status, "more") == 0;
	if ((answer->more || strcmp(status, "ok") == 0) && json_is_object(answer->result))
		return true;
	answer->status = strcmp(status, "error") == 0 ? refusal(code, error)
						      : say_unreachable(answer->path, EBADMSG);
	return false;
}

/* Reads an answer to its end, or until part has had enough. */
static void read_answer(struct connection *connection, struct answer *answer, int patience_ms,
			connection_part *part, void *arg)
{
	do {
		struct span line = read_line(connection);

		if (line.len == 0) {
			int error = connection->error != 0 ? connection->error : EBADMSG;

			answer->status = answer->lines > 0
						 ? say_ended(answer->path, connection->error)
						 : say_unreachable(answer->path, error);
			return;
		}
		if (!take_line(answer, line) || !part(answer->result, arg))
			return;
		answer->lines++;
		connection->deadline_ms = patience_ms == 0 ? FOR_EVER : now_ms() + patience_ms;
	} while (answer->more);
}

/* JSON is UTF-8: what has other bytes cannot be asked. */
static int say_unaskable(void)
{
	fputs("logfwdctl: a NAME, PATTERN or TEXT is not UTF-8, or memory ran out\n", stderr);
	return EXIT_USAGE;
}

int connection_follow(const char *socket_path, json_t *request, int timeout_ms, int patience_ms,
		      connection_part *part, void *arg)
{
	CLEANUP(json_decref) json_t *owned_request = request;
	struct connection connection = { .fd = -1, .deadline_ms = now_ms() + timeout_ms };
	struct answer answer = { .path = socket_path };
	int error;

	if (request == NULL)
		return say_unaskable();
	error = dial(&connection, socket_path);
	if (error == 0)
		error = send_line(&connection, owned_request);
	if (error < 0)
		answer.status = say_unreachable(socket_path, -error);
	else
		read_answer(&connection, &answer, patience_ms, part, arg);
	if (connection.fd >= 0)
		close(connection.fd);
	json_decref(answer.reply);
	free(connection.text);
	return answer.status;
}

static bool keep_result(json_t *result, void *arg)
{
	json_t **result_out = arg;

	*result_out = json_incref(result);
	return false; /* one line is all */
}

int connection_ask(const char *socket_path, json_t *request, int timeout_ms, json_t **result_out)
{
	return connection_follow(socket_path, request, timeout_ms, timeout_ms, keep_result,
				 result_out);
}
