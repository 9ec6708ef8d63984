#include "output/socket_pool.h"

#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/queue.h>

/* For the error queue, which the kernel bounds by it; replies, which nobody asked for, fill no more. */
#define RECEIVE_BUFFER_BYTES (64 * 1024)
/* Unasked replies that are read in one turn. */
#define DISCARD_BUDGET 64
/*
 * An ICMP error has this much room (RFC 1812 4.3.2.3, RFC 4443 2.4 (c)) for the headers of both
 * packets and for what it quotes.
 */
#define ICMP_ERROR_BYTES     576
#define ICMPV6_ERROR_BYTES   1280
#define ICMP_ERROR_HEADERS   (60 + 8 + 20 + 8)	    /* IP with all options, ICMP; IP, UDP */
#define ICMPV6_ERROR_HEADERS (40 + 8 + 40 + 8 + 40) /* and one extension header */

struct pool_socket {
	TAILQ_ENTRY(pool_socket) by_use; /* oldest use first */
	int fd;
	sa_family_t family;
	size_t segment_bytes;
	int64_t opened_ms;
	int64_t used_ms;
	int64_t held_until_ms;
	struct event *readable; /* error queue, and replies that nobody asked for */
	struct event *writable;
	pool_socket_ready *ready;
	pool_socket_gone *gone;
	void *arg;
};

TAILQ_HEAD(socket_list, pool_socket);

struct socket_pool {
	struct event_base *base;
	struct pool_options options;
	struct socket_list sockets;
	uint32_t reserved; /* descriptors that others hold under the same bound */
	struct pool_counts counts;
};

bool socket_options_equal(const struct socket_options *a, const struct socket_options *b)
{
	return address_equal(&a->bind, &b->bind) && strcmp(a->bind_device, b->bind_device) == 0 &&
	       a->dscp == b->dscp && a->send_buffer == b->send_buffer;
}

int socket_pool_new(struct event_base *base, const struct pool_options *options,
		    struct socket_pool **pool_out)
{
	struct socket_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return -ENOMEM;
	pool->base = base;
	pool->options = *options;
	TAILQ_INIT(&pool->sockets);
	*pool_out = pool;
	return 0;
}

void socket_pool_free(struct socket_pool *pool)
{
	if (pool == NULL)
		return;
	assert(TAILQ_EMPTY(&pool->sockets)); /* servers give theirs back first */
	free(pool);
}

static void pool_socket_free(struct pool_socket *socket)
{
	if (socket->readable != NULL)
		event_free(socket->readable); /* before close(): epoll still knows the fd */
	if (socket->writable != NULL)
		event_free(socket->writable);
	if (socket->fd >= 0)
		close(socket->fd);
	free(socket);
}

void socket_pool_close(struct socket_pool *pool, struct pool_socket *socket)
{
	TAILQ_REMOVE(&pool->sockets, socket, by_use);
	pool->counts.open--;
	pool_socket_free(socket);
}

/* The borrower hears of it while the socket can still tell its last news. */
static void pool_take_away(struct socket_pool *pool, struct pool_socket *socket, bool evicted)
{
	socket->gone(socket, evicted, socket->arg);
	socket_pool_close(pool, socket);
}

/* The least recently used one that is not held, and that can have told its news; or NULL. */
static struct pool_socket *pool_victim(const struct socket_pool *pool, int64_t now_ms)
{
	struct pool_socket *socket;

	TAILQ_FOREACH (socket, &pool->sockets, by_use) {
		if (socket->held_until_ms <= now_ms && socket->opened_ms <= now_ms - POOL_NEWS_MS)
			break;
	}
	return socket;
}

/* now_ms: INT64_MAX takes what is held, too. */
static bool pool_make_room(struct socket_pool *pool, uint32_t wanted, int64_t now_ms)
{
	while (pool->counts.open + pool->reserved + wanted > pool->options.sockets) {
		struct pool_socket *victim = pool_victim(pool, now_ms);

		if (victim == NULL)
			return false;
		pool->counts.evicted++;
		pool_take_away(pool, victim, true);
	}
	return true;
}

void socket_pool_set_options(struct socket_pool *pool, const struct pool_options *options)
{
	pool->options = *options;
	pool_make_room(pool, 0, INT64_MAX);
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
	struct pool_socket *socket = arg;

	(void)fd;
	socket->ready(socket, what, socket->arg);
}

/* Without it the kernel hides local drops and late refusals (ip(7), IP_RECVERR). */
static int ask_for_errors(int fd, sa_family_t family)
{
	const int on = 1;

	return family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on))
				  : setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
}

static int set_dscp(int fd, sa_family_t family, uint8_t dscp)
{
	const int class = dscp << 2; /* the two bits below it are ECN's, RFC 3168 5 */

	return family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class))
				  : setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof(class));
}

/* Returns what failed, with errno, or NULL. */
static const char *prepare(int fd, sa_family_t family, const struct socket_options *options)
{
	const int receive = RECEIVE_BUFFER_BYTES;
	const int send = (int)options->send_buffer;

	if (ask_for_errors(fd, family) < 0)
		return "socket";
	/* The kernel may give less than it is asked for; that is no failure. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
	if (options->dscp != 0 && set_dscp(fd, family, options->dscp) < 0)
		return "dscp";
	if (options->bind_device[0] != '\0' &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, options->bind_device,
		       (socklen_t)strlen(options->bind_device) + 1) < 0)
		return "bind-device";
	if (options->bind.length > 0 && bind(fd, &options->bind.any, options->bind.length) < 0)
		return "bind-address";
	return NULL;
}

/* Returns the descriptor, or -errno with what failed. */
static int open_connected(const struct pool_request *request, const char **what_out)
{
	const struct socket_address *address = request->address;
	int fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	*what_out = "socket";
	if (fd < 0)
		return -errno;
	*what_out = prepare(fd, address->any.sa_family, request->options);
	if (*what_out == NULL) {
		*what_out = "connect";
		if (connect(fd, &address->any, address->length) == 0)
			return fd;
	}
	error = errno;
	close(fd);
	return -error;
}

/*
 * A segment must fit the path, and be short enough to be quoted as a whole in an ICMP error:
 * the length of a quote then tells an error about one from an error about all.
 */
static size_t segment_limit(int fd, sa_family_t family)
{
	const bool v6 = family == AF_INET6;
	const int headers = v6 ? ICMPV6_ERROR_HEADERS : ICMP_ERROR_HEADERS;
	int limit = v6 ? ICMPV6_ERROR_BYTES : ICMP_ERROR_BYTES;
	int value = 0;
	socklen_t length = sizeof(value);

	if (getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &length) < 0)
		return 0; /* a kernel before 4.18 */
	if (getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &value,
		       &length) < 0)
		return 0;
	limit = value < limit ? value : limit;
	return limit > headers ? (size_t)(limit - headers) : 0;
}

static int pool_socket_new(struct socket_pool *pool, int fd, struct pool_socket **socket_out)
{
	struct pool_socket *socket = calloc(1, sizeof(*socket));

	if (socket == NULL)
		return -ENOMEM;
	socket->fd = -1; /* the caller's until all is well */
	socket->readable = event_new(pool->base, fd, EV_READ | EV_PERSIST, on_socket_event, socket);
	socket->writable = event_new(pool->base, fd, EV_WRITE, on_socket_event, socket);
	if (socket->readable == NULL || socket->writable == NULL ||
	    event_add(socket->readable, NULL) < 0) {
		pool_socket_free(socket);
		return -ENOMEM;
	}
	socket->fd = fd;
	*socket_out = socket;
	return 0;
}

int socket_pool_open(struct socket_pool *pool, const struct pool_request *request,
		     struct pool_socket **socket_out, const char **what_out)
{
	struct pool_socket *socket = NULL;
	int result;
	int fd;

	*what_out = "socket";
	if (!pool_make_room(pool, 1, request->now_ms))
		return pool->counts.open > 0 ? -EBUSY : -EMFILE;
	fd = open_connected(request, what_out);
	if (fd < 0) {
		pool->counts.failed++;
		return fd;
	}
	result = pool_socket_new(pool, fd, &socket);
	if (result < 0) {
		close(fd);
		pool->counts.failed++;
		return result;
	}
	socket->segment_bytes = segment_limit(fd, request->address->any.sa_family);
	socket->family = request->address->any.sa_family;
	socket->ready = request->ready;
	socket->gone = request->gone;
	socket->arg = request->arg;
	socket->opened_ms = request->now_ms;
	socket->used_ms = request->now_ms;
	TAILQ_INSERT_TAIL(&pool->sockets, socket, by_use);
	pool->counts.open++;
	pool->counts.opened++;
	if (pool->counts.open > pool->counts.peak)
		pool->counts.peak = pool->counts.open;
	*socket_out = socket;
	return 0;
}

int pool_socket_send(struct socket_pool *pool, struct pool_socket *socket, struct mmsghdr *messages,
		     size_t count, int64_t now_ms)
{
	int taken;

	socket->used_ms = now_ms;
	TAILQ_REMOVE(&pool->sockets, socket, by_use);
	TAILQ_INSERT_TAIL(&pool->sockets, socket, by_use);
	taken = sendmmsg(socket->fd, messages, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
	return taken < 0 ? -errno : taken;
}

/* ICMP, from this host or from the router that asked: host unreachable, address unreachable. */
static bool is_unanswered(const struct sock_extended_err *error)
{
	return (error->ee_origin == SO_EE_ORIGIN_ICMP && error->ee_type == ICMP_DEST_UNREACH &&
		error->ee_code == ICMP_HOST_UNREACH) ||
	       (error->ee_origin == SO_EE_ORIGIN_ICMP6 && error->ee_type == ICMPV6_DEST_UNREACH &&
		error->ee_code == ICMPV6_ADDR_UNREACH);
}

static void read_extended_error(const struct msghdr *message, struct pool_error *error_out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
	     c = CMSG_NXTHDR((struct msghdr *)message, c)) {
		bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
		bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
		struct sock_extended_err extended;

		if (!v4 && !v6)
			continue;
		memcpy(&extended, CMSG_DATA(c), sizeof(extended));
		error_out->error = (int)extended.ee_errno;
		error_out->by_icmp = extended.ee_origin == SO_EE_ORIGIN_ICMP ||
				     extended.ee_origin == SO_EE_ORIGIN_ICMP6;
		error_out->unanswered = is_unanswered(&extended);
		return;
	}
}

bool pool_socket_read_error(struct pool_socket *socket, struct pool_error *error_out)
{
	uint8_t control[512];
	struct iovec part = { .iov_base = error_out->quote, .iov_len = sizeof(error_out->quote) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t quoted = recvmsg(socket->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);

	if (quoted < 0)
		return false;
	error_out->quoted = (size_t)quoted;
	error_out->error = 0;
	error_out->by_icmp = false;
	error_out->unanswered = false;
	read_extended_error(&message, error_out);
	return true;
}

void pool_socket_discard(struct pool_socket *socket)
{
	uint8_t byte;

	for (int i = 0; i < DISCARD_BUDGET; i++) {
		if (recv(socket->fd, &byte, 1, MSG_DONTWAIT) < 0)
			break;
	}
}

void pool_socket_hold(struct pool_socket *socket, int64_t until_ms)
{
	socket->held_until_ms = until_ms;
}

size_t pool_socket_segment_bytes(const struct pool_socket *socket)
{
	return socket->segment_bytes;
}

void pool_socket_want_write(struct pool_socket *socket, bool wanted)
{
	if (wanted)
		event_add(socket->writable, NULL);
	else
		event_del(socket->writable);
}

void socket_pool_close_idle(struct socket_pool *pool, int64_t now_ms)
{
	struct pool_socket *socket;

	while ((socket = TAILQ_FIRST(&pool->sockets)) != NULL &&
	       now_ms - socket->used_ms >= (int64_t)pool->options.idle_timeout * 1000) {
		pool->counts.idle_closed++;
		pool_take_away(pool, socket, false);
	}
}

/* Only asks, with a socket that is none of UDP's: they have a bound. */
static bool is_own_address(const struct sockaddr_in6 *address)
{
	struct sockaddr_in6 any_port = *address;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool own;

	if (fd < 0)
		return true; /* it cannot be known now */
	any_port.sin6_port = 0;
	own = bind(fd, (const struct sockaddr *)&any_port, sizeof(any_port)) == 0 ||
	      errno != EADDRNOTAVAIL;
	close(fd);
	return own;
}

static bool pool_socket_is_orphaned(const struct pool_socket *socket)
{
	struct sockaddr_in6 address;
	socklen_t length = sizeof(address);

	return socket->family == AF_INET6 &&
	       getsockname(socket->fd, (struct sockaddr *)&address, &length) == 0 &&
	       !is_own_address(&address);
}

static struct pool_socket *first_orphaned(const struct socket_pool *pool)
{
	struct pool_socket *socket;

	TAILQ_FOREACH (socket, &pool->sockets, by_use) {
		if (pool_socket_is_orphaned(socket))
			break;
	}
	return socket;
}

void socket_pool_close_orphaned(struct socket_pool *pool)
{
	struct pool_socket *socket;

	/* from the beginning each time: its owner may close others of its own */
	while ((socket = first_orphaned(pool)) != NULL)
		pool_take_away(pool, socket, false);
}

bool socket_pool_reserve(struct socket_pool *pool, uint32_t n)
{
	uint32_t before = pool->reserved;

	pool->reserved = n;
	if (n <= pool->options.sockets && pool_make_room(pool, 0, INT64_MAX))
		return true;
	pool->reserved = before;
	return false;
}

struct pool_counts socket_pool_counts(const struct socket_pool *pool)
{
	struct pool_counts counts = pool->counts;

	counts.limit = pool->options.sockets;
	return counts;
}
