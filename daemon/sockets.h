/**
 * sockets: the three sockets that the daemon serves, inherited by name or bound at their paths.
 */
#ifndef LOGFWD_SOCKETS_H
#define LOGFWD_SOCKETS_H

#include "intake/listener.h"

enum socket_kind { SOCKET_CLIENT, SOCKET_SYSLOG, SOCKET_CONTROL, SOCKET_KINDS };

struct sockets {
	int fds[SOCKET_KINDS];		 /* owned until taken; -1: taken, or not served */
	char *bound_paths[SOCKET_KINDS]; /* ours to remove in the end; NULL: inherited */
};

/* Nothing open yet. */
#define SOCKETS_NONE ((struct sockets){ .fds = { -1, -1, -1 } })

/**
 * Opens what options ask for; what the service manager passed is used instead of a path.
 * Returns false when one cannot be served; the reason was logged. sockets_deinit() in any case.
 */
bool sockets_init(struct sockets *sockets, const struct listen_options *options);

/** Hands a socket over, or -1 when it is not served. */
int sockets_take(struct sockets *sockets, enum socket_kind kind);

/** Closes those that nobody took and removes the files that were bound. */
void sockets_deinit(struct sockets *sockets);

/** True when both ask for the same sockets: a reload cannot change them. */
bool listen_options_equal(const struct listen_options *a, const struct listen_options *b);

#endif
