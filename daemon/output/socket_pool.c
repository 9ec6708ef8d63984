#include "output/socket_pool.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/queue.h>

/* For the error queue, which the kernel bounds by it; replies, which nobody asked for, fill no more. */
#define RECEIVE_BUFFER_BYTES (64 * 1024)
/* A burst that outruns the network waits in the kernel before it waits in the queue. */
#define SEND_BUFFER_BYTES (1024 * 1024)
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
	size_t segment_bytes;
	int64_t used_ms;
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

/* The borrower hears of it once the socket is gone, so it cannot use it any more. */
static void pool_take_away(struct socket_pool *pool, struct pool_socket *socket)
{
	pool_socket_gone *gone = socket->gone;
	void *arg = socket->arg;

	socket_pool_close(pool, socket);
	gone(arg);
}

static bool pool_make_room(struct socket_pool *pool, uint32_t wanted)
{
	while (pool->counts.open + pool->reserved + wanted > pool->options.sockets) {
		if (TAILQ_EMPTY(&pool->sockets))
			return false;
		pool_take_away(pool, TAILQ_FIRST(&pool->sockets));
		pool->counts.evicted++;
	}
	return true;
}

void socket_pool_set_options(struct socket_pool *pool, const struct pool_options *options)
{
	pool->options = *options;
	pool_make_room(pool, 0);
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
	struct pool_socket *socket = arg;

	(void)fd;
	socket->ready(socket, what, socket->arg);
}

static int open_connected(const struct sockaddr *address, socklen_t length)
{
	const int on = 1;
	const int receive = RECEIVE_BUFFER_BYTES;
	const int send = SEND_BUFFER_BYTES;
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	/* Without it the kernel hides local drops and late refusals (ip(7), IP_RECVERR). */
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
	if (connect(fd, address, length) == 0)
		return fd;
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

int socket_pool_open(struct socket_pool *pool, const struct sockaddr *address, socklen_t length,
		     pool_socket_ready *ready, pool_socket_gone *gone, void *arg,
		     struct pool_socket **socket_out)
{
	struct pool_socket *socket = NULL;
	int result;
	int fd;

	if (!pool_make_room(pool, 1))
		return -EMFILE;
	fd = open_connected(address, length);
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
	socket->segment_bytes = segment_limit(fd, address->sa_family);
	socket->ready = ready;
	socket->gone = gone;
	socket->arg = arg;
	TAILQ_INSERT_TAIL(&pool->sockets, socket, by_use);
	pool->counts.open++;
	pool->counts.opened++;
	if (pool->counts.open > pool->counts.peak)
		pool->counts.peak = pool->counts.open;
	*socket_out = socket;
	return 0;
}

int pool_socket_use(struct socket_pool *pool, struct pool_socket *socket, int64_t now_ms)
{
	socket->used_ms = now_ms;
	TAILQ_REMOVE(&pool->sockets, socket, by_use);
	TAILQ_INSERT_TAIL(&pool->sockets, socket, by_use);
	return socket->fd;
}

int pool_socket_fd(const struct pool_socket *socket)
{
	return socket->fd;
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
		pool_take_away(pool, socket);
		pool->counts.idle_closed++;
	}
}

bool socket_pool_reserve(struct socket_pool *pool, uint32_t n)
{
	uint32_t before = pool->reserved;

	pool->reserved = n;
	if (n <= pool->options.sockets && pool_make_room(pool, 0))
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
