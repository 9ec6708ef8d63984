/**
 * syslog_socket: the datagram socket that takes what syslog(3) and its like send.
 *
 * It is always drained: a full dev-log would block every program that logs. Pressure ends in
 * a counted drop further on.
 */
#ifndef LOGFWD_INTAKE_SYSLOG_SOCKET_H
#define LOGFWD_INTAKE_SYSLOG_SOCKET_H

#include <event2/event.h>

#include "base/cleanup.h"
#include "intake/record.h"

struct syslog_socket;

/**
 * fd: a bound datagram socket that passes credentials; taken on success. ops: copied.
 * Errors: -ENOMEM.
 */
int syslog_socket_new(struct event_base *base, int fd, const struct intake_ops *ops,
		      struct syslog_socket **socket_out);
void syslog_socket_free(struct syslog_socket *socket);
DEFINE_CLEANUP(struct syslog_socket *, syslog_socket_free)

/** Takes what waits in the socket now, at most max_batches of it. Returns true when nothing waits any more. */
bool syslog_socket_drain(struct syslog_socket *socket, unsigned max_batches);

#endif
