#include "control/metrics_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "control/prometheus.h"

#define METRICS_CONNECTIONS_MAX 32
#define METRICS_TIMEOUT_S	10
#define METRICS_HEADERS_MAX	8192 /* bytes */
#define METRICS_BODY_MAX	4096 /* bytes; nobody needs one */
#define METRICS_BACKLOG		32
#define ADDRESS_TEXT_MAX	64

DEFINE_CLEANUP(json_t *, json_decref)
DEFINE_CLEANUP(struct evbuffer *, evbuffer_free)

struct metrics_server {
	struct control_ops ops;
	struct evhttp *http;
	char address[ADDRESS_TEXT_MAX];
	/* Oldest first, each with a reference of ours: evhttp tells only of those that asked. */
	struct bufferevent *connections[METRICS_CONNECTIONS_MAX];
	size_t n_connections;
};

static void forget_connection(struct metrics_server *server, size_t index)
{
	bufferevent_decref(server->connections[index]);
	server->n_connections--;
	memmove(&server->connections[index], &server->connections[index + 1],
		(server->n_connections - index) * sizeof(struct bufferevent *));
}

/* bufferevent_free() takes the callbacks away; what has none was ended by evhttp. */
static bool has_ended(struct bufferevent *connection)
{
	bufferevent_data_cb on_read, on_write;
	bufferevent_event_cb on_event;
	void *arg;

	bufferevent_getcb(connection, &on_read, &on_write, &on_event, &arg);
	return on_read == NULL && on_write == NULL && on_event == NULL;
}

/* evhttp knows no limit of connections: beyond ours, the oldest sees its end of file. */
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct metrics_server *server = arg;
	struct bufferevent *connection;

	for (size_t i = server->n_connections; i-- > 0;) {
		if (has_ended(server->connections[i]))
			forget_connection(server, i);
	}
	if (server->n_connections == METRICS_CONNECTIONS_MAX) {
		shutdown(bufferevent_getfd(server->connections[0]), SHUT_RDWR);
		forget_connection(server, 0);
	}
	/* The descriptor lives as long as our reference: libevent watches its number until then,
	 * and whoever got the same number meanwhile would never be heard. */
	connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (connection == NULL)
		return NULL;
	bufferevent_incref(connection);
	server->connections[server->n_connections++] = connection;
	return connection;
}

/* The common end, behind an answer: without it the descriptor would stay until the next comes. */
static void on_close(struct evhttp_connection *http, void *arg)
{
	struct metrics_server *server = arg;

	for (size_t i = 0; i < server->n_connections; i++) {
		if (server->connections[i] == evhttp_connection_get_bufferevent(http)) {
			forget_connection(server, i);
			return;
		}
	}
}

static void answer_metrics(struct metrics_server *server, struct evhttp_request *request)
{
	CLEANUP(json_decref) json_t *stats = server->ops.stats(server->ops.arg);
	CLEANUP(free) char *text = stats == NULL ? NULL : prometheus_render(stats);
	CLEANUP(evbuffer_free) struct evbuffer *body = evbuffer_new();

	if (text == NULL || body == NULL || evbuffer_add(body, text, strlen(text)) < 0) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
		return;
	}
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
			  "text/plain; version=0.0.4; charset=utf-8");
	evhttp_send_reply(request, HTTP_OK, NULL, body);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);

	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, arg);
	if (path == NULL || strcmp(path, "/metrics") != 0) {
		evhttp_send_error(request, HTTP_NOTFOUND, NULL);
		return;
	}
	if ((evhttp_request_get_command(request) & (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD)) == 0) {
		evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
		evhttp_send_error(request, HTTP_BADMETHOD, NULL);
		return;
	}
	answer_metrics(arg, request);
}

/* 0..65535, digits only. */
static bool parse_port(const char *text, in_port_t *port_out)
{
	unsigned long port;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	port = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || port > UINT16_MAX)
		return false;
	*port_out = htons((uint16_t)port);
	return true;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT", numeric; libevent's own parser refuses port 0. */
static int parse_address(const char *text, struct sockaddr_storage *address_out, int *length_out)
{
	bool brackets = text[0] == '[';
	const char *host = brackets ? text + 1 : text;
	const char *end = brackets ? strstr(text, "]:") : strchr(text, ':');
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	char numbers[INET6_ADDRSTRLEN];
	in_port_t port;

	if (end == NULL || (size_t)(end - host) >= sizeof(numbers) ||
	    !parse_port(end + (brackets ? 2 : 1), &port))
		return -EINVAL;
	memcpy(numbers, host, (size_t)(end - host));
	numbers[end - host] = '\0';
	v4.sin_port = v6.sin6_port = port;
	memset(address_out, 0, sizeof(*address_out));
	if (!brackets && inet_pton(AF_INET, numbers, &v4.sin_addr) == 1) {
		memcpy(address_out, &v4, sizeof(v4));
		*length_out = sizeof(v4);
	} else if (brackets && inet_pton(AF_INET6, numbers, &v6.sin6_addr) == 1) {
		memcpy(address_out, &v6, sizeof(v6));
		*length_out = sizeof(v6);
	} else {
		return -EINVAL;
	}
	return 0;
}

static void note_address(struct metrics_server *server, evutil_socket_t fd)
{
	struct sockaddr_storage bound;
	socklen_t length = sizeof(bound);
	char host[INET6_ADDRSTRLEN] = "";

	if (getsockname(fd, (struct sockaddr *)&bound, &length) < 0)
		return;
	if (bound.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&bound;

		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(server->address, sizeof(server->address), "[%s]:%u", host,
			 ntohs(v6->sin6_port));
	} else {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&bound;

		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(server->address, sizeof(server->address), "%s:%u", host,
			 ntohs(v4->sin_port));
	}
}

static int listen_at(struct metrics_server *server, struct event_base *base, const char *text)
{
	struct sockaddr_storage address;
	struct evconnlistener *listener;
	int length, error = parse_address(text, &address, &length);

	if (error < 0)
		return error;
	errno = 0;
	listener = evconnlistener_new_bind(base, NULL, NULL,
					   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
						   LEV_OPT_REUSEABLE,
					   METRICS_BACKLOG, (struct sockaddr *)&address, length);
	if (listener == NULL)
		return errno != 0 ? -errno : -ENOMEM;
	note_address(server, evconnlistener_get_fd(listener));
	if (evhttp_bind_listener(server->http, listener) == NULL) {
		evconnlistener_free(listener);
		return -ENOMEM;
	}
	return 0;
}

int metrics_server_new(struct event_base *base, const struct metrics_options *options,
		       const struct control_ops *ops, struct metrics_server **server_out)
{
	CLEANUP(metrics_server_free) struct metrics_server *server = calloc(1, sizeof(*server));
	int error;

	if (server == NULL)
		return -ENOMEM;
	server->ops = *ops;
	server->http = evhttp_new(base);
	if (server->http == NULL)
		return -ENOMEM;
	evhttp_set_bevcb(server->http, on_connection, server);
	evhttp_set_gencb(server->http, on_request, server);
	evhttp_set_timeout(server->http, METRICS_TIMEOUT_S);
	evhttp_set_max_headers_size(server->http, METRICS_HEADERS_MAX);
	evhttp_set_max_body_size(server->http, METRICS_BODY_MAX);
	evhttp_set_allowed_methods(server->http, UINT16_MAX); /* on_request() refuses the others */
	error = listen_at(server, base, options->listen);
	if (error < 0)
		return error;
	*server_out = move_ptr(server);
	return 0;
}

void metrics_server_free(struct metrics_server *server)
{
	if (server == NULL)
		return;
	if (server->http != NULL)
		evhttp_free(server->http);
	while (server->n_connections > 0)
		forget_connection(server, server->n_connections - 1);
	free(server);
}

const char *metrics_server_address(const struct metrics_server *server)
{
	return server->address;
}
