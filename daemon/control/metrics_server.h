/**
 * metrics_server: GET /metrics over HTTP (evhttp), the Prometheus text of the accounts.
 * Off unless metrics.listen is set. Everything else is 404; other methods 405.
 */
#ifndef LOGFWD_CONTROL_METRICS_SERVER_H
#define LOGFWD_CONTROL_METRICS_SERVER_H

#include "control/control_server.h"

struct metrics_options {
	char *listen; /* "ADDRESS:PORT" or "[ADDRESS]:PORT", numeric; NULL: off. Port 0: any. */
};

struct metrics_server;

/** ops: copied; only stats is used. Errors: -errno of binding, -EINVAL (address), -ENOMEM. */
int metrics_server_new(struct event_base *base, const struct metrics_options *options,
		       const struct control_ops *ops, struct metrics_server **server_out);
void metrics_server_free(struct metrics_server *server);
/** "127.0.0.1:9514", with the port that was bound; borrowed while the server lives. */
const char *metrics_server_address(const struct metrics_server *server);
DEFINE_CLEANUP(struct metrics_server *, metrics_server_free)

#endif
