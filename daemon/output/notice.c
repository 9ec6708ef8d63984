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

void loss_add_earlier(struct loss *loss, const struct loss *earlier)
{
	if (loss->records == 0)
		loss->last_us = earlier->last_us;
	loss->first_us = earlier->first_us;
	if (earlier->records >= loss->records)
		loss->loggers = earlier->loggers;
	loss->records += earlier->records;
	for (size_t i = 0; i < DROP_REASONS; i++)
		loss->by_reason[i] += earlier->by_reason[i];
}

void suppression_add(struct suppression *suppression, int64_t now_us)
{
	if (suppression->records == 0)
		suppression->first_us = now_us;
	suppression->last_us = now_us;
	suppression->records++;
}

static void write_records(struct writer *text, uint64_t records)
{
	writer_decimal(text, records);
	writer_text(text, span_of(records == 1 ? " record" : " records"));
}

static void write_times(struct writer *text, int64_t first_us, int64_t last_us,
			struct timestamp_cache *cache)
{
	writer_text(text, span_of("; first "));
	timestamp_write_rfc5424(cache, first_us, text);
	writer_text(text, span_of(", last "));
	timestamp_write_rfc5424(cache, last_us, text);
}

static void format_text(const struct notice_env *env, struct span text, int64_t now_us,
			uint8_t scratch[static NOTICE_SCRATCH_BYTES], struct datagram *datagram_out)
{
	const struct format_options options = {
		.kind = env->kind,
		.datagram_bytes = env->datagram_bytes,
	};
	const struct message message = {
		.time_us = now_us,
		.level = LEVEL_WARNING,
		.facility = env->facility,
		.pid = env->pid,
		.uid = env->uid,
		.host = env->host,
		.app = span_of("logfwdd"),
		.logger = span_of("logfwd"),
		.text = text,
		.original_length = text.len,
		.has_sequence = env->sequence_id != 0,
		.sequence_id = env->sequence_id,
	};
	struct writer whole = writer_over(scratch, NOTICE_SCRATCH_BYTES);

	*datagram_out = (struct datagram){ 0 };
	if (format_datagram(&options, &message, env->timestamps, &whole, datagram_out) !=
	    FORMAT_DONE)
		return;
	/* a clean text was borrowed: it goes where one that was built stands already */
	writer_text(&whole, datagram_out->text);
	datagram_out->text.ptr = datagram_out->header.ptr + datagram_out->header.len;
}

static void write_most_affected(struct writer *text, const struct loss *loss)
{
	struct span name;
	uint64_t records = prefixes_most(&loss->loggers, loss->records, &name);

	if (records == 0)
		return;
	writer_text(text, span_of("; most affected "));
	writer_text(text, name);
	writer_text(text, span_of(", at least "));
	writer_decimal(text, records);
}

void notice_format(const struct notice_env *env, const struct loss *loss, int64_t now_us,
		   uint8_t scratch[static NOTICE_SCRATCH_BYTES], struct datagram *datagram_out)
{
	uint8_t bytes[512]; /* every reason with twenty digits, both times, and a prefix */
	struct writer text = writer_over(bytes, sizeof(bytes));
	const char *separator = ": ";

	write_records(&text, loss->records);
	writer_text(&text, span_of(" lost"));
	for (size_t i = 0; i < DROP_REASONS; i++) {
		if (loss->by_reason[i] == 0)
			continue;
		writer_text(&text, span_of(separator));
		writer_text(&text, span_of(drop_reason_name((enum drop_reason)i)));
		writer_u8(&text, ' ');
		writer_decimal(&text, loss->by_reason[i]);
		separator = ", ";
	}
	write_times(&text, loss->first_us, loss->last_us, env->timestamps);
	write_most_affected(&text, loss);
	format_text(env, writer_span(&text), now_us, scratch, datagram_out);
}

void notice_format_suppression(const struct notice_env *env, const struct suppression *suppression,
			       const char *handler, int64_t now_us,
			       uint8_t scratch[static NOTICE_SCRATCH_BYTES],
			       struct datagram *datagram_out)
{
	uint8_t bytes[512]; /* a handler's name has at most 64 bytes */
	struct writer text = writer_over(bytes, sizeof(bytes));

	write_records(&text, suppression->records);
	writer_text(&text, span_of(" suppressed by rate-limit of handler "));
	writer_text(&text, span_of(handler));
	write_times(&text, suppression->first_us, suppression->last_us, env->timestamps);
	format_text(env, writer_span(&text), now_us, scratch, datagram_out);
}
