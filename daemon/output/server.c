#include "output/server.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "output/refusals.h"
#include "output/segments.h"

/* Reads of an error queue, or of unasked replies, in one turn. */
#define DRAIN_BUDGET 64
/* More than an ICMP error of any kind quotes. */
#define QUOTE_BYTES 1280

struct server {
	struct server_env env;
	char *text;
	struct sockaddr_storage address;
	socklen_t address_length;  /* 0: not known yet */
	struct question *question; /* NULL for a numeric address */
	struct server_state state;
	struct pool_socket *socket; /* borrowed from the pool; NULL: none open */
	size_t segment_bytes; /* of a datagram that may share a message; 0: none, on this socket */
	struct refusals refusals; /* of this socket */
	uint64_t sent, refused;
	int last_error;
	struct server_error_count errors[SERVER_ERRNOS_MAX];
	size_t n_errors;
	struct log_limit complaint;
};

static void server_close_socket(struct server *server)
{
	if (server->socket != NULL)
		socket_pool_close(server->env.pool, server->socket);
	server->socket = NULL;
}

static void on_answer(const struct sockaddr *address, socklen_t length, void *arg)
{
	struct server *server = arg;

	if (address == NULL) {
		if (server->address_length == 0)
			log_limited(&server->complaint, LOG_LEVEL_WARNING, "output",
				    "%s: the name has no address now; asking again, records wait",
				    server->text);
		return;
	}
	if (length == server->address_length && memcmp(address, &server->address, length) == 0)
		return;
	memcpy(&server->address, address, length);
	server->address_length = length;
	server_close_socket(server);
	server_state_resolved(&server->state);
	server->env.changed(server->env.arg);
}

int server_new(const struct server_env *env, const char *text, uint32_t resolve_interval,
	       struct server **server_out)
{
	struct address_text address;
	CLEANUP(server_free) struct server *server = NULL;
	int result;

	if (!address_parse(text, &address))
		return -EINVAL;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return -ENOMEM;
	server->env = *env;
	server->text = strdup(text);
	if (server->text == NULL)
		return -ENOMEM;
	if (address_numeric(&address, &server->address, &server->address_length)) {
		server_state_resolved(&server->state);
	} else {
		result = resolver_ask(env->resolver, &address, resolve_interval, on_answer, server,
				      &server->question);
		if (result < 0)
			return result;
	}
	*server_out = move_ptr(server);
	return 0;
}

void server_free(struct server *server)
{
	if (server == NULL)
		return;
	server_close_socket(server);
	question_free(server->question);
	free(server->text);
	free(server);
}

void server_set_resolve_interval(struct server *server, uint32_t seconds)
{
	if (server->question != NULL)
		question_set_interval(server->question, seconds);
}

static void server_count_error(struct server *server, int error)
{
	size_t i;

	server->last_error = error;
	for (i = 0; i < server->n_errors; i++) {
		if (server->errors[i].error == error)
			break;
	}
	if (i == SERVER_ERRNOS_MAX)
		i--; /* more kinds than anybody has seen: the last one stands for the rest */
	else if (i == server->n_errors)
		server->errors[server->n_errors++].error = error;
	server->errors[i].count++;
}

/* The one place where a server's phase gets worse; says so once in a while. */
static void server_fail(struct server *server, int error, int64_t now_ms)
{
	server_state_failed(&server->state, now_ms);
	if (send_verdict(error) == SEND_PATH)
		server_close_socket(
			server); /* a connected socket never recovers from an address change */
	if (server->state.phase == SERVER_DOWN)
		log_limited(&server->complaint, LOG_LEVEL_WARNING, "output",
			    "%s: %s; trying again in %lld ms, records go elsewhere or wait",
			    server->text, strerror(error), (long long)server->state.backoff_ms);
}

static int extended_error(const struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
	     c = CMSG_NXTHDR((struct msghdr *)message, c)) {
		bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
		bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
		struct sock_extended_err extended;

		if (!v4 && !v6)
			continue;
		memcpy(&extended, CMSG_DATA(c), sizeof(extended));
		return (int)extended.ee_errno;
	}
	return 0;
}

/*
 * Reads what the kernel learned about datagrams that it had taken. It must be read before
 * the next send: sendmmsg(2) swallows a pending error when it has sent something before it.
 * Returns the last one that speaks against the server, or 0.
 */
static int server_drain_errors(struct server *server)
{
	uint8_t control[512];
	uint8_t quote[QUOTE_BYTES];
	int last = 0;

	for (int i = 0; i < DRAIN_BUDGET; i++) {
		struct iovec part = { .iov_base = quote, .iov_len = sizeof(quote) };
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t quoted = recvmsg(pool_socket_fd(server->socket), &message,
					 MSG_ERRQUEUE | MSG_DONTWAIT);
		int error;

		if (quoted < 0)
			break;
		error = extended_error(&message);
		if (error == 0)
			continue;
		server_count_error(server, error);
		if (send_verdict(error) == SEND_REFUSED || send_verdict(error) == SEND_PATH) {
			server->refused += refusals_told(&server->refusals, (size_t)quoted);
			last = error;
		}
	}
	return last;
}

/* Collectors have nothing to say to us; what they say anyway is thrown away unread. */
static void server_discard_replies(struct server *server)
{
	uint8_t byte;

	for (int i = 0; i < DRAIN_BUDGET; i++) {
		if (recv(pool_socket_fd(server->socket), &byte, 1, MSG_DONTWAIT) < 0)
			break;
	}
}

static void on_socket_ready(struct pool_socket *socket, short what, void *arg)
{
	struct server *server = arg;
	int error = 0;

	(void)socket;
	if ((what & EV_READ) != 0) {
		error = server_drain_errors(server);
		if (error != 0)
			server_fail(server, error, clock_monotonic_ms());
		else
			server_discard_replies(server);
	}
	if (error != 0 || (what & EV_WRITE) != 0)
		server->env.changed(server->env.arg);
}

/* It may have been waited for: nothing else would tell the owner that another can be opened. */
static void on_socket_gone(void *arg)
{
	struct server *server = arg;

	server->socket = NULL;
	server->env.changed(server->env.arg);
}

static int server_need_socket(struct server *server)
{
	int result;

	if (server->socket != NULL)
		return 0;
	result = socket_pool_open(server->env.pool, (const struct sockaddr *)&server->address,
				  server->address_length, on_socket_ready, on_socket_gone, server,
				  &server->socket);
	if (result < 0)
		return result;
	server->segment_bytes = pool_socket_segment_bytes(server->socket);
	refusals_init(&server->refusals, server->segment_bytes);
	return 0;
}

/* What to do about an error of sendmmsg(2), which took nothing. */
static void server_send_failed(struct server *server, int error, int64_t now_ms,
			       struct server_result *result)
{
	enum send_verdict verdict = send_verdict(error);
	bool of_server = verdict == SEND_REFUSED || verdict == SEND_PATH;

	/* News of a datagram sent before stand in the error queue as well, and count once. */
	if (!of_server || server_drain_errors(server) == 0)
		server_count_error(server, error);
	switch (verdict) {
	case SEND_REPEAT:
		break;
	case SEND_WAIT:
		result->blocked = true;
		pool_socket_want_write(server->socket, true);
		break;
	case SEND_PAUSE:
		result->blocked = true;
		result->pause_ms = SEND_PAUSE_MS;
		break;
	case SEND_TOO_LARGE:
		result->first_too_large = true;
		break;
	case SEND_REFUSED:
	case SEND_PATH:
		server_fail(server, error, now_ms);
		break;
	}
}

/*
 * Whether datagrams may still share messages on this socket, after an error of one message.
 * Returns true when that message is to go as single datagrams now: it was shared, nothing of
 * it was sent, and the error says nothing of the server yet.
 */
static bool server_unshare(struct server *server, int error, bool shared)
{
	switch (error) {
	case EINVAL: /* the path has a smaller MTU now; kernels differ in which of the two they say */
	case EMSGSIZE:
	case EIO: /* the network card makes no checksums */
	case EOPNOTSUPP:
	case ENOMEM:
		if (shared)
			server->segment_bytes = 0;
		return shared;
	case ENOBUFS: /* tc-tbf(8) cuts messages itself, and drops what has no room without a word */
		server->segment_bytes = 0;
		return shared;
	default:
		return false;
	}
}

/* Hands over message after message, until all are gone or something is in the way. */
static void server_transmit(struct server *server, struct segments *plan, int64_t now_ms,
			    struct server_result *result)
{
	int fd = pool_socket_use(server->env.pool, server->socket, now_ms);
	size_t done = 0;

	while (done < plan->n_messages) {
		int taken = sendmmsg(fd, plan->messages + done, (unsigned)(plan->n_messages - done),
				     MSG_DONTWAIT | MSG_NOSIGNAL);
		int error = taken < 0 ? errno : 0;

		if (error != 0) {
			if (!server_unshare(server, error, plan->shapes[done].datagrams > 1))
				server_send_failed(server, error, now_ms, result);
			return;
		}
		result->sent += segments_datagrams(plan, done, (size_t)taken);
		refusals_sent(&server->refusals, plan->shapes + done, (size_t)taken);
		done += (size_t)taken;
		error = done < plan->n_messages ? server_drain_errors(server) : 0;
		if (error != 0) {
			server_fail(server, error, now_ms);
			return;
		}
	}
}

/* What to do when there is no socket to send by. */
static struct server_result server_open_failed(struct server *server, int error, int64_t now_ms)
{
	server_count_error(server, error);
	/* out of descriptors or memory is our trouble, not the collector's */
	if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS)
		return (struct server_result){ .blocked = true, .pause_ms = SEND_PAUSE_MS };
	server_fail(server, error, now_ms);
	return (struct server_result){ 0 };
}

struct server_result server_send(struct server *server, const struct mmsghdr *datagrams,
				 size_t count, int64_t now_ms)
{
	struct server_result result = { 0 };
	struct segments plan;
	bool probe = server->state.phase == SERVER_DUE;
	int error = server_need_socket(server);

	if (error < 0)
		return server_open_failed(server, -error, now_ms);
	count = server_state_admits(&server->state, count);
	segments_plan(&plan, datagrams, count < SEGMENTS_BATCH ? count : SEGMENTS_BATCH,
		      server->segment_bytes);
	server_transmit(server, &plan, now_ms, &result);
	server->sent += result.sent;
	if (probe && result.sent > 0) {
		server_state_probe_sent(&server->state, now_ms);
		error = server_drain_errors(server);
		if (error != 0)
			server_fail(server, error, now_ms);
	}
	return result;
}

size_t server_admits(struct server *server, size_t count, int64_t now_ms)
{
	server_state_tick(&server->state, now_ms);
	return server_state_admits(&server->state, count);
}

int64_t server_deadline(const struct server *server)
{
	return server_state_deadline(&server->state);
}

struct server_view server_view(const struct server *server)
{
	struct server_view view = {
		.text = server->text,
		.phase = server->state.phase,
		.sent = server->sent,
		.refused = server->refused,
		.has_socket = server->socket != NULL,
		.last_error = server->last_error,
		.n_errors = server->n_errors,
	};

	memcpy(view.errors, server->errors, sizeof(view.errors));
	return view;
}
