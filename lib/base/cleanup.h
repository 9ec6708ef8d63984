/**
 * cleanup: scope-bound ownership.
 *
 * CLEANUP(x_free) frees the variable when its scope ends; DEFINE_CLEANUP() makes a type's
 * x_free() usable so; move_ptr() hands the object over and leaves NULL behind.
 */
#ifndef LOGFWD_BASE_CLEANUP_H
#define LOGFWD_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(free_fn) __attribute__((cleanup(free_fn##_at)))

#define DEFINE_CLEANUP(type, free_fn)                                                              \
	static inline void free_fn##_at(type *p)                                                   \
	{                                                                                          \
		free_fn(*p);                                                                       \
	}

#define move_ptr(p)                                                                                \
	__extension__({                                                                            \
		__typeof__(p) moved_ = (p);                                                        \
		(p) = NULL;                                                                        \
		moved_;                                                                            \
	})

/* For CLEANUP(free) on any pointer type. */
static inline void free_at(void *p)
{
	free(*(void **)p);
}

/* For CLEANUP(close_fd) on an int; -1 is no descriptor. */
static inline void close_fd_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
