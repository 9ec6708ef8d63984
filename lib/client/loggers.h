/**
 * loggers: the table of a client's loggers, and what becomes of them when connections do.
 *
 * A logger that the application has closed stays here until the frames that name it, its
 * FRAME_CLOSE the last, have left. All under the client's lock. No I/O.
 */
#ifndef LOGFWD_CLIENT_LOGGERS_H
#define LOGFWD_CLIENT_LOGGERS_H

#include "client/client.h"

/**
 * Makes a logger of that name (canonical, checked), which no connection knows yet.
 * Errors: -ENOMEM.
 */
int loggers_add(struct logfwd_client *client, struct span name, struct logfwd_logger **logger_out);

/** Frees the logger and its id. No frame of the stream may name it. */
void loggers_remove(struct logfwd_logger *logger);

/** Removes a closed logger that no connection knows and no frame names. */
void loggers_remove_if_done(struct logfwd_logger *logger);

/** The logger with that id; NULL when there is none. */
struct logfwd_logger *loggers_find(struct logfwd_client *client, uint32_t id);

/** The connection is gone: every logger has to be registered on the next one. */
void loggers_unregister_all(struct logfwd_client *client);

/**
 * The logger is not registered, and comes after all others that are not: of several leases
 * of one name, the level that the daemon is told last counts.
 */
void loggers_register_last(struct logfwd_logger *logger);

/**
 * A child process begins with its parent's loggers, but with none of what waits or was counted.
 * The stream is empty, and there is no connection.
 */
void loggers_start_afresh(struct logfwd_client *client);

/** The connection has taken the logger's FRAME_OPEN. */
void loggers_set_registered(struct logfwd_logger *logger);

/** The application's level and context are what the next registration tells the daemon. */
void loggers_changes_told(struct logfwd_logger *logger);

/** Calls below the level, of all loggers that are in the table. */
uint64_t loggers_filtered(const struct logfwd_client *client);

/** Frees every logger and the table; the stream is empty. */
void loggers_deinit(struct logfwd_client *client);

#endif
