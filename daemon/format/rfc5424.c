#include "format/rfc5424.h"

#include "format/escape.h"
#include "wire/level.h"

#define HOSTNAME_MAX 255 /* bytes; RFC 5424 6 */
#define APP_NAME_MAX 48

static void write_literal(struct writer *writer, const char *text)
{
	writer_text(writer, span_of(text));
}

static void write_logger(struct writer *writer, const struct message *message, bool truncated)
{
	write_literal(writer, "[logfwd@32473 logger=\"");
	escape_param_value(writer, message->logger.len > 0 ? message->logger : span_of("root"));
	if (truncated) {
		write_literal(writer, "\" truncated=\"");
		writer_decimal(writer, message->original_length);
	}
	if (message->parts > 0) {
		write_literal(writer, "\" part=\"");
		writer_decimal(writer, message->part);
		write_literal(writer, "\" parts=\"");
		writer_decimal(writer, message->parts);
	}
	write_literal(writer, message->recorded ? "\" recorded=\"true\"]" : "\"]");
}

static void write_context(struct writer *writer, const struct message *message)
{
	write_literal(writer, "[ctx@32473");
	for (size_t i = 0; i < message->n_context && !writer->failed; i++) {
		writer_u8(writer, ' ');
		writer_text(writer, message->context[i].key);
		write_literal(writer, "=\"");
		escape_param_value(writer, message->context[i].value);
		writer_u8(writer, '"');
	}
	writer_u8(writer, ']');
}

/* RFC 5424 7.3.1. */
static void write_sequence(struct writer *writer, uint32_t sequence_id)
{
	write_literal(writer, "[meta sequenceId=\"");
	writer_decimal(writer, sequence_id);
	write_literal(writer, "\"]");
}

static void write_pid(struct writer *writer, pid_t pid)
{
	if (pid > 0)
		writer_decimal(writer, (uint64_t)pid);
	else
		writer_u8(writer, '-');
}

size_t rfc5424_write_header(struct writer *writer, const struct message *message,
			    struct timestamp_cache *cache, struct rfc5424_extent extent)
{
	size_t begin = writer->len;
	size_t mark_at;

	writer_u8(writer, '<');
	writer_decimal(writer, message->facility * 8u + level_severity(message->level));
	write_literal(writer, ">1 ");
	timestamp_write_rfc5424(cache, message->time_us, writer);
	writer_u8(writer, ' ');
	escape_header_field(writer, message->host, HOSTNAME_MAX);
	writer_u8(writer, ' ');
	escape_header_field(writer, message->app, APP_NAME_MAX);
	writer_u8(writer, ' ');
	write_pid(writer, message->pid);
	write_literal(writer, " - ");
	write_logger(writer, message, extent.truncated);
	mark_at = writer->len - begin - 1;
	if (extent.context && message->n_context > 0)
		write_context(writer, message);
	if (message->has_sequence)
		write_sequence(writer, message->sequence_id);
	writer_u8(writer, ' ');
	return mark_at;
}
