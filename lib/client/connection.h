/**
 * connection: the socket to the daemon, and when to try for one again.
 *
 * Nothing here blocks or raises a signal. The descriptor is close-on-exec and above the
 * standard three, and its identity is checked at every use: an application that closes all
 * descriptors and opens its own at the same numbers gets none of our bytes.
 */
#ifndef LOGFWD_CLIENT_CONNECTION_H
#define LOGFWD_CLIENT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>

struct connection {
	struct sockaddr_un address;
	int fd;	   /* -1: none */
	dev_t dev; /* with ino, what fd was when we made it */
	ino_t ino;
	int64_t connected_ms; /* monotonic, when it was made */
	int64_t retry_ms;     /* monotonic, when the next attempt is due */
	int64_t backoff_ms;   /* until the attempt after that */
};

/* Room for those that come with a packet: the kernel drops what is beyond it, and says so. */
#define DESCRIPTORS_MAX 2

struct descriptors {
	int fds[DESCRIPTORS_MAX];
	size_t count;
};

/** Sets the path, and makes no connection yet. Errors: -EINVAL (empty), -ENAMETOOLONG. */
int connection_init(struct connection *connection, const char *path);

static inline bool connection_is_open(const struct connection *connection)
{
	return connection->fd >= 0;
}

/** Connects if an attempt is due. Returns true when it did. */
bool connection_try(struct connection *connection, int64_t now_ms);

/** Closes after a failure; hold_ms: the least time until the next attempt, 0 for the usual. */
void connection_lose(struct connection *connection, int64_t now_ms, int64_t hold_ms);

/** Closes the descriptor, if it is still ours. */
void connection_close(struct connection *connection);

/** Closes, and forgets what became of earlier attempts. */
void connection_start_afresh(struct connection *connection);

/**
 * Sends one packet. Returns 0, -EAGAIN (the daemon has to read first), -EMSGSIZE (no socket
 * buffer of this machine holds it), or another -errno: the connection is lost.
 */
int connection_send(struct connection *connection, struct iovec *iov, size_t count);

/**
 * Receives one packet. Returns its length, which exceeds cap when it was cut; 0 at the end
 * of the connection; -EAGAIN when there is none; another -errno: the connection is lost.
 * descriptors_out: takes those that come with it; none when there were more, or not all could be
 * had; the caller owns them. NULL: the kernel drops what comes.
 */
ssize_t connection_receive(struct connection *connection, void *buffer, size_t cap,
			   struct descriptors *descriptors_out);

/** True when the daemon has made so much room that sending is worth another try. */
bool connection_is_writable(const struct connection *connection);

#endif
