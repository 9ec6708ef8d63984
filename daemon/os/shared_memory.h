/**
 * shared_memory: memory that can be passed to other processes, and sealed.
 */
#ifndef LOGFWD_OS_SHARED_MEMORY_H
#define LOGFWD_OS_SHARED_MEMORY_H

/**
 * An empty memfd that takes seals, closed on exec, not executable where the kernel can say so.
 * name: for people who look into /proc. Returns the descriptor, the caller's, or -errno.
 */
int shared_memory_new(const char *name);

#endif
