#include "output/notice.h"

#include "wire/level.h"

const char *drop_reason_name(enum drop_reason reason)
{
	static const char *const names[DROP_REASONS] = {
		[DROP_QUEUE_FULL] = "queue_full", [DROP_OVERSIZE] = "oversize",
		[DROP_NO_MEMORY] = "no_memory",	  [DROP_TARGET_REMOVED] = "target_removed",
		[DROP_SHUTDOWN] = "shutdown",
	};

	return names[reason];
}

void loss_add(struct loss *loss, enum drop_reason reason, uint64_t records, int64_t now_us)
{
	if (loss->records == 0)
		loss->first_us = now_us;
	loss->last_us = now_us;
	loss->records += records;
	loss->by_reason[reason] += records;
}

static void write_loss(struct writer *text, const struct loss *loss, struct timestamp_cache *cache)
{
	const char *separator = ": ";

	writer_decimal(text, loss->records);
	writer_text(text, span_of(loss->records == 1 ? " record lost" : " records lost"));
	for (size_t i = 0; i < DROP_REASONS; i++) {
		if (loss->by_reason[i] == 0)
			continue;
		writer_text(text, span_of(separator));
		writer_text(text, span_of(drop_reason_name((enum drop_reason)i)));
		writer_u8(text, ' ');
		writer_decimal(text, loss->by_reason[i]);
		separator = ", ";
	}
	writer_text(text, span_of("; first "));
	timestamp_write_rfc5424(cache, loss->first_us, text);
	writer_text(text, span_of(", last "));
	timestamp_write_rfc5424(cache, loss->last_us, text);
}

struct span notice_format(const struct notice_env *env, const struct loss *loss, int64_t now_us,
			  uint8_t scratch[static NOTICE_SCRATCH_BYTES])
{
	const struct format_options options = {
		.kind = env->kind,
		.datagram_bytes = env->datagram_bytes,
	};
	uint8_t bytes[512]; /* every reason with twenty digits, and both times */
	struct writer text = writer_over(bytes, sizeof(bytes));
	struct writer whole = writer_over(scratch, NOTICE_SCRATCH_BYTES);
	struct message message = {
		.time_us = now_us,
		.level = LEVEL_WARNING,
		.facility = env->facility,
		.pid = env->pid,
		.uid = env->uid,
		.host = env->host,
		.app = span_of("logfwdd"),
		.logger = span_of("logfwd"),
		.has_sequence = env->sequence_id != 0,
		.sequence_id = env->sequence_id,
	};
	struct datagram datagram;

	write_loss(&text, loss, env->timestamps);
	message.text = writer_span(&text);
	message.original_length = message.text.len;
	if (format_datagram(&options, &message, env->timestamps, &whole, &datagram) != FORMAT_DONE)
		return (struct span){ 0 };
	/* the text is clean, so it was borrowed: put it behind the header */
	writer_text(&whole, datagram.text);
	return span_of_bytes(datagram.header.ptr, datagram.header.len + datagram.text.len);
}
