#include "control/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"

#define GROUPS_FIRST_GUESS 64

/* The kernel answers -ERANGE with the length that it needs. */
static int read_groups(int fd, struct peer *peer)
{
	CLEANUP(free) gid_t *groups = NULL;
	socklen_t length = GROUPS_FIRST_GUESS * sizeof(*groups);
	int error;

	for (;;) {
		gid_t *larger = realloc(groups, length > 0 ? length : sizeof(*groups));

		if (larger == NULL)
			return -ENOMEM;
		groups = larger;
		error = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) < 0 ? errno : 0;
		if (error != ERANGE)
			break;
	}
	if (error != 0)
		return -error;
	peer->n_groups = length / sizeof(*groups);
	peer->groups = move_ptr(groups);
	return 0;
}

int peer_of(int fd, struct peer *peer_out)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	struct peer peer = { 0 };
	int error;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return -errno;
	error = read_groups(fd, &peer);
	if (error < 0)
		return error;
	peer.pid = credentials.pid;
	peer.uid = credentials.uid;
	peer.gid = credentials.gid;
	*peer_out = peer;
	return 0;
}

void peer_deinit(struct peer *peer)
{
	free(peer->groups);
	peer->groups = NULL;
	peer->n_groups = 0;
}

gid_t peer_socket_group(int fd)
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	char path[sizeof(address.sun_path) + 1] = "";
	struct stat file;

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
	    length <= offsetof(struct sockaddr_un, sun_path))
		return PEER_NO_GROUP;
	/* An abstract name starts with NUL and so gives an empty path, which no file has. */
	memcpy(path, address.sun_path, length - offsetof(struct sockaddr_un, sun_path));
	if (stat(path, &file) < 0 || !S_ISSOCK(file.st_mode))
		return PEER_NO_GROUP;
	return file.st_gid;
}

bool peer_is_operator(const struct peer *peer, uid_t own, gid_t group)
{
	if (peer->uid == 0 || peer->uid == own)
		return true;
	if (group == PEER_NO_GROUP)
		return false;
	if (peer->gid == group)
		return true;
	for (size_t i = 0; i < peer->n_groups; i++) {
		if (peer->groups[i] == group)
			return true;
	}
	return false;
}
