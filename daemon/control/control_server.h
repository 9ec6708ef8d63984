/**
 * control_server: answers logfwdctl on control.sock.
 *
 * A request is one JSON object on one line of at most CONTROL_REQUEST_MAX bytes, {"verb":
 * "stats"} with what the verb takes beside it; the answer is one JSON object on one line,
 * and the connection is closed: {"status":"ok", "result":{...}} or {"status":"error",
 * "code":"denied", "error":"what, and the remedy"}. Codes: usage (a bad request), denied
 * (no right), failed (tried, did not work). What may be long is answered in slices, several
 * lines that say {"status":"more", "result":{...}} before the last (control_streams.h).
 * Read-only verbs are open to whoever may connect, the others to root, the daemon's user
 * and the control socket's group, by the kernel's word for who connected.
 * Never blocks: a client that does not read or write is closed by a timer; at most
 * CONTROL_CLIENTS_MAX at once, of which those without rights hold at most three quarters,
 * so that they cannot lock the operator out. SIGPIPE must be ignored.
 */
#ifndef LOGFWD_CONTROL_CONTROL_SERVER_H
#define LOGFWD_CONTROL_CONTROL_SERVER_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/span.h"
#include "control/control_streams.h"

#define CONTROL_REQUEST_MAX   4096 /* bytes with the newline */
#define CONTROL_CLIENTS_MAX   64
#define CONTROL_STRANGERS_MAX 48 /* of them, callers who are no operator */
#define CONTROL_TIMEOUT_S     10 /* for the whole request, and without progress of the answer */
#define CONTROL_LIFETIME_S    60 /* for the whole answer */
#define CONTROL_REPLIES_MAX   (16 << 20) /* bytes of all answers that wait to be read */

#define CONTROL_ERROR_BYTES 512

/** Who asks, by the kernel's word at the time of connect(). */
struct control_caller {
	pid_t pid;
	uid_t uid;
	bool is_operator; /* root, the daemon's user, or in the control socket's group */
};

/** What an operator wants of a level. */
struct level_change {
	struct span name; /* checked; of a prefix, what stands before '*'. Borrowed for the call */
	bool is_prefix;
	uint8_t level;	/* 0: take the level away that an operator has set */
	int64_t for_ms; /* 0: until it is unset */
};

/** What somebody who looks on wants to see. */
struct tail_wish {
	const char *pattern; /* as of loggers below; borrowed for the call */
	uint8_t level;	     /* records below it are not shown; 0: none */
	bool all;	     /* those that their logger's level filters, too */
};

/** What the verbs act through; daemon.c fills it. Results are owned by the caller; NULL without memory. */
struct control_ops {
	/* The object of contract 7, in one consistent snapshot. Beyond it:
	   records.deliveries (handlers hit by accepted records), records.rejected_by {reason: n},
	   targets.NAME.notices (of enqueued, in-band loss notices), notices (of all targets, ever),
	   removed {"enqueued","sent","dropped","notices"} (of targets that a reload took away). */
	json_t *(*stats)(void *arg);
	/* Of that "version", "uptime_seconds" and "balanced", whatever the number of servers. */
	json_t *(*health)(void *arg);
	/* See logger_listing.h. pattern: NULL for all, or a name with at most one '*' at its end;
	   all: no folding, and placeholders too. Errors: -ENOMEM. */
	int (*loggers)(void *arg, const char *pattern, bool all, struct control_stream *stream_out);
	/* See tail.h. Errors: -ENOMEM, -EBUSY. */
	int (*tail)(void *arg, const struct control_caller *caller, const struct tail_wish *wish,
		    struct control_stream *stream_out);
	/* See client_listing.h. Errors: -ENOMEM. */
	int (*clients)(void *arg, struct control_stream *stream_out);
	/* {"targets":{NAME:{as in stats, and "policy","sockets","last_error","last_error_seconds"}}} */
	json_t *(*targets)(void *arg);
	/* name: NULL for all that operators have set and the root, otherwise of that logger */
	json_t *(*level)(void *arg, const char *name);
	/* 0 or -errno, error_out filled on failure. */
	int (*set_level)(void *arg, const struct level_change *change,
			 char error_out[static CONTROL_ERROR_BYTES]);
	/* What would become of a record; see explain.h. level: 1..LEVEL_MAX. */
	json_t *(*explain)(void *arg, struct span name, uint8_t level, struct span text);
	/* Loads the configuration again; dry_run: only says what is wrong. 0 or -errno, error_out
	   filled on failure. Must not free the control server: it runs inside of it. */
	int (*reload)(void *arg, bool dry_run, char error_out[static CONTROL_ERROR_BYTES]);
	/* Told of each use of a verb that needs rights, for the daemon's log; NULL: nobody is. */
	void (*audit)(void *arg, const struct control_caller *caller, const char *verb,
		      bool allowed);
	void *arg;
};

struct control_server;

/**
 * Serves on a listening SOCK_STREAM socket.
 * listen_fd: taken; the group of the socket file it is bound to, as it is now, is the
 * operators' group. ops: copied, arg borrowed. Errors: -ENOMEM, -errno of the listener.
 */
int control_server_new(struct event_base *base, int listen_fd, const struct control_ops *ops,
		       struct control_server **server_out);
void control_server_free(struct control_server *server);
DEFINE_CLEANUP(struct control_server *, control_server_free)

#endif
