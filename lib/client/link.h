/**
 * link: what goes from a client to its daemon, and in which order.
 *
 * A connection begins with FRAME_HELLO; then every logger is registered, in as many packets
 * as it takes; then the frames that wait go out, in order; and only when nothing waits does
 * a call send its own frame itself. So whatever a frame names has been registered before it,
 * on every connection. Once the daemon has given a ring all goes through that, in the same order;
 * what it had not consumed at the connection's end comes first on the next one. All under the
 * client's lock; nothing waits.
 */
#ifndef LOGFWD_CLIENT_LINK_H
#define LOGFWD_CLIENT_LINK_H

#include "client/client.h"

/**
 * Takes the link as far as it goes now: connects, reads what the daemon says when that is
 * due, registers, sends what waits, reports losses. May free loggers that are closed.
 */
void link_pump(struct logfwd_client *client);

/**
 * Hands a frame to the socket or the ring, or, when others wait before it or that is full, to the
 * stream. Borrows frame for the call. Errors: -ENOBUFS (neither has room), -ENOMEM, -EMSGSIZE.
 */
int link_submit(struct logfwd_client *client, const struct outgoing *frame);

/**
 * Ends a logger's lease, which the application has closed: FRAME_CLOSE goes out, now or as
 * soon as there is room. The logger may be gone on return.
 */
void link_close_logger(struct logfwd_logger *logger);

/**
 * Ends the leases of all loggers, if the daemon takes it now, so that the end of the connection is
 * not taken for the death of this process. For the client's own end.
 */
void link_leave(struct logfwd_client *client);

/** Has the daemon look into the ring now, if there is one: for who waits for its answer. */
void link_wake(struct logfwd_client *client);

/** Drops the longest waiting record. */
void link_drop_oldest(struct logfwd_client *client);

/** The connection is of no more use; hold_ms: the least time until the next, 0 for the usual. */
void link_lose(struct logfwd_client *client, int64_t hold_ms);

#endif
