/**
 * notice: what was lost or suppressed since the last word about it, and the record that says so.
 *
 * Pure: time is a parameter.
 */
#ifndef LOGFWD_OUTPUT_NOTICE_H
#define LOGFWD_OUTPUT_NOTICE_H

#include "format/datagram.h"
#include "output/prefixes.h"

/** Why a record that was meant for a target was not sent. */
enum drop_reason {
	DROP_QUEUE_FULL,
	/* it, or its header alone, exceeds datagram-bytes, or the path refuses its size */
	DROP_OVERSIZE,
	DROP_NO_MEMORY,	     /* to let it wait */
	DROP_TARGET_REMOVED, /* a reload took the target away before the record could be sent */
	DROP_SHUTDOWN,	     /* the daemon stopped before it could be sent */
	DROP_REASONS,
};

/** "queue_full"; static storage. */
const char *drop_reason_name(enum drop_reason reason);

/** Zero-initialised: nothing lost. */
struct loss {
	uint64_t records;
	uint64_t by_reason[DROP_REASONS];
	int64_t first_us, last_us; /* microseconds since 1970, UTC; of the first and last loss */
	struct prefixes loggers;   /* of those whose logger is known */
};

/** Whose they were is for prefixes_add(). */
void loss_add(struct loss *loss, enum drop_reason reason, uint64_t records, int64_t now_us);

/**
 * Adds what was lost before, as if it had not been told. Of the two sets of loggers that of the
 * greater loss stays: what it has is still the least.
 */
void loss_add_earlier(struct loss *loss, const struct loss *earlier);

/** What a handler's rate limit has kept from its target. Zero-initialised: nothing. */
struct suppression {
	uint64_t records;
	int64_t first_us, last_us; /* as in struct loss */
};

void suppression_add(struct suppression *suppression, int64_t now_us);

struct notice_env {
	enum format_kind kind;
	uint8_t facility;
	size_t datagram_bytes;
	struct span host;
	pid_t pid; /* the daemon's own */
	uid_t uid;
	uint32_t sequence_id; /* 0: none */
	struct timestamp_cache *timestamps;
};

#define NOTICE_SCRATCH_BYTES 2048 /* a notice is short */

/**
 * Formats "N records lost: queue_full A, oversize B; first TIME, last TIME; most affected NAME, at
 * least C" as a warning of logger "logfwd", the daemon's own. NAME is a prefix of loggers, see
 * prefixes.h; it is left out when no logger is known.
 * scratch: where it is built, text behind header. datagram_out: borrowed from it; empty if it
 * cannot be said within datagram_bytes, which DATAGRAM_BYTES_MIN rules out.
 */
void notice_format(const struct notice_env *env, const struct loss *loss, int64_t now_us,
		   uint8_t scratch[static NOTICE_SCRATCH_BYTES], struct datagram *datagram_out);

/** The same for "N records suppressed by rate-limit of handler NAME; first TIME, last TIME". */
void notice_format_suppression(const struct notice_env *env, const struct suppression *suppression,
			       const char *handler, int64_t now_us,
			       uint8_t scratch[static NOTICE_SCRATCH_BYTES],
			       struct datagram *datagram_out);

#endif
