/**
 * header: all of a datagram that stands before the text, in either format. Pure.
 *
 * Internal to format; datagram.h and split.h are what others call.
 */
#ifndef LOGFWD_FORMAT_HEADER_H
#define LOGFWD_FORMAT_HEADER_H

#include "format/datagram.h"
#include "format/rfc5424.h"

/**
 * Writes the header and the space behind it; extent: ignored by RFC 3164.
 * Returns where in it datagram_mark() goes if it is sent again.
 */
size_t header_write(struct writer *writer, enum format_kind kind, const struct message *message,
		    struct timestamp_cache *cache, struct rfc5424_extent extent);

#endif
