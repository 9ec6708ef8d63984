/**
 * daemon: the composition root: builds everything, reloads, drains, stops.
 *
 * Owns the event loop, the signals and the sockets; every other module is told what to do.
 */
#ifndef LOGFWD_DAEMON_H
#define LOGFWD_DAEMON_H

#include "base/cleanup.h"

struct daemon;

#define EXIT_CONFIG 78 /* EX_CONFIG of sysexits(3): the configuration does not load */

/**
 * Builds a daemon that is ready to run: its sockets are bound or inherited.
 * config_path: borrowed for the daemon's life; it is what a reload reads again.
 * Returns 0, EXIT_CONFIG or EXIT_FAILURE; the reason was logged.
 */
int daemon_new(const char *config_path, struct daemon **daemon_out);
void daemon_free(struct daemon *daemon);
DEFINE_CLEANUP(struct daemon *, daemon_free)

/** Serves until SIGTERM or SIGINT, then drains. Returns EXIT_SUCCESS or EXIT_FAILURE. */
int daemon_run(struct daemon *daemon);

#endif
