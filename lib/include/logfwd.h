/**
 * logfwd: the client library of the logfwd daemon. Manual: logfwd(3), semantics: logfwd(7).
 *
 * A client is one connection to the local daemon, whatever the number of its loggers. A
 * logger is a lease on a name in the daemon's hierarchy; it costs no descriptor and ends
 * when it is closed or when the process ends, in any way.
 *
 * Functions that return int return 0 or -errno. They are thread-safe, keep errno, raise no
 * signal, print nothing, and block no longer than logfwd_options.wait_ms. In a signal handler that
 * interrupted a call of the library they do nothing, and return -EDEADLK; a record counts as dropped.
 */
#ifndef LOGFWD_H
#define LOGFWD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct logfwd_client;
struct logfwd_logger;

/** Python's logging levels with syslog's names; any number from 1 to 100 is a level. */
enum logfwd_level {
	LOGFWD_NOTSET = 0, /* inherit from the parent; not a level of a record */
	LOGFWD_TRACE = 5,
	LOGFWD_DEBUG = 10,
	LOGFWD_INFO = 20,
	LOGFWD_NOTICE = 25,
	LOGFWD_WARNING = 30,
	LOGFWD_ERROR = 40,
	LOGFWD_CRITICAL = 50,
	LOGFWD_ALERT = 60,
	LOGFWD_EMERGENCY = 70,
};

/** What gives way when buffer_bytes are full of records that the daemon has not taken. */
enum logfwd_when_full {
	LOGFWD_DROP_NEWEST = 0, /* the call's own record: it returns -ENOBUFS */
	LOGFWD_DROP_OLDEST = 1, /* the longest waiting one: the call returns 0 */
};

/** Zero-initialise, set size to sizeof(struct logfwd_options), then what differs. */
struct logfwd_options {
	size_t size;		 /* of this struct, so that it can grow */
	const char *socket_path; /* NULL: $LOGFWD_SOCKET, else /run/logfwd/client.sock */
	const char *app_name;	 /* APP-NAME of the records; NULL: the program's name */
	enum logfwd_when_full when_full;
	unsigned wait_ms;    /* how long a call may wait for room; 0: not at all */
	size_t buffer_bytes; /* of records that wait for the daemon; 0: 1 MiB */
};

/** Counts since logfwd_client_open(); records = sent + dropped + buffered. */
struct logfwd_client_stats {
	size_t size;	    /* set by the caller: sizeof(struct logfwd_client_stats) */
	uint64_t records;   /* calls that passed the level */
	uint64_t filtered;  /* calls below the level */
	uint64_t sent;	    /* records handed to the daemon's socket */
	uint64_t dropped;   /* records given up, for whatever reason; reported to the daemon */
	uint64_t buffered;  /* records that wait in this process */
	uint64_t refused;   /* loggers that the daemon refused: a limit, or memory */
	uint64_t connected; /* times a connection was made */
	uint64_t loggers;   /* open now */
};

/**
 * Opens a client. It needs no daemon: the connection is made when there is one.
 * options: NULL for the defaults; copied.
 * Errors: -EINVAL (size or a value), -ENAMETOOLONG (socket_path), -ENOMEM.
 */
int logfwd_client_open(struct logfwd_client **client_out, const struct logfwd_options *options);

/**
 * Sends what is buffered as far as the daemon takes it without waiting, closes all loggers and
 * frees. NULL is allowed.
 */
void logfwd_client_close(struct logfwd_client *client);

/**
 * Leases a logger. name: dotted, "" and "root" are the root; at most 255 bytes, 32
 * components. Opening the same name twice gives two leases on one logger.
 * Errors: -EINVAL, -ENAMETOOLONG, -ENOMEM.
 */
int logfwd_logger_open(struct logfwd_client *client, const char *name,
		       struct logfwd_logger **logger_out);

/** Ends the lease. Records given to it before still go out. NULL is allowed. */
void logfwd_logger_close(struct logfwd_logger *logger);

/**
 * Sets the logger's level as long as this lease lives; 0 unsets. A level that an operator has
 * set stands above it. Errors: -EINVAL, -ENOMEM, -ENOBUFS.
 */
int logfwd_logger_set_level(struct logfwd_logger *logger, int level);

/**
 * Sets a key of the logger's context, which records given to this lease and those of this
 * process's loggers below it carry. key: 1..32 printable ASCII characters but '=', ']', '"' and
 * space. value: at most 1024 bytes, NULL unsets. At most 32 keys on a logger.
 * Errors: -EINVAL, -E2BIG, -ENOMEM, -ENOBUFS.
 */
int logfwd_logger_set_context(struct logfwd_logger *logger, const char *key, const char *value);

/** True when a record of this level would be sent. */
bool logfwd_enabled(const struct logfwd_logger *logger, int level);

/**
 * Gives a record to the logger, formatted as printf() does, if its level is enabled.
 * Returns 0 also when it is not. Errors: -EINVAL (level), -ENOBUFS (dropped and counted).
 */
int logfwd_log(struct logfwd_logger *logger, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int logfwd_vlog(struct logfwd_logger *logger, int level, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
/** The same for text that is there already; any bytes. */
int logfwd_write(struct logfwd_logger *logger, int level, const void *text, size_t length);

/**
 * Waits until the daemon has taken all that was logged before, at most timeout_ms
 * (-1: for ever). Errors: -ETIMEDOUT, -ENOTCONN (no daemon within the time).
 */
int logfwd_flush(struct logfwd_client *client, int timeout_ms);

/** Fills *stats_out, of which stats_out->size says how much the caller knows. Errors: -EINVAL. */
int logfwd_client_stats(struct logfwd_client *client, struct logfwd_client_stats *stats_out);

#ifdef __cplusplus
}
#endif

#endif
