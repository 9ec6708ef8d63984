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

/* 0 in a child that was made past pthread_atfork(), by _Fork(3) or clone(2); else not. */
extern const _Atomic int *fork_mark;

/** Does in such a child what the handlers would have done. */
void fork_catch_up(void);

/** To be called before anything of a client is used, its lock too. */
static inline void fork_check(void)
{
	if (atomic_load_explicit(fork_mark, memory_order_relaxed) == 0)
		fork_catch_up();
}

#endif
