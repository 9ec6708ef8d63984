#include "intake/syslog_message.h"

#include "wire/level.h"

#define SEVERITY_MASK 7
#define PRIORITY_MAX  191
#define NOTICE	      5

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_printable(uint8_t byte)
{
	return byte > ' ' && byte <= '~';
}

/* "<PRI>" (RFC 5424 6.2.1, RFC 3164 4.1.1); false leaves the input as it was. */
static bool take_priority(struct span *in, uint8_t *priority_out)
{
	unsigned value = 0;
	size_t i;

	if (in->len < 3 || in->ptr[0] != '<')
		return false;
	for (i = 1; i < in->len && i <= 3 && is_digit(in->ptr[i]); i++)
		value = value * 10 + (in->ptr[i] - '0');
	if (i == 1 || i == in->len || in->ptr[i] != '>' || value > PRIORITY_MAX)
		return false;
	*priority_out = (uint8_t)value;
	*in = span_drop(*in, i + 1);
	return true;
}

/* Up to the next space, which is taken too; false when there is none or nothing before it. */
static bool take_word(struct span *in, struct span *word_out)
{
	size_t len = span_find(*in, ' ');

	if (len == 0 || len == in->len)
		return false;
	*word_out = span_first(*in, len);
	*in = span_drop(*in, len + 1);
	return true;
}

/* "Mmm dd hh:mm:ss " (RFC 3164 4.1.2); its value is not used, so only its shape is checked. */
static void skip_bsd_time(struct span *in)
{
	static const char shape[] = "Aaa d0 00:00:00 "; /* d: a digit or a space */

	if (in->len < sizeof(shape) - 1)
		return;
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		uint8_t byte = in->ptr[i];
		bool fits;

		switch (shape[i]) {
		case 'A':
			fits = byte >= 'A' && byte <= 'Z';
			break;
		case 'a':
			fits = byte >= 'a' && byte <= 'z';
			break;
		case '0':
			fits = is_digit(byte);
			break;
		case 'd':
			fits = is_digit(byte) || byte == ' ';
			break;
		default:
			fits = byte == (uint8_t)shape[i];
			break;
		}
		if (!fits)
			return;
	}
	*in = span_drop(*in, sizeof(shape) - 1);
}

/* "TAG: ", "TAG[PID]: "; the claimed PID is dropped, the kernel knows better. */
static void take_tag(struct span *in, struct span *tag_out)
{
	struct span rest = *in;
	size_t len = 0;

	while (len < rest.len && is_printable(rest.ptr[len]) && rest.ptr[len] != ':' &&
	       rest.ptr[len] != '[')
		len++;
	if (len == 0 || len > SYSLOG_TAG_MAX)
		return;
	rest = span_drop(rest, len);
	if (rest.len > 0 && rest.ptr[0] == '[') {
		size_t close = span_find(rest, ']');

		for (size_t i = 1; i < close; i++) {
			if (!is_printable(rest.ptr[i]))
				return;
		}
		if (close == rest.len)
			return;
		rest = span_drop(rest, close + 1);
	}
	if (rest.len == 0 || rest.ptr[0] != ':')
		return;
	rest = span_drop(rest, 1);
	if (rest.len > 0 && rest.ptr[0] == ' ')
		rest = span_drop(rest, 1);
	*tag_out = span_first(*in, len);
	*in = rest;
}

static bool take_byte(struct span *in, uint8_t wanted)
{
	if (in->len == 0 || in->ptr[0] != wanted)
		return false;
	*in = span_drop(*in, 1);
	return true;
}

/* SD-NAME (RFC 5424 6.3.3): an SD-ID or a PARAM-NAME. */
static bool take_sd_name(struct span *in, struct span *name_out)
{
	size_t len = 0;

	while (len < in->len && is_printable(in->ptr[len]) && in->ptr[len] != '=' &&
	       in->ptr[len] != ']' && in->ptr[len] != '"')
		len++;
	*name_out = span_first(*in, len);
	*in = span_drop(*in, len);
	return len > 0 && len <= CONTEXT_KEY_MAX;
}

/* PARAM-VALUE behind its opening quote, the closing one included, unescaped (RFC 5424 6.3.3). */
static bool take_sd_value(struct span *in, struct writer *scratch, struct span *value_out)
{
	size_t start = scratch->len;
	size_t i;

	for (i = 0; i < in->len && in->ptr[i] != '"'; i++) {
		bool escaped =
			in->ptr[i] == '\\' && i + 1 < in->len &&
			(in->ptr[i + 1] == '"' || in->ptr[i + 1] == '\\' || in->ptr[i + 1] == ']');

		if (!escaped && in->ptr[i] == ']')
			return false;
		i += escaped ? 1 : 0;
		writer_u8(scratch, in->ptr[i]);
	}
	if (i >= in->len || scratch->failed || scratch->len - start > CONTEXT_VALUE_MAX)
		return false;
	*value_out = span_of_bytes(scratch->ptr + start, scratch->len - start);
	*in = span_drop(*in, i + 1);
	return true;
}

/* What a sender says of its own clock or relay would be untrue of ours. */
static bool describes_hop(struct span id)
{
	return span_equal(id, span_of("timeQuality")) || span_equal(id, span_of("origin")) ||
	       span_equal(id, span_of("meta"));
}

static bool message_has_key(const struct syslog_message *message, struct span key)
{
	for (size_t i = 0; i < message->n_context; i++) {
		if (span_equal(message->context[i].key, key))
			return true;
	}
	return false;
}

static bool take_sd_element(struct span *in, struct writer *scratch, struct syslog_message *message)
{
	struct span id;

	if (!take_byte(in, '[') || !take_sd_name(in, &id))
		return false;
	while (take_byte(in, ' ')) {
		struct context_pair pair;

		if (!take_sd_name(in, &pair.key) || !take_byte(in, '=') || !take_byte(in, '"') ||
		    !take_sd_value(in, scratch, &pair.value))
			return false;
		if (describes_hop(id))
			continue;
		if (message->n_context == CONTEXT_PAIRS_MAX || message_has_key(message, pair.key))
			return false; /* it would be lost in silence: leave all of it in the text */
		message->context[message->n_context++] = pair;
	}
	return take_byte(in, ']');
}

/* "-" or elements, then a space or the end. */
static bool take_structured_data(struct span *in, struct writer *scratch,
				 struct syslog_message *message)
{
	struct span rest = *in;
	size_t scratch_len = scratch->len;
	bool good = true;

	if (!take_byte(&rest, '-')) {
		do
			good = take_sd_element(&rest, scratch, message);
		while (good && rest.len > 0 && rest.ptr[0] == '[');
	}
	good = good && (rest.len == 0 || take_byte(&rest, ' '));
	if (good) {
		*in = rest;
		return true;
	}
	message->n_context = 0;
	scratch->len = scratch_len;
	scratch->failed = false;
	return false;
}

/* "1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID SD [MSG]" (RFC 5424 6); false: it is something else. */
static bool parse_rfc5424(struct span in, struct writer *scratch, struct syslog_message *message)
{
	struct span time, host, app, procid, msgid, version;

	if (!take_word(&in, &version) || !span_equal(version, span_of("1")))
		return false;
	if (!take_word(&in, &time) || !take_word(&in, &host) || !take_word(&in, &app) ||
	    !take_word(&in, &procid) || !take_word(&in, &msgid))
		return false;
	if (!is_digit(time.ptr[0]) && !span_equal(time, span_of("-")))
		return false;
	for (size_t i = 0; i < app.len; i++) {
		if (!is_printable(app.ptr[i]) || app.len > SYSLOG_TAG_MAX)
			return false;
	}
	take_structured_data(&in, scratch, message);
	if (span_starts_with(in, span_of("\xef\xbb\xbf")))
		in = span_drop(in, 3); /* the byte order mark of MSG-UTF8 */
	message->tag = span_equal(app, span_of("-")) ? (struct span){ 0 } : app;
	message->text = in;
	return true;
}

void syslog_message_parse(struct span bytes, struct writer *scratch,
			  struct syslog_message *message_out)
{
	uint8_t priority = NOTICE;

	*message_out = (struct syslog_message){ 0 };
	while (bytes.len > 0 &&
	       (bytes.ptr[bytes.len - 1] == '\0' || bytes.ptr[bytes.len - 1] == '\n'))
		bytes.len--;
	take_priority(&bytes, &priority);
	message_out->level = level_of_severity(priority & SEVERITY_MASK);
	if (parse_rfc5424(bytes, scratch, message_out))
		return;
	skip_bsd_time(&bytes);
	take_tag(&bytes, &message_out->tag);
	message_out->text = bytes;
}

struct span syslog_logger_name(struct span tag, uint8_t name_out[static LOGGER_NAME_MAX])
{
	struct writer name = writer_over(name_out, LOGGER_NAME_MAX);

	writer_text(&name, span_of("syslog"));
	if (tag.len == 0)
		return writer_span(&name);
	writer_u8(&name, '.');
	writer_text(&name, tag);
	if (name.failed || logger_name_check(writer_span(&name)) != LOGGER_NAME_OK)
		name.len = strlen("syslog");
	return writer_span(&name);
}
