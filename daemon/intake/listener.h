/**
 * listener: the daemon's own sockets: bound at a path, or inherited from the service manager.
 */
#ifndef LOGFWD_INTAKE_LISTENER_H
#define LOGFWD_INTAKE_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

struct listen_options {
	char *client;	     /* path of the SOCK_SEQPACKET socket for libclient; never NULL */
	mode_t client_mode;  /* default 0666 */
	char *syslog;	     /* path of the datagram socket for syslog(3); "" turns it off */
	mode_t syslog_mode;  /* default 0666 */
	char *control;	     /* path of the SOCK_STREAM socket for logfwdctl; never NULL */
	mode_t control_mode; /* default 0660 */
	char *control_group; /* group of the control socket; "": the daemon's own */
};

#define LISTENER_ERROR_BYTES 256

/**
 * Binds a Unix socket of a type at a path, non-blocking and close-on-exec; SOCK_SEQPACKET
 * and SOCK_STREAM listen, SOCK_DGRAM passes credentials.
 * A socket that is left at the path by a dead process is replaced; one that a live process
 * serves, or a file that is no socket, is an error.
 * group: of the socket file; (gid_t)-1 leaves the daemon's. error_out names path, reason and remedy on failure.
 * Returns the descriptor, owned by the caller, or -errno.
 */
int listener_bind(const char *path, int type, mode_t mode, gid_t group,
		  char error_out[static LISTENER_ERROR_BYTES]);

/** Prepares an inherited descriptor of the same type; -EPROTOTYPE when it is another kind of socket. */
int listener_adopt(int fd, int type, char error_out[static LISTENER_ERROR_BYTES]);

#endif
