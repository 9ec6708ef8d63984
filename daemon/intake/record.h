/**
 * record: what intake knows of one record, and the way it hands it on.
 *
 * Intake decides nothing about levels or targets: it acts through struct intake_ops, which
 * daemon.c fills, so that it knows neither the tree nor the outputs.
 */
#ifndef LOGFWD_INTAKE_RECORD_H
#define LOGFWD_INTAKE_RECORD_H

#include <sys/types.h>

#include "base/writer.h"
#include "intake/level_push.h"
#include "wire/context.h"
#include "wire/frame.h"

struct lease;

struct record {
	struct lease *lease; /* of the client; NULL: route by logger name alone */
	struct span logger;  /* full name; only without a lease */
	struct span app;     /* a claim: any bytes */
	pid_t pid;	     /* by the kernel's word; 0: not known */
	uid_t uid;
	int64_t time_us;		    /* microseconds since 1970, UTC */
	uint8_t level;			    /* 1..LEVEL_MAX */
	struct span text;		    /* borrowed until intake_ops.flush */
	size_t original_length;		    /* bytes before any cut, >= text.len */
	const struct context_pair *context; /* the record's own, without a lease only */
	size_t n_context;
};

enum reject_reason {
	REJECT_MALFORMED,      /* a broken frame, or an empty datagram */
	REJECT_UNKNOWN_LOGGER, /* for a logger that this client has not open, or that was refused */
	REJECT_REASONS,
};

/** "malformed"; static storage. */
const char *reject_reason_name(enum reject_reason reason);

/** A client that is gone, once all it held has been given back. */
struct client_exit {
	pid_t pid; /* by the kernel's word */
	uid_t uid;
	struct span app;  /* a claim: any bytes */
	uint64_t records; /* given by it in all */
	uint64_t loggers; /* leases that it had not closed */
	uint64_t sent;	  /* records of theirs that recorders had kept and that were sent now */
};

/** Records that a client had to give up before they reached us, by its own report. */
struct client_loss {
	pid_t pid; /* by the kernel's word */
	uid_t uid;
	struct span app;	      /* a claim: any bytes */
	struct frame_dropped dropped; /* claims as well */
};

struct intake_ops {
	/* Leases a logger for an owner. Errors: -ENOMEM. */
	int (*open)(void *arg, struct span name, const void *owner, struct lease **lease_out);
	/*
	 * Sends what was recorded of a lease whose client is gone, and adds how many records it were to
	 * sent. False: there is more than may be sent in one turn; to be called again in the next one.
	 */
	bool (*play_back)(void *arg, struct lease *lease, uint64_t *sent);
	/* Ends a lease. Returns how many recorded records it has forgotten for that. */
	size_t (*close)(void *arg, struct lease *lease, bool client_exit);
	void (*set_level)(void *arg, struct lease *lease, uint8_t level);
	/* Errors: -E2BIG, -ENOMEM. */
	int (*set_context)(void *arg, struct lease *lease, const struct context_pair *pair,
			   bool set);
	/* Bytes of memory that the lease's context takes. */
	size_t (*context_bytes)(void *arg, const struct lease *lease);
	/* A record of the lease is about to come: of no effect but on time. */
	void (*prefetch)(void *arg, const struct lease *lease);
	/*
	 * False: it is not taken, since more was recorded of its lease than may be sent in one turn. It
	 * is to be given again in the next turn, and nothing of its client before it.
	 */
	bool (*record)(void *arg, const struct record *record);
	void (*reject)(void *arg, enum reject_reason reason);
	void (*client_dropped)(void *arg, const struct client_loss *loss);
	/* Not told of one that had nothing open. */
	void (*client_exit)(void *arg, const struct client_exit *exit);
	/*
	 * The end of a turn: the bytes of all records so far are about to go, and whoever needs them
	 * longer copies now.
	 */
	void (*flush)(void *arg);
	/* What an owner is to be told of levels now; NULL: one that leases nothing. */
	struct client_levels (*client_levels)(void *arg, const void *owner);
	/* Appends that as a FRAME_LEVEL_MAP. */
	void (*level_map)(void *arg, struct client_levels levels, struct writer *writer);
	void *arg;
};

#endif
