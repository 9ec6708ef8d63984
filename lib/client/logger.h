/** logger: whether a logger passes a level, without a lock or a system call in the usual case. */
#ifndef LOGFWD_CLIENT_LOGGER_H
#define LOGFWD_CLIENT_LOGGER_H

#include "client/client.h"

/** level: 1..LEVEL_MAX. The caller does not hold the lock. */
bool logger_is_enabled(struct logfwd_logger *logger, int level);

#endif
