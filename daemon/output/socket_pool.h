/**
 * socket_pool: the only place that opens UDP sockets to collectors, and the bound on them.
 *
 * A socket is connected to one address, non-blocking, close-on-exec, with IP_RECVERR so that
 * the kernel hides nothing. It is opened on demand, closed when idle, and when the bound is
 * reached the least recently used one is closed before another is opened: at no instant are
 * there more than pool.sockets. The pool owns sockets, servers borrow them between two calls.
 */
#ifndef LOGFWD_OUTPUT_SOCKET_POOL_H
#define LOGFWD_OUTPUT_SOCKET_POOL_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cleanup.h"

struct pool_options {
	uint32_t sockets;      /* the bound, 1..1024; default 16 */
	uint32_t idle_timeout; /* seconds, 1..86400; default 60 */
};

struct pool_counts {
	uint32_t open, peak, limit;
	uint64_t opened, evicted, idle_closed, failed;
};

struct socket_pool;
struct pool_socket;

/** Told when a borrowed socket has become writable, or has something in its error queue. */
typedef void pool_socket_ready(struct pool_socket *socket, short what, void *arg);
/** Told when the pool takes a socket away (evicted, idle, limit lowered): the borrower forgets it. */
typedef void pool_socket_gone(void *arg);

int socket_pool_new(struct event_base *base, const struct pool_options *options,
		    struct socket_pool **pool_out);
void socket_pool_free(struct socket_pool *pool);
DEFINE_CLEANUP(struct socket_pool *, socket_pool_free)

/** New bound and timeout; closes least recently used sockets beyond the bound at once. */
void socket_pool_set_options(struct socket_pool *pool, const struct pool_options *options);

/**
 * Opens a socket connected to an address, making room first.
 * ready, gone: called with arg; never from inside this call for this socket.
 * Errors: -errno of socket() or connect(), -ENOMEM.
 */
int socket_pool_open(struct socket_pool *pool, const struct sockaddr *address, socklen_t length,
		     pool_socket_ready *ready, pool_socket_gone *gone, void *arg,
		     struct pool_socket **socket_out);
/** Closes a socket; gone is not called. */
void socket_pool_close(struct socket_pool *pool, struct pool_socket *socket);

/** Marks it used now: it moves to the young end of the eviction order. Returns its descriptor. */
int pool_socket_use(struct socket_pool *pool, struct pool_socket *socket, int64_t now_ms);
/** Its descriptor, borrowed, for reading its error queue. */
int pool_socket_fd(const struct pool_socket *socket);
/**
 * Bytes of a datagram that may be a segment of a message (UDP_SEGMENT) on it: 480 to an IPv4
 * address, 1144 to an IPv6 one, less where the MTU is small; 0 where the kernel cannot do it.
 */
size_t pool_socket_segment_bytes(const struct pool_socket *socket);
/** Asks for (or stops) one call of ready with EV_WRITE. */
void pool_socket_want_write(struct pool_socket *socket, bool wanted);

/** Closes what was not used for idle_timeout; the caller's timer calls it. */
void socket_pool_close_idle(struct socket_pool *pool, int64_t now_ms);

/**
 * Makes room for n descriptors that others need under the same bound (name resolution), or
 * gives it back (0). Returns false when the bound leaves no room for them.
 */
bool socket_pool_reserve(struct socket_pool *pool, uint32_t n);

struct pool_counts socket_pool_counts(const struct socket_pool *pool);

#endif
