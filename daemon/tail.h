/**
 * tail: records as they pass, for operators who look on; it changes nothing of their way.
 *
 * A record is copied into the ring of each tail that wants it, and is shown some tens of
 * milliseconds later; what finds no room there is counted, and the count is shown in its place.
 * Without a tail the daemon does not look.
 */
#ifndef LOGFWD_TAIL_H
#define LOGFWD_TAIL_H

#include "control/control_server.h"
#include "forward.h"

#define TAILS_MAX	    8
#define TAILS_STRANGERS_MAX 6 /* of them, of callers who are no operator */
#define TAIL_RING_BYTES	    (1 << 20)
#define TAIL_TEXT_BYTES	    8192 /* of a record's text are shown */

struct tails;

struct tail_counts {
	uint64_t live;
	uint64_t refused; /* tails, by the bounds above */
	uint64_t shown;	  /* records, given to a tail's connection; counted for each tail */
	uint64_t not_shown;
};

/** forward: borrowed. Owned; NULL without memory. */
struct tails *tails_new(struct forward *forward);
/** Every tail must have ended. */
void tails_free(struct tails *tails);

/**
 * A tail for a caller: an operator sees all records, another those of his own user. Slices are
 * {"records":[...]} of {"time","logger","level","app","pid","uid","text","fate"}, pid and uid null
 * when the kernel did not say; with "recorded":true of what a flight recorder has kept, and with
 * "length" when text is not all of it; {"not_shown":n} stands where n are missing. The first slice
 * comes at once and has "only_uid" beside it, null for operators.
 * stream_out: owned by the caller. Errors: -ENOMEM, -EBUSY (too many).
 */
int tails_open(struct tails *tails, const struct control_caller *caller,
	       const struct tail_wish *wish, struct control_stream *stream_out);

struct tail_counts tails_counts(const struct tails *tails);

#endif
