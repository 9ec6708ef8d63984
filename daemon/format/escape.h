/**
 * escape: makes client-supplied bytes harmless inside a syslog message.
 *
 * A byte that could end, forge or garble a record becomes '#' and three octal digits, as
 * rsyslog and sysklogd users know it: C0 controls and DEL, the bytes of invalid UTF-8, and
 * of the characters C1 (U+0080..9F), U+2028 and U+2029 (line breaks), U+FEFF (byte order
 * mark), U+202A..202E and U+2066..2069 (which reorder a line on a terminal). Each byte of
 * such a character is written so. All else passes unchanged. Pure.
 */
#ifndef LOGFWD_FORMAT_ESCAPE_H
#define LOGFWD_FORMAT_ESCAPE_H

#include "base/writer.h"

/** True when escape_text() would change nothing; the fast path for text that is sent in place. */
bool escape_is_clean(struct span text);

/** Writes text, escaped; valid UTF-8 follows for any input. */
void escape_text(struct writer *writer, struct span text);

/**
 * Writes as much of text as fits limit bytes of output, cut at a character border; an escape
 * is not cut either. Returns the bytes of text that were used.
 */
size_t escape_text_within(struct writer *writer, struct span text, size_t limit);

/** Writes a PARAM-VALUE (RFC 5424 6.3.3): escape_text(), and a backslash before '"', '\', ']'. */
void escape_param_value(struct writer *writer, struct span value);

/**
 * Writes a header field: printable ASCII as it is, other bytes and spaces as '_', at most
 * max bytes; "-" (NILVALUE) when it is empty (RFC 5424 6).
 */
void escape_header_field(struct writer *writer, struct span field, size_t max);

/** The longest prefix within max bytes that ends at a character border; text may be invalid. */
size_t escape_cut(struct span text, size_t max);

#endif
