/**
 * rfc5424: the header and the structured data of one record (RFC 5424 6). Pure.
 *
 * Internal to format; datagram.h is what others call.
 */
#ifndef LOGFWD_FORMAT_RFC5424_H
#define LOGFWD_FORMAT_RFC5424_H

#include "base/writer.h"
#include "format/message.h"
#include "format/timestamp.h"

/* What of the structured data there is to be, besides the logger and the sequence. */
struct rfc5424_extent {
	bool truncated; /* the text is not whole: its original length is told */
	bool context;	/* the element with the context, if the message has any */
};

/**
 * Writes all that stands before the text, and the space that parts them.
 * Returns how many bytes of it stand before the end of the logfwd element.
 */
size_t rfc5424_write_header(struct writer *writer, const struct message *message,
			    struct timestamp_cache *cache, struct rfc5424_extent extent);

#endif
