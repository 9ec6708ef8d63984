/**
 * peer: who is at the other end of a Unix stream socket, and what that allows.
 *
 * The kernel notes a peer's credentials when it connects (unix(7)); a later setuid() does
 * not change them, and whoever inherits the descriptor acts with the rights of who connected.
 */
#ifndef LOGFWD_CONTROL_PEER_H
#define LOGFWD_CONTROL_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PEER_NO_GROUP ((gid_t)-1)

struct peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary; owned */
	size_t n_groups;
};

/** Reads the credentials of fd's peer. peer_out: to peer_deinit(), on success only. Errors: -errno. */
int peer_of(int fd, struct peer *peer_out);
void peer_deinit(struct peer *peer);

/**
 * The group of the socket file that fd is bound to, as the file system has it now;
 * PEER_NO_GROUP when it is bound to none.
 */
gid_t peer_socket_group(int fd);

/** True for root, for uid own, and for members of group unless that is PEER_NO_GROUP. Pure. */
bool peer_is_operator(const struct peer *peer, uid_t own, gid_t group);

#endif
