/**
 * client_listing: who is connected, as JSON, in slices of less than a millisecond.
 *
 * Between the slices clients may come and go: one that stays from begin to end is listed once,
 * another at most once. Nothing is kept meanwhile but where the walk is.
 */
#ifndef LOGFWD_CLIENT_LISTING_H
#define LOGFWD_CLIENT_LISTING_H

#include "control/control_streams.h"
#include "intake/clients.h"

/**
 * Each slice is {"clients":[{"pid","uid","app","loggers","records","dropped","connected_seconds",
 * "ended"}]}, those who connected last first.
 *
 * clients: borrowed until the stream ends. stream_out: owned by the caller. Errors: -ENOMEM.
 */
int client_listing(const struct clients *clients, struct control_stream *stream_out);

#endif
