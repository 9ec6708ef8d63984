/**
 * logger: whether a logger passes a level, without a lock or a system call in the usual case.
 *
 * That answer is a cached threshold, as long as neither the daemon nor this process has changed
 * anything since; a few loads tell.
 */
#ifndef LOGFWD_CLIENT_LOGGER_H
#define LOGFWD_CLIENT_LOGGER_H

#include "client/client.h"

/** The same as logger_is_enabled(), where what is cached may not hold any more. */
bool logger_find_out(struct logfwd_logger *logger, int level);

/** level: 1..LEVEL_MAX. The caller does not hold the lock. */
static inline bool logger_is_enabled(struct logfwd_logger *logger, int level)
{
	const struct logfwd_client *client = logger->client;
	uint64_t cache;

	if (level_page_has_news(&client->level_page))
		return logger_find_out(logger, level);
	cache = atomic_load_explicit(&logger->cache, memory_order_relaxed);
	if (cache >> 8 != atomic_load_explicit(&client->generation, memory_order_relaxed))
		return logger_find_out(logger, level);
	return level >= (uint8_t)cache;
}

#endif
