/**
 * descriptors: a packet that carries descriptors to a client.
 */
#ifndef LOGFWD_INTAKE_DESCRIPTORS_H
#define LOGFWD_INTAKE_DESCRIPTORS_H

#include <stddef.h>

#define DESCRIPTORS_MAX 2

/**
 * Sends a packet with count (at most DESCRIPTORS_MAX) descriptors, which stay the caller's. Does not
 * block. Where the kernel passes no more of them, it goes without: clients can do without what they
 * stand for. Errors: -EAGAIN, and those of a peer that is gone.
 */
int descriptors_send(int socket, const void *bytes, size_t length, const int *fds, size_t count);

#endif
