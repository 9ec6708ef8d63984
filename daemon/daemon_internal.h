/**
 * daemon_internal: what the files of the composition root share; nobody else includes it.
 *
 * daemon.c          builds, reloads, drains and stops; owns the loop and the signals
 * daemon_control.c  what the control socket may ask of it
 */
#ifndef LOGFWD_DAEMON_INTERNAL_H
#define LOGFWD_DAEMON_INTERNAL_H

#include <event2/event.h>

#include "control/control_server.h"
#include "control/metrics_server.h"
#include "daemon.h"
#include "forward.h"
#include "intake/clients.h"
#include "intake/syslog_socket.h"
#include "live_levels.h"
#include "os/log.h"
#include "sockets.h"
#include "tail.h"

enum { SIGNAL_HUP, SIGNAL_TERM, SIGNAL_INT, N_SIGNALS };

struct daemon {
	const char *config_path;
	int64_t started_ms;
	struct event_base *base;
	struct config *config;
	struct forward *forward;
	struct live_levels *live_levels;
	struct tails *tails;
	struct clients *clients;
	struct syslog_socket *syslog; /* NULL: off, or drained at the end */
	struct control_server *control;
	struct metrics_server *metrics; /* NULL: off */
	struct event *signals[N_SIGNALS];
	struct event *reload; /* many SIGHUPs in one turn are one reload */
	struct event *housekeeping;
	struct event *watchdog; /* NULL: nobody watches */
	struct log_limit audit;
	struct event *drain; /* while stopping */
	int64_t drain_until_ms;
	uint64_t levels_told;
	uint64_t leases_before; /* since memory was last given back, the most there were */
	struct sockets sockets;
};

/**
 * Builds the next configuration aside and takes it, or leaves everything as it is.
 * dry_run: only says what is wrong. 0 or -errno, error_out filled on failure.
 */
int daemon_reload(struct daemon *daemon, bool dry_run, char error_out[static CONTROL_ERROR_BYTES]);

/** For the control server and the metrics, which the daemon outlives. */
struct control_ops daemon_control_ops(struct daemon *daemon);

#endif
