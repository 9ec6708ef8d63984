#include "format/rfc3164.h"

#include "format/escape.h"
#include "wire/level.h"

#define HOSTNAME_MAX 255 /* bytes; as in RFC 5424 6, since this RFC names no bound */
#define TAG_MAX	     32	 /* bytes; RFC 3164 4.1.3 */

/* The tag ends at the first of these, so a name that holds one would forge what follows it. */
static bool ends_tag(uint8_t byte)
{
	return byte == ':' || byte == '[' || byte == ']';
}

static void write_tag(struct writer *writer, struct span app)
{
	uint8_t bytes[TAG_MAX];
	struct writer tag = writer_over(bytes, sizeof(bytes));

	escape_header_field(&tag, app, TAG_MAX);
	for (size_t i = 0; i < tag.len; i++) {
		if (ends_tag(bytes[i]))
			bytes[i] = '_';
	}
	writer_text(writer, writer_span(&tag));
}

static void write_part(struct writer *writer, const struct message *message)
{
	writer_text(writer, span_of(" [part "));
	writer_decimal(writer, message->part);
	writer_u8(writer, '/');
	writer_decimal(writer, message->parts);
	writer_u8(writer, ']');
}

size_t rfc3164_write_header(struct writer *writer, const struct message *message,
			    struct timestamp_cache *cache)
{
	size_t begin = writer->len;
	size_t mark_at;

	writer_u8(writer, '<');
	writer_decimal(writer, message->facility * 8u + level_severity(message->level));
	writer_u8(writer, '>');
	timestamp_write_rfc3164(cache, message->time_us, writer);
	writer_u8(writer, ' ');
	escape_header_field(writer, message->host, HOSTNAME_MAX);
	writer_u8(writer, ' ');
	write_tag(writer, message->app);
	if (message->pid > 0) {
		writer_u8(writer, '[');
		writer_decimal(writer, (uint64_t)message->pid);
		writer_u8(writer, ']');
	}
	writer_u8(writer, ':');
	mark_at = writer->len - begin;
	if (message->parts > 0)
		write_part(writer, message);
	writer_text(writer, span_of(message->recorded ? " [recorded] " : " "));
	return mark_at;
}
