/**
 * split: a record that exceeds a datagram, as several that are numbered in their order.
 *
 * The text is shaped and escaped once, as a whole, and then divided at character borders: the
 * texts of all parts, one behind the other, are what a larger datagram would have held. Each part
 * has the whole header, and part="I" parts="N" in the logfwd element of RFC 5424, or "[part I/N]"
 * behind the tag of RFC 3164. Pure.
 */
#ifndef LOGFWD_FORMAT_SPLIT_H
#define LOGFWD_FORMAT_SPLIT_H

#include "format/datagram.h"

/* What one record may become, so that no client has its records multiplied without end. */
#define SPLIT_PARTS_MAX	 512
#define SPLIT_TEXT_BYTES (256 * 1024) /* of shaped text */

struct split {
	struct format_options options;
	struct message message; /* its text: what is left, shaped */
	size_t room;		/* for text, in each part */
	bool cut;
	bool context; /* there is room for it */
};

/**
 * Shapes the text into shaped, which the parts borrow, and counts the parts.
 * options, message: what they point to is borrowed.
 * What exceeds SPLIT_TEXT_BYTES or SPLIT_PARTS_MAX is cut off, and every part says so, as does
 * the text of a record that the client cut. A context that leaves a part no room for
 * TEXT_BYTES_LEAST is left out, which counts as a cut.
 * Returns false when even without it there is no such room, or no need of a second part: then a
 * cut is all that can be made.
 */
bool split_begin(struct split *split, const struct format_options *options,
		 const struct message *message, struct timestamp_cache *cache,
		 uint8_t shaped[static SPLIT_TEXT_BYTES]);

/** How many parts are still to come. */
uint32_t split_left(const struct split *split);

/**
 * Formats the next part; split_left() > 0. sequence_id: its own, when the message has any.
 * Returns false when scratch is too small now: empty it and call again.
 */
bool split_next(struct split *split, uint32_t sequence_id, struct timestamp_cache *cache,
		struct writer *scratch, struct datagram *datagram_out);

#endif
