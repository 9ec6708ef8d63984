/**
 * rfc3164: the header of one record for collectors that know nothing newer (RFC 3164 4.1).
 *
 * It has no place for the logger, the context and the sequence: a template can put the first
 * two into the text. Pure but for the local time, see timestamp.h.
 * Internal to format; datagram.h is what others call.
 */
#ifndef LOGFWD_FORMAT_RFC3164_H
#define LOGFWD_FORMAT_RFC3164_H

#include "base/writer.h"
#include "format/message.h"
#include "format/timestamp.h"

/**
 * Writes all that stands before the text: "<134>Nov 22 10:11:12 host app[42]: ".
 * Returns how many bytes of it end with the colon.
 */
size_t rfc3164_write_header(struct writer *writer, const struct message *message,
			    struct timestamp_cache *cache);

#endif
