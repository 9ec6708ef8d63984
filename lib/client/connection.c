#include "client/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 10
#define BACKOFF_MAX_MS 1000

int connection_init(struct connection *connection, const char *path)
{
	size_t length = strlen(path);

	*connection = (struct connection){
		.address.sun_family = AF_UNIX,
		.fd = -1,
		.backoff_ms = BACKOFF_MIN_MS,
	};
	if (length == 0)
		return -EINVAL;
	if (length >= sizeof(connection->address.sun_path))
		return -ENAMETOOLONG;
	memcpy(connection->address.sun_path, path, length + 1);
	return 0;
}

/* A program that closed its standard descriptors must not print into our socket. */
static int above_standard(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

static void put_off(struct connection *connection, int64_t now_ms, int64_t hold_ms)
{
	int64_t wait_ms = connection->backoff_ms > hold_ms ? connection->backoff_ms : hold_ms;

	connection->retry_ms = now_ms + wait_ms;
	connection->backoff_ms *= 2;
	if (connection->backoff_ms > BACKOFF_MAX_MS)
		connection->backoff_ms = BACKOFF_MAX_MS;
}

bool connection_try(struct connection *connection, int64_t now_ms)
{
	const struct sockaddr *address = (const struct sockaddr *)&connection->address;
	struct stat identity;
	int fd;

	if (now_ms < connection->retry_ms)
		return false;
	fd = above_standard(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (fd < 0 || fstat(fd, &identity) < 0 ||
	    connect(fd, address, sizeof(connection->address)) < 0) {
		if (fd >= 0)
			close(fd);
		put_off(connection, now_ms, 0);
		return false;
	}
	connection->fd = fd;
	connection->dev = identity.st_dev;
	connection->ino = identity.st_ino;
	connection->connected_ms = now_ms;
	return true;
}

static bool is_ours(const struct connection *connection)
{
	struct stat identity;

	return fstat(connection->fd, &identity) == 0 && identity.st_dev == connection->dev &&
	       identity.st_ino == connection->ino;
}

void connection_close(struct connection *connection)
{
	if (connection_is_open(connection) && is_ours(connection))
		close(connection->fd);
	connection->fd = -1;
}

void connection_start_afresh(struct connection *connection)
{
	connection_close(connection);
	connection->retry_ms = 0;
	connection->backoff_ms = BACKOFF_MIN_MS;
}

void connection_lose(struct connection *connection, int64_t now_ms, int64_t hold_ms)
{
	connection_close(connection);
	if (now_ms - connection->connected_ms >= BACKOFF_MAX_MS) {
		/* It had held: most likely a restart, whose next daemon may be there already. */
		connection->backoff_ms = BACKOFF_MIN_MS;
		connection->retry_ms = now_ms + hold_ms;
		return;
	}
	put_off(connection, now_ms, hold_ms);
}

int connection_send(struct connection *connection, struct iovec *iov, size_t count)
{
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = count };

	if (!is_ours(connection))
		return -EBADF;
	if (sendmsg(connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	switch (errno) {
	case EINTR:
	case ENOBUFS:
	case ENOMEM:
		return -EAGAIN;
	default:
		return -errno;
	}
}

/* Of a packet that brings more than anybody agreed to none is taken. */
static struct descriptors descriptors_of(struct msghdr *message)
{
	struct descriptors found = { 0 };

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
	     part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		found.count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(found.fds, CMSG_DATA(part), found.count * sizeof(int));
	}
	if ((message->msg_flags & MSG_CTRUNC) != 0) {
		while (found.count > 0)
			close(found.fds[--found.count]);
	}
	return found;
}

static ssize_t receive_once(struct connection *connection, struct iovec iov,
			    struct descriptors *descriptors_out)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t length;

	if (descriptors_out != NULL) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	length = recvmsg(connection->fd, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	if (length >= 0 && descriptors_out != NULL)
		*descriptors_out = descriptors_of(&message);
	return length;
}

ssize_t connection_receive(struct connection *connection, void *buffer, size_t cap,
			   struct descriptors *descriptors_out)
{
	struct iovec iov = { buffer, cap };
	ssize_t length;

	if (!is_ours(connection))
		return -EBADF;
	length = receive_once(connection, iov, descriptors_out);
	/* Reported once when the daemon closed with our packets unread; what it sent is behind. */
	if (length < 0 && errno == ECONNRESET)
		length = receive_once(connection, iov, descriptors_out);
	if (length >= 0)
		return length;
	return errno == EINTR ? -EAGAIN : -errno;
}

bool connection_is_writable(const struct connection *connection)
{
	struct pollfd socket = { .fd = connection->fd, .events = POLLOUT };

	return poll(&socket, 1, 0) != 0;
}
