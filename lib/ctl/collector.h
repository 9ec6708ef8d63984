/**
 * collector: a UDP socket that loses as little as a receiver can.
 *
 * The kernel's buffer is made as large as it lets us, and is emptied in batches.
 */
#ifndef LOGFWD_CTL_COLLECTOR_H
#define LOGFWD_CTL_COLLECTOR_H

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/span.h"

#define COLLECTOR_BATCH 64 /* datagrams of one system call */

struct collector;

/**
 * Binds a socket. address: "HOST:PORT" or "[V6]:PORT"; port 0 picks one. Says to stderr what
 * went wrong. Returns the collector, owned by the caller, or NULL.
 */
struct collector *collector_new(const char *address);
void collector_free(struct collector *collector);
DEFINE_CLEANUP(struct collector *, collector_free)

/** The descriptor to wait on until it is readable; borrowed. */
int collector_fd(const struct collector *collector);

/** Where it is bound, "127.0.0.1:5514"; borrowed while the collector lives. */
const char *collector_address(const struct collector *collector);

/**
 * Takes what has arrived, at most limit (> 0) and COLLECTOR_BATCH datagrams; never waits.
 * Returns their number, 0 when there are none now, or -errno.
 */
int collector_take(struct collector *collector, size_t limit);

/** A datagram of the last batch, borrowed until the next; index < what collector_take() said. */
struct span collector_datagram(const struct collector *collector, int index);

/** Who sent it, as text without the port, "192.0.2.1" or "2001:db8::1". */
#define COLLECTOR_SENDER_BYTES INET6_ADDRSTRLEN
void collector_sender(const struct collector *collector, int index,
		      char text_out[static COLLECTOR_SENDER_BYTES]);

/** How many datagrams the kernel dropped because the buffer was full. */
uint32_t collector_kernel_drops(const struct collector *collector);

#endif
