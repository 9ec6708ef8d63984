/**
 * log: the daemon's own words, to stderr; never to syslog(3), which it serves.
 *
 * A line is "<N>area: text" with systemd's priority prefix (sd-daemon(3)) when stderr is no
 * terminal, and "area: text" when it is. Trouble that comes with every record goes through
 * log_limited(): once, then at most one line a second with the number of those left out.
 */
#ifndef LOGFWD_OS_LOG_H
#define LOGFWD_OS_LOG_H

#include <stdbool.h>
#include <stdint.h>

/** Severities of RFC 5424 6.2.1, those that we use. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/** What is less severe than level is left out from now on; LOG_LEVEL_INFO at start. */
void log_set_level(enum log_level level);

/** area: the folder that speaks ("intake"). Text of the peer in it is made printable. */
void log_line(enum log_level level, const char *area, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/** One kind of trouble of one object. Zero-initialised: nothing said yet. */
struct log_limit {
	bool spoken;
	int64_t spoken_ms; /* monotonic */
	uint64_t left_out; /* since then */
};

/** As log_line(), at most once a second for one limit. */
void log_limited(struct log_limit *limit, enum log_level level, const char *area,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
