#include "format/header.h"

#include "format/rfc3164.h"

size_t header_write(struct writer *writer, enum format_kind kind, const struct message *message,
		    struct timestamp_cache *cache, struct rfc5424_extent extent)
{
	if (kind == FORMAT_RFC3164)
		return rfc3164_write_header(writer, message, cache);
	return rfc5424_write_header(writer, message, cache, extent);
}
