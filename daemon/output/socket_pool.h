/**
 * socket_pool: the only place that knows UDP sockets to collectors, and the bound on them.
 *
 * A socket is connected to one address, non-blocking, close-on-exec, with IP_RECVERR so that
 * the kernel hides nothing. It is opened on demand, closed when idle, and when the bound is
 * reached the least recently used one is closed before another is opened: at no instant are
 * there more than pool.sockets. Before one is closed its borrower may read what the kernel has
 * still to tell. The pool owns sockets, servers borrow them between two calls.
 */
#ifndef LOGFWD_OUTPUT_SOCKET_POOL_H
#define LOGFWD_OUTPUT_SOCKET_POOL_H

#include <event2/event.h>
#include <net/if.h>

#include "base/cleanup.h"
#include "output/address.h"

/*
 * A refusal takes a round trip, and is heard only while its socket is open. Where more servers want
 * sockets than there may be, each would be closed for the next one before anything can be told, and
 * a collector that is gone would never be found out. So long, which is more than a round trip in one
 * building takes, each stays open, unless a lower bound or name resolution takes it away.
 */
#define POOL_NEWS_MS 5

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
/**
 * Told when the pool takes a socket away: evicted for another, or idle. The borrower may read its
 * errors one last time, and forgets it.
 */
typedef void pool_socket_gone(struct pool_socket *socket, bool evicted, void *arg);

/** How a target wants its sockets. Zero-initialised but for send_buffer: as the system does. */
struct socket_options {
	struct socket_address bind; /* local address, its port 0; length 0: any */
	char bind_device[IFNAMSIZ]; /* "": any */
	uint8_t dscp;		    /* 0..63, RFC 2474 */
	uint32_t send_buffer;	    /* bytes, > 0 */
};

bool socket_options_equal(const struct socket_options *a, const struct socket_options *b);

/** What a borrower wants to be opened. All of it is borrowed for the call but arg. */
struct pool_request {
	const struct socket_address *address;
	const struct socket_options *options;
	pool_socket_ready *ready;
	pool_socket_gone *gone;
	void *arg;
	int64_t now_ms; /* monotonic */
};

int socket_pool_new(struct event_base *base, const struct pool_options *options,
		    struct socket_pool **pool_out);
void socket_pool_free(struct socket_pool *pool);
DEFINE_CLEANUP(struct socket_pool *, socket_pool_free)

/** New bound and timeout; closes least recently used sockets beyond the bound at once. */
void socket_pool_set_options(struct socket_pool *pool, const struct pool_options *options);

/**
 * Opens a socket connected to an address, making room first.
 * ready, gone: called with arg; never from inside this call for this socket.
 * what_out: what failed, "bind-device" or another word for a user; static storage.
 * Errors: -errno of opening it, -ENOMEM; -EBUSY: all others are held, or new; -EMFILE: no room at all.
 */
int socket_pool_open(struct socket_pool *pool, const struct pool_request *request,
		     struct pool_socket **socket_out, const char **what_out);
/** Closes a socket; gone is not called. */
void socket_pool_close(struct socket_pool *pool, struct pool_socket *socket);

/**
 * Hands messages over, as sendmmsg(2) does. The socket moves to the young end of the eviction
 * order. Returns how many the kernel took, at least 1, or -errno of the first one.
 */
int pool_socket_send(struct socket_pool *pool, struct pool_socket *socket, struct mmsghdr *messages,
		     size_t count, int64_t now_ms);

/* More than an ICMP error of any kind quotes. */
#define POOL_QUOTE_BYTES 1280

/** What the kernel learned about a datagram that it had taken. */
struct pool_error {
	int error;	 /* an errno */
	bool by_icmp;	 /* the network says so, not this host */
	bool unanswered; /* nobody answered for the host's address (ARP, IPv6 neighbours) */
	size_t quoted;
	uint8_t quote[POOL_QUOTE_BYTES]; /* how its payload begins */
};

/**
 * Reads one from the error queue; false when there is none. They must be read before the next
 * send: sendmmsg(2) swallows a pending error when it has sent something before it.
 */
bool pool_socket_read_error(struct pool_socket *socket, struct pool_error *error_out);
/** Throws away, unread, what a collector has to say. */
void pool_socket_discard(struct pool_socket *socket);

/** It is watched until then: nothing takes it away before, but a lower bound. */
void pool_socket_hold(struct pool_socket *socket, int64_t until_ms);
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
 * Closes those that send from an IPv6 address which this host has no longer. Linux goes on sending
 * from it without an error; from an IPv4 address it says ENETUNREACH. The caller's timer calls it.
 */
void socket_pool_close_orphaned(struct socket_pool *pool);

/**
 * Makes room for n descriptors that others need under the same bound (name resolution), or
 * gives it back (0). Returns false when the bound leaves no room for them.
 */
bool socket_pool_reserve(struct socket_pool *pool, uint32_t n);

struct pool_counts socket_pool_counts(const struct socket_pool *pool);

#endif
