/**
 * handler: where the records that reach it go, in what shape, and how fast.
 *
 * Belongs to a generation of the configuration; its counts, and what its limit has left unless
 * that is another one, are handed to the next one of its name. What its rate limit has suppressed
 * is announced once a second, through its target.
 */
#ifndef LOGFWD_HANDLER_H
#define LOGFWD_HANDLER_H

#include "config/config.h"
#include "format/split.h"
#include "output/output.h"
#include "route/rate_limit.h"

struct handler {
	const char *name;      /* borrowed from the configuration */
	struct target *target; /* borrowed; set once the outputs are in order */
	struct format_options format;
	uint8_t facility;
	struct rate_limit limit;
	uint64_t hits, rate_limited;
	struct suppression suppressed; /* since the last announcement */
	int64_t announce_ms;	       /* monotonic; not before */
	int64_t suppressed_ms;	       /* monotonic, of the first one */
};

/** Both are borrowed; the handler has no target yet. */
struct handler handler_of(const struct handler_options *options,
			  const struct target_options *target);

/** Goes on where the handler of the same name among before left off, if there is one. */
void handler_take_over(struct handler *handler, const struct handler *before, size_t count);

/**
 * Counts a record that reached the handler. Returns false when its limit suppresses it, as it does
 * when there is not room for spare more behind it.
 */
bool handler_admit(struct handler *handler, uint32_t spare);

/** True when its limit would let one more record pass now, and behind more. */
bool handler_has_room(const struct handler *handler, uint32_t behind);

/** Where one message is rendered. */
struct render_space {
	uint8_t scratch[FORMAT_SCRATCH_BYTES];
	uint8_t split_text[SPLIT_TEXT_BYTES];
};

/**
 * What handler_deliver() would send of a message, sequenceId apart; counts nothing, takes nothing
 * from the limit. datagram_out: borrowed from space and the message; of several the first.
 * Returns how many datagrams it would be; 0: it would be dropped, as it exceeds one.
 */
size_t handler_render(const struct handler *handler, const struct message *message,
		      struct timestamp_cache *cache, struct render_space *space,
		      struct datagram *datagram_out);

/**
 * Formats a record that was admitted and gives it to the target. message: facility and
 * sequence are set here; its text is borrowed until output_flush().
 * Returns in how many datagrams the record goes, or would have: one, but for a split record.
 */
size_t handler_deliver(struct handler *handler, struct message *message, struct output *output);

/** Tells of suppressed records for which nobody came after that could. now_ms: monotonic. */
void handler_tick(struct handler *handler, int64_t now_ms);

/** Tells of suppressed records at once: the handler or the daemon ends. */
void handler_announce(struct handler *handler, int64_t now_ms);

#endif
