#include "support/datagram_oracle.h"

#include "format/template.h"
#include "support/rfc5424_parser.h"
#include "support/text_oracle.h"
#include "wire/level.h"

/* A template repeats its fields; what a test renders must fit this. */
#define RENDERED_BYTES (1024 * 1024)

/* What is wrong, or NULL. Every check below returns at its first complaint. */
#define CHECK(condition, complaint)                                                                \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return complaint;                                                          \
	} while (0)

/* A header field as escape.h and RFC 5424 6 want it; forbidden: more bytes that become '_'. */
static bool is_field_of(struct span field, struct span original, size_t max, const char *forbidden)
{
	if (original.len == 0)
		return span_equal(field, span_of("-"));
	if (field.len != (original.len < max ? original.len : max))
		return false;
	for (size_t i = 0; i < field.len; i++) {
		uint8_t byte = original.ptr[i];
		bool keeps = byte >= 33 && byte <= 126 && strchr(forbidden, byte) == NULL;

		if (field.ptr[i] != (keeps ? byte : '_'))
			return false;
	}
	return true;
}

static bool is_decimal_of(struct span field, uint64_t value)
{
	uint8_t digits[20];
	struct writer number = writer_over(digits, sizeof(digits));

	writer_decimal(&number, value);
	return span_equal(field, writer_span(&number));
}

static bool is_pid_of(struct span field, pid_t pid)
{
	return pid > 0 ? is_decimal_of(field, (uint64_t)pid) : span_equal(field, span_of("-"));
}

static struct span logger_of(const struct message *message)
{
	return message->logger.len > 0 ? message->logger : span_of("root");
}

/* Bytes of the context element. */
static size_t context_length(const struct message *message)
{
	size_t len = message->n_context > 0 ? strlen("[ctx@32473]") : 0;

	for (size_t i = 0; i < message->n_context; i++)
		len += strlen(" =\"\"") + message->context[i].key.len +
		       oracle_escaped_length(message->context[i].value, ORACLE_PARAM_VALUE);
	return len;
}

/* The parameter at *at, which moves on; false when it is not this one. */
static bool take_param(const struct rfc5424_message *parsed, size_t *at, const char *id,
		       struct span name, struct span value)
{
	const struct rfc5424_param *param = &parsed->params[*at];

	if (*at >= parsed->n_params)
		return false;
	(*at)++;
	return span_equal(parsed->sd_ids[param->element], span_of(id)) &&
	       span_equal(param->name, name) &&
	       oracle_is_escaped(param->value, value, ORACLE_PARAM_VALUE);
}

static bool take_number(const struct rfc5424_message *parsed, size_t *at, const char *id,
			const char *name, uint64_t value)
{
	uint8_t digits[20];
	struct writer number = writer_over(digits, sizeof(digits));

	writer_decimal(&number, value);
	return take_param(parsed, at, id, span_of(name), writer_span(&number));
}

/* context_out: whether the context is there. */
static const char *structured_data_complaint(const struct message *message, bool cut,
					     const struct rfc5424_message *parsed,
					     bool *context_out)
{
	size_t elements = 1;
	size_t at = 0;

	CHECK(take_param(parsed, &at, "logfwd@32473", span_of("logger"), logger_of(message)),
	      "logger: not as the message has it");
	if (cut)
		CHECK(take_number(parsed, &at, "logfwd@32473", "truncated",
				  message->original_length),
		      "truncated: missing, or another length");
	if (message->recorded)
		CHECK(take_param(parsed, &at, "logfwd@32473", span_of("recorded"), span_of("true")),
		      "recorded: missing");
	*context_out =
		parsed->n_elements > 1 && span_equal(parsed->sd_ids[1], span_of("ctx@32473"));
	if (*context_out) {
		elements++;
		for (size_t i = 0; i < message->n_context; i++)
			CHECK(take_param(parsed, &at, "ctx@32473", message->context[i].key,
					 message->context[i].value),
			      "context: not as the message has it");
	}
	if (message->has_sequence) {
		elements++;
		CHECK(take_number(parsed, &at, "meta", "sequenceId", message->sequence_id),
		      "sequenceId: missing, or another");
	}
	CHECK(at == parsed->n_params, "structured data: more parameters than there should be");
	CHECK(elements == parsed->n_elements,
	      "structured data: more elements than there should be");
	return NULL;
}

/* How a text relates to the whole of what it stands for. */
struct text_extent {
	size_t whole; /* bytes that all of it would take */
	size_t next;  /* bytes of the first piece that is not there; 0 when it is all there */
	bool matches; /* what is there is a prefix, in whole pieces */
};

static struct text_extent compare_plain(struct span text, struct span original)
{
	struct text_extent extent = { .matches = true };

	extent.whole = oracle_escaped_length(original, ORACLE_TEXT);
	while (original.len > 0) {
		struct oracle_piece piece = oracle_escape(original, ORACLE_TEXT);

		if (text.len == 0) {
			extent.next = piece.len;
			return extent;
		}
		if (!span_starts_with(text, span_of_bytes(piece.bytes, piece.len)))
			break;
		text = span_drop(text, piece.len);
		original = span_drop(original, piece.taken);
	}
	extent.matches = text.len == 0;
	return extent;
}

/* Which piece comes next is not known of a rendered text; four escapes are the longest. */
static struct text_extent compare_rendered(const struct format_options *options,
					   const struct message *message, struct span text)
{
	static uint8_t bytes[RENDERED_BYTES];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	struct timestamp_cache cache = { 0 };
	struct text_extent extent = { 0 };

	template_render(options->template, message, &cache, &writer);
	extent.whole = writer.len;
	extent.matches = !writer.failed && span_starts_with(writer_span(&writer), text);
	extent.next = text.len < writer.len ? 16 : 0;
	return extent;
}

static struct text_extent compare_text(const struct format_options *options,
				       const struct message *message, struct span text)
{
	return options->template != NULL ? compare_rendered(options, message, text)
					 : compare_plain(text, message->text);
}

/* Whether the cut was needed, and no deeper than needed. header: bytes, with the space. */
static const char *cut_complaint(const struct format_options *options,
				 const struct message *message, bool context_left_out,
				 size_t header, const struct datagram *datagram)
{
	size_t limit = options->datagram_bytes;
	size_t dots = options->kind == FORMAT_RFC3164 ? strlen("...") : 0;
	struct span text = span_first(datagram->text, datagram->text.len - dots);
	struct text_extent extent = compare_text(options, message, text);
	size_t context = context_length(message);
	size_t mark = 0;

	CHECK(extent.matches, "text: no prefix of the message's");
	CHECK(extent.next == 0 || header + text.len + dots + extent.next > limit,
	      "text: cut before it had to be");
	if (context_left_out) {
		CHECK(header + context + extent.whole > limit, "context: left out without need");
		CHECK(header + context + 64 > limit, "context: left out with 64 bytes to spare");
	}
	if (message->original_length > message->text.len)
		return NULL; /* the client's own cut needs no reason of ours */
	if (options->kind == FORMAT_RFC5424) {
		for (size_t value = message->original_length; value > 0; value /= 10)
			mark++;
		mark = strlen(" truncated=\"\"") + (mark > 0 ? mark : 1);
	}
	header = header - mark + (context_left_out ? context : 0);
	CHECK(header + extent.whole > limit, "cut: marked without need");
	return NULL;
}

static const char *rfc5424_complaint(const struct format_options *options,
				     const struct message *message, const struct datagram *datagram,
				     struct span whole)
{
	struct rfc5424_message parsed;
	const char *complaint = rfc5424_parse(whole, &parsed);
	bool has_context = false;

	CHECK(complaint == NULL, complaint);
	CHECK(parsed.priority == message->facility * 8u + level_severity(message->level),
	      "PRI: another");
	CHECK(is_field_of(parsed.hostname, message->host, 255, ""), "HOSTNAME: another");
	CHECK(is_field_of(parsed.app_name, message->app, 48, ""), "APP-NAME: another");
	CHECK(is_pid_of(parsed.procid, message->pid), "PROCID: another");
	CHECK(span_equal(parsed.msgid, span_of("-")), "MSGID: not \"-\"");
	complaint = structured_data_complaint(message, datagram->cut, &parsed, &has_context);
	CHECK(complaint == NULL, complaint);
	CHECK(has_context || message->n_context == 0 || datagram->cut, "context: lost silently");
	CHECK(span_equal(parsed.text, datagram->text), "MSG: not where the text is");
	if (!datagram->cut)
		return NULL;
	return cut_complaint(options, message, !has_context && message->n_context > 0,
			     datagram->header.len + (datagram->text.len == 0), datagram);
}

/* "<PRI>Mmm dd hh:mm:ss HOST APP[PID]: text": fields by their borders, as collectors find them. */
static const char *rfc3164_complaint(const struct format_options *options,
				     const struct message *message, const struct datagram *datagram,
				     struct span whole)
{
	struct span rest = whole;
	struct span pid = span_of("-");
	size_t end = span_find(rest, '>');

	CHECK(end < rest.len && rest.ptr[0] == '<', "PRI: no brackets");
	CHECK(is_decimal_of(span_drop(span_first(rest, end), 1),
			    message->facility * 8u + level_severity(message->level)),
	      "PRI: another");
	rest = span_drop(rest, end + 1);
	CHECK(rest.len > 16 && rest.ptr[15] == ' ', "TIMESTAMP: not 15 characters");
	rest = span_drop(rest, 16);
	end = span_find(rest, ' ');
	CHECK(is_field_of(span_first(rest, end), message->host, 255, ""), "HOSTNAME: another");
	rest = span_drop(rest, end + 1);
	end = span_find(rest, ':');
	CHECK(end < rest.len, "TAG: no colon");
	if (rest.ptr[end - 1] == ']') {
		struct span tag = span_first(rest, end - 1);
		size_t bracket = span_find(tag, '[');

		CHECK(bracket < tag.len, "PID: no opening bracket");
		pid = span_drop(tag, bracket + 1);
		end = bracket;
	}
	CHECK(is_pid_of(pid, message->pid), "PID: another");
	CHECK(is_field_of(span_first(rest, end), message->app, 32, ":[]"), "TAG: another");
	rest = span_drop(rest, span_find(rest, ':'));
	CHECK(!message->recorded || span_starts_with(rest, span_of(": [recorded]")),
	      "recorded: not marked");
	if (!datagram->cut)
		return NULL;
	CHECK(datagram->text.len >= 3 &&
		      memcmp(datagram->text.ptr + datagram->text.len - 3, "...", 3) == 0,
	      "text: cut and not marked");
	return cut_complaint(options, message, false, datagram->header.len, datagram);
}

const char *datagram_complaint(const struct format_options *options, const struct message *message,
			       const struct datagram *datagram)
{
	uint8_t bytes[DATAGRAM_BYTES_MAX];
	struct writer whole = writer_over(bytes, sizeof(bytes));
	bool client_cut = message->original_length > message->text.len;

	writer_text(&whole, datagram->header);
	writer_text(&whole, datagram->text);
	CHECK(!whole.failed && whole.len <= options->datagram_bytes, "size: above the limit");
	CHECK(oracle_is_harmless(writer_span(&whole)), "bytes: not UTF-8, or a harmful character");
	CHECK(datagram->cut || !client_cut, "cut: the client's own is not told");
	if (!datagram->cut) {
		struct text_extent extent = compare_text(options, message, datagram->text);

		CHECK(extent.matches && extent.next == 0, "text: not the message's");
	}
	if (options->template == NULL && datagram->text.len > 0 &&
	    oracle_is_harmless(message->text) &&
	    !(datagram->cut && options->kind == FORMAT_RFC3164))
		CHECK(datagram->text.ptr == message->text.ptr, "text: clean, and yet copied");
	if (options->kind == FORMAT_RFC3164)
		return rfc3164_complaint(options, message, datagram, writer_span(&whole));
	return rfc5424_complaint(options, message, datagram, writer_span(&whole));
}
