/**
 * inherited_fds: sockets that the service manager made for us (sd_listen_fds(3)), by name.
 *
 * A queue that was filled before we started is served, and a restart refuses nobody. Without
 * libsystemd at build time there are none.
 */
#ifndef LOGFWD_OS_INHERITED_FDS_H
#define LOGFWD_OS_INHERITED_FDS_H

#include <stddef.h>

#define INHERITED_FDS_MAX 16

struct inherited_fd {
	char *name; /* FileDescriptorName=; owned */
	int fd;	    /* owned until taken; -1 afterwards */
};

struct inherited_fds {
	struct inherited_fd fds[INHERITED_FDS_MAX];
	size_t count;
};

/** Reads what was passed; once, at start, before anything else opens a descriptor. */
void inherited_fds_init(struct inherited_fds *inherited_out);

/** Takes the descriptor of a name: the caller's from now on, or -1 when there is none. */
int inherited_fds_take(struct inherited_fds *inherited, const char *name);

/** Closes those that nobody took, with a warning each, and frees. */
void inherited_fds_deinit(struct inherited_fds *inherited);

#endif
