/**
 * inside: is this thread inside a call of the library?
 *
 * A signal handler that interrupted such a call must not wait for the lock that its own thread
 * holds. The mark is set before the first lock is taken and cleared after the last one is given
 * back, so no moment is without it. It counts, for a handler may fork.
 */
#ifndef LOGFWD_CLIENT_INSIDE_H
#define LOGFWD_CLIENT_INSIDE_H

#include <signal.h>
#include <stdbool.h>

/* Of the initial-exec kind: to read any other may take memory, which a signal handler must not. */
extern _Thread_local volatile sig_atomic_t inside_mark __attribute__((tls_model("initial-exec")));

static inline bool inside_is(void)
{
	return inside_mark != 0;
}

static inline void inside_begin(void)
{
	inside_mark = inside_mark + 1;
}

static inline void inside_end(void)
{
	inside_mark = inside_mark - 1;
}

/** True when the end that is next is that of the outermost. */
static inline bool inside_is_outermost(void)
{
	return inside_mark == 1;
}

#endif
