/**
 * fork: what a child process makes of its parent's clients.
 *
 * fork() copies every client with its socket and its waiting frames. The child must not use
 * either: two writers on one socket tear the order, and the parent sends what waits. So the
 * child's copy starts afresh, with a connection of its own, when it is first used.
 */
#ifndef LOGFWD_CLIENT_FORK_H
#define LOGFWD_CLIENT_FORK_H

#include "client/client.h"

/** Includes the client in what fork() takes care of, until fork_forget(). Errors: -ENOMEM. */
int fork_remember(struct logfwd_client *client);
void fork_forget(struct logfwd_client *client);

#endif
