#include "intake/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The kernel cuts it to net.core.somaxconn. */
#define BACKLOG 4096
/* Bursts of syslog(3) wait here while the loop is busy. */
#define DATAGRAM_BUFFER_BYTES (8 * 1024 * 1024)

static int listener_error(int error, char error_out[static LISTENER_ERROR_BYTES], const char *path,
			  const char *what)
{
	snprintf(error_out, LISTENER_ERROR_BYTES, "%s: %s: %s", path, what, strerror(error));
	return -error;
}

static const char *why_not_bound(int error)
{
	if (error == ENOENT)
		return "cannot bind; its folder must exist";
	if (error == EACCES)
		return "cannot bind; logfwdd's user must be able to write its folder";
	return "cannot bind";
}

/* Datagrams that arrive before SO_PASSCRED is on carry no pid: it is set before the bind. */
static int listener_prepare(int fd, int type)
{
	const int on = 1;
	const int buffer = DATAGRAM_BUFFER_BYTES;

	if (type != SOCK_DGRAM)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* Makes way at the path: 0 when it is free now, or -errno with the reason in error_out. */
static int listener_clear_path(const struct sockaddr_un *address, int type,
			       char error_out[static LISTENER_ERROR_BYTES])
{
	struct stat info;
	int probe;
	int error;

	if (lstat(address->sun_path, &info) < 0)
		return errno == ENOENT
			       ? 0
			       : listener_error(errno, error_out, address->sun_path, "cannot look");
	if (!S_ISSOCK(info.st_mode)) {
		snprintf(
			error_out, LISTENER_ERROR_BYTES,
			"%s: a file is in the way that is no socket; move it or choose another path",
			address->sun_path);
		return -EEXIST;
	}
	probe = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return listener_error(errno, error_out, address->sun_path, "cannot make a socket");
	error = connect(probe, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
	close(probe);
	if (error == 0 || error == EAGAIN || error == EPROTOTYPE) {
		snprintf(error_out, LISTENER_ERROR_BYTES,
			 "%s: another process serves this socket; stop it or choose another path",
			 address->sun_path);
		return -EADDRINUSE;
	}
	if (error != ECONNREFUSED) /* anything else does not prove that nobody serves it */
		return listener_error(error, error_out, address->sun_path,
				      "cannot tell whether a process serves this socket");
	if (unlink(address->sun_path) < 0)
		return listener_error(errno, error_out, address->sun_path,
				      "cannot remove the socket of a dead process");
	return 0;
}

static int listener_bind_fd(int fd, const struct sockaddr_un *address, int type, mode_t mode,
			    gid_t group, char error_out[static LISTENER_ERROR_BYTES])
{
	const char *path = address->sun_path;

	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return listener_error(errno, error_out, path, why_not_bound(errno));
	/* chown before chmod: nobody gets in between */
	if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) < 0)
		return listener_error(errno, error_out, path, "cannot give it to its group");
	if (chmod(path, mode) < 0)
		return listener_error(errno, error_out, path, "cannot set its mode");
	if (type != SOCK_DGRAM && listen(fd, BACKLOG) < 0)
		return listener_error(errno, error_out, path, "cannot listen");
	return 0;
}

int listener_bind(const char *path, int type, mode_t mode, gid_t group,
		  char error_out[static LISTENER_ERROR_BYTES])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int result;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return listener_error(ENAMETOOLONG, error_out, path, "cannot be a socket's path");
	memcpy(address.sun_path, path, strlen(path) + 1);
	result = listener_clear_path(&address, type, error_out);
	if (result < 0)
		return result;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return listener_error(errno, error_out, path, "cannot make a socket");
	result = listener_prepare(fd, type);
	if (result < 0) {
		close(fd);
		return listener_error(-result, error_out, path, "cannot ask for credentials");
	}
	mask = umask(0777); /* closed to all until its mode is set */
	result = listener_bind_fd(fd, &address, type, mode, group, error_out);
	umask(mask);
	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}

int listener_adopt(int fd, int type, char error_out[static LISTENER_ERROR_BYTES])
{
	int found = -1;
	socklen_t length = sizeof(found);
	int result;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &found, &length) < 0)
		return listener_error(errno, error_out, "inherited descriptor", "is no socket");
	if (found != type)
		return listener_error(EPROTOTYPE, error_out, "inherited socket",
				      "is of another type than its name asks for");
	result = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0
			 ? -errno
			 : listener_prepare(fd, type);
	if (result < 0)
		return listener_error(-result, error_out, "inherited socket", "cannot be prepared");
	return 0;
}
