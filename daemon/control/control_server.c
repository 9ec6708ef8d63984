#include "control/control_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <string.h>

#include "control/json_line.h"
#include "control/peer.h"
#include "control/verbs.h"

#define ACCEPT_PAUSE_S 1 /* after accept() failed: the descriptors may be used up */

DEFINE_CLEANUP(json_t *, json_decref)

/* A connection: its request is read, its answer written, in slices or at once, then it is closed. */
struct control_client {
	struct control_server *server; /* borrowed; outlives its clients */
	struct control_caller caller;
	struct bufferevent *stream;
	struct event *deadline; /* of the request, then of the answer */
};

struct control_server {
	struct control_ops ops;
	struct evconnlistener *listener;
	struct event *resume; /* ends the pause after accept() failed */
	struct control_streams *streams;
	uid_t own_uid;
	gid_t operators; /* PEER_NO_GROUP: none */
	struct control_client *clients[CONTROL_CLIENTS_MAX];
	size_t n_clients;
};

static void client_free(struct control_client *client)
{
	if (client == NULL)
		return;
	if (client->deadline != NULL)
		event_free(client->deadline);
	if (client->stream != NULL) {
		control_streams_remove(client->server->streams, client->stream);
		bufferevent_free(client->stream);
	}
	free(client);
}
DEFINE_CLEANUP(struct control_client *, client_free)

/* Takes the client off the server's list and frees it. */
static void client_close(struct control_client *client)
{
	struct control_server *server = client->server;

	for (size_t i = 0; i < server->n_clients; i++) {
		if (server->clients[i] == client) {
			server->clients[i] = server->clients[--server->n_clients];
			break;
		}
	}
	client_free(client);
}

/* Bytes of answers that clients have not read yet. */
static size_t unread_bytes(const struct control_server *server)
{
	size_t sum = 0;

	for (size_t i = 0; i < server->n_clients; i++)
		sum += evbuffer_get_length(bufferevent_get_output(server->clients[i]->stream));
	return sum;
}

/* Queues the reply as a line; one that must not wait here gives way to an error. */
static int queue_reply(const struct control_client *client, const json_t *reply)
{
	struct evbuffer *output = bufferevent_get_output(client->stream);
	size_t unread = unread_bytes(client->server);
	CLEANUP(json_decref) json_t *error = NULL;
	int result = json_line_add(output, reply,
				   unread < CONTROL_REPLIES_MAX ? CONTROL_REPLIES_MAX - unread : 0);

	if (result != -EFBIG)
		return result;
	error = verbs_error("failed", "the answer is too large to wait beside the others; "
				      "ask for less, or again later");
	return json_line_add(output, error, SIZE_MAX);
}

static void on_written(struct bufferevent *stream, void *arg)
{
	struct control_client *client = arg;

	if (!control_streams_resume(client->server->streams, stream))
		client_close(client);
}

/* End of file, an error, or no progress of the answer: nobody waits for it any more. */
static void on_stream_end(struct bufferevent *stream, short what, void *arg)
{
	(void)stream;
	(void)what;
	client_close(arg);
}

/* Queues the answer, and closes once it is written. Closes the client at once without memory. */
static void client_answer(struct control_client *client, const json_t *reply)
{
	static const struct timeval stalled = { .tv_sec = CONTROL_TIMEOUT_S };
	static const struct timeval lifetime = { .tv_sec = CONTROL_LIFETIME_S };

	bufferevent_disable(client->stream, EV_READ); /* one request; the rest is nobody's */
	bufferevent_setcb(client->stream, NULL, on_written, on_stream_end, client);
	bufferevent_set_timeouts(client->stream, NULL, &stalled);
	evtimer_add(client->deadline, &lifetime);
	if (queue_reply(client, reply) < 0)
		client_close(client);
}

static void client_refuse(struct control_client *client, const char *code, const char *text)
{
	CLEANUP(json_decref) json_t *reply = verbs_error(code, text);

	client_answer(client, reply);
}

/* What comes behind a request is nobody's; it is read so that the end of the caller is seen. */
static void on_ignored(struct bufferevent *stream, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(stream);

	(void)arg;
	evbuffer_drain(input, evbuffer_get_length(input));
}

/* Takes the stream: its slices are the answer. */
static void client_answer_in_slices(struct control_client *client,
				    const struct control_stream *stream)
{
	const struct timeval patience = { .tv_sec = stream->patience_s };

	if (!control_streams_add(client->server->streams, stream, client->stream,
				 client->caller.is_operator)) {
		stream->end(stream->state);
		client_refuse(client, "failed",
			      "too many answers are given in slices (loggers, tail); try again");
		return;
	}
	event_del(client->deadline);
	if (!stream->endless)
		bufferevent_disable(client->stream, EV_READ);
	bufferevent_setcb(client->stream, on_ignored, on_written, on_stream_end, client);
	bufferevent_set_timeouts(client->stream, NULL, &patience);
}

static void on_readable(struct bufferevent *stream, void *arg)
{
	struct control_client *client = arg;
	struct evbuffer *input = bufferevent_get_input(stream);
	struct evbuffer_ptr newline = evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_LF);
	CLEANUP(json_decref) json_t *reply = NULL;
	struct control_stream answer = { 0 };
	const uint8_t *line;

	if (newline.pos < 0 || newline.pos >= CONTROL_REQUEST_MAX) {
		if (evbuffer_get_length(input) >= CONTROL_REQUEST_MAX)
			client_refuse(client, "usage",
				      "a request is one line of at most 4096 bytes");
		return;
	}
	line = evbuffer_pullup(input, newline.pos + 1);
	if (line != NULL)
		reply = verbs_answer(&client->server->ops, &client->caller,
				     span_of_bytes(line, (size_t)newline.pos), &answer);
	if (answer.next != NULL)
		client_answer_in_slices(client, &answer);
	else
		client_answer(client, reply);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_close(arg);
}

/* Takes fd on success. */
static int client_new(struct control_server *server, int fd, const struct control_caller *caller,
		      struct control_client **client_out)
{
	CLEANUP(client_free) struct control_client *client = calloc(1, sizeof(*client));
	struct event_base *base = evconnlistener_get_base(server->listener);

	if (client == NULL)
		return -ENOMEM;
	client->server = server;
	client->caller = *caller;
	client->deadline = evtimer_new(base, on_deadline, client);
	if (client->deadline == NULL)
		return -ENOMEM;
	client->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL)
		return -ENOMEM;
	bufferevent_setcb(client->stream, on_readable, NULL, on_stream_end, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, CONTROL_REQUEST_MAX);
	*client_out = move_ptr(client);
	return 0;
}

/* True when all places are taken, or all that a stranger may have. */
static bool is_full(const struct control_server *server, const struct control_caller *caller)
{
	size_t strangers = 0;

	for (size_t i = 0; i < server->n_clients; i++)
		strangers += server->clients[i]->caller.is_operator ? 0 : 1;
	return server->n_clients == CONTROL_CLIENTS_MAX ||
	       (!caller->is_operator && strangers >= CONTROL_STRANGERS_MAX);
}

/* The credentials are read once, here: what the caller may do cannot change afterwards. */
static int identify(const struct control_server *server, int fd, struct control_caller *caller_out)
{
	struct peer peer;
	int error = peer_of(fd, &peer);

	if (error < 0)
		return error;
	*caller_out = (struct control_caller){
		.pid = peer.pid,
		.uid = peer.uid,
		.is_operator = peer_is_operator(&peer, server->own_uid, server->operators),
	};
	peer_deinit(&peer);
	return 0;
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
			  struct sockaddr *address, int length, void *arg)
{
	static const struct timeval patience = { .tv_sec = CONTROL_TIMEOUT_S };
	static const char busy[] = "{\"status\":\"error\",\"code\":\"failed\","
				   "\"error\":\"too many ask at once; try again\"}\n";
	struct control_server *server = arg;
	struct control_client *client = NULL;
	struct control_caller caller;

	(void)listener;
	(void)address;
	(void)length;
	if (identify(server, fd, &caller) < 0) {
		close(fd);
		return;
	}
	if (is_full(server, &caller)) {
		/* A new socket has room for it; a peer that is gone misses nothing. */
		(void)send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
		return;
	}
	if (client_new(server, fd, &caller, &client) < 0) {
		close(fd);
		return;
	}
	server->clients[server->n_clients++] = client;
	evtimer_add(client->deadline, &patience);
	if (bufferevent_enable(client->stream, EV_READ) < 0)
		client_close(client);
}

/* Out of descriptors or memory: the listener stays readable, and must not spin. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval pause = { .tv_sec = ACCEPT_PAUSE_S };
	struct control_server *server = arg;

	evconnlistener_disable(listener);
	evtimer_add(server->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct control_server *server = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(server->listener);
}

int control_server_new(struct event_base *base, int listen_fd, const struct control_ops *ops,
		       struct control_server **server_out)
{
	CLEANUP(control_server_free) struct control_server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		return -ENOMEM;
	server->ops = *ops;
	server->own_uid = geteuid();
	server->operators = peer_socket_group(listen_fd);
	server->resume = evtimer_new(base, on_resume, server);
	server->streams = control_streams_new(base);
	if (server->resume == NULL || server->streams == NULL)
		return -ENOMEM;
	if (evutil_make_socket_nonblocking(listen_fd) < 0)
		return -errno;
	/* Backlog 0: it listens already. Last, since from here on the descriptor is ours. */
	server->listener =
		evconnlistener_new(base, on_connection, server,
				   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, listen_fd);
	if (server->listener == NULL)
		return -ENOMEM;
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	*server_out = move_ptr(server);
	return 0;
}

void control_server_free(struct control_server *server)
{
	if (server == NULL)
		return;
	while (server->n_clients > 0)
		client_close(server->clients[server->n_clients - 1]);
	if (server->listener != NULL)
		evconnlistener_free(server->listener);
	if (server->resume != NULL)
		event_free(server->resume);
	control_streams_free(server->streams);
	free(server);
}
