/**
 * datagram: one record as the bytes of one UDP datagram (RFC 5426 3.1), within a size.
 *
 * The header, and a text that needs escaping or shaping, are built in the caller's scratch
 * memory; a text that is clean already stays where it is and is borrowed.
 * No record can break its frame or forge another: see escape.h. Pure.
 */
#ifndef LOGFWD_FORMAT_DATAGRAM_H
#define LOGFWD_FORMAT_DATAGRAM_H

#include "base/writer.h"
#include "format/message.h"
#include "format/timestamp.h"

struct template;

enum format_kind { FORMAT_RFC5424, FORMAT_RFC3164 };

#define DATAGRAM_BYTES_MIN     480   /* what every receiver must take, RFC 5426 3.2 */
#define DATAGRAM_BYTES_DEFAULT 2048  /* what it should take */
#define DATAGRAM_BYTES_MAX     65507 /* what UDP over IPv4 can carry */

/** What becomes of a record that exceeds datagram_bytes. */
enum oversize {
	OVERSIZE_CUT,
	OVERSIZE_SPLIT, /* it goes in parts, see split.h */
	OVERSIZE_DROP,
};

struct format_options {
	enum format_kind kind;
	const struct template *template; /* shapes the text; NULL: the text as it is. Borrowed. */
	size_t datagram_bytes;		 /* DATAGRAM_BYTES_MIN..DATAGRAM_BYTES_MAX */
	enum oversize oversize;
};

struct datagram {
	struct span header; /* in scratch */
	struct span text;   /* in scratch, or borrowed from message.text */
	bool cut;   /* the text was cut to fit, by us or by the client; the header says so */
	bool split; /* the first part of several */
	bool part;  /* one of several */
	enum format_kind kind;
	size_t mark_at; /* where in the header datagram_mark() goes if it is sent again */
};

/* Of datagram_mark(): a target that sends records again leaves this much room for it. */
#define DATAGRAM_MARK_BYTES 14

/**
 * What marks a record that is sent again, as the one before may have arrived: resent="true" in
 * the logfwd element of RFC 5424, "[resent]" behind the tag of RFC 3164. Static storage.
 */
struct span datagram_mark(enum format_kind kind);

/** A context that leaves less room than this for a text that needs more is left out. */
#define TEXT_BYTES_LEAST 64

/**
 * Finds the logger in a datagram that format_datagram() made, or in its header alone, as it is
 * written there; "root" for the root. False for RFC 3164, which has no place for it.
 */
bool datagram_logger(enum format_kind kind, struct span datagram, struct span *logger_out);

enum format_outcome {
	FORMAT_DONE,
	FORMAT_NO_ROOM, /* scratch is too small now: empty it and call again */
	/* even with no text it exceeds datagram_bytes, or it does and is not to be cut */
	FORMAT_TOO_LARGE,
};

/* Scratch of this size, and even of datagram_bytes + 1, always suffices for one datagram. */
#define FORMAT_SCRATCH_BYTES (DATAGRAM_BYTES_MAX + 1)

/**
 * Formats one record for one handler.
 *
 * cache:   timestamps of the last second, owned by the caller.
 * scratch: where to build; on FORMAT_DONE it has moved on behind what was built, otherwise
 *          it is as it was.
 * With OVERSIZE_CUT a text that would exceed datagram_bytes is cut at a character border and marked: RFC 5424
 * gains truncated="ORIGINAL LENGTH IN BYTES" in the logfwd element, RFC 3164 ends in "...".
 * One that a flight recorder kept gains recorded="true" there, or begins with "[recorded] ".
 * When the context leaves no room for at least 64 bytes of text (or all of it, when shorter),
 * the context element is left out, which counts as a cut. What is to be split or dropped loses
 * nothing here: it is FORMAT_TOO_LARGE.
 */
enum format_outcome format_datagram(const struct format_options *options,
				    const struct message *message, struct timestamp_cache *cache,
				    struct writer *scratch, struct datagram *datagram_out);

#endif
