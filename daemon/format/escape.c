#include "format/escape.h"

#define ESCAPE_BYTES 4 /* "#ooo" */

/* What this file decides about: a character, or a byte that belongs to none. */
struct character {
	size_t len;    /* 1..4 bytes; 1 for a byte of invalid UTF-8 */
	bool harmless; /* passes unchanged */
};

/* How long a character with this first byte is; 0 when none begins so (Unicode, table 3-7). */
static inline size_t announced_length(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 4;
	return 0;
}

/* By the second byte that table keeps out overlong forms, surrogates and all beyond U+10FFFF. */
static bool may_be_second(uint8_t lead, uint8_t byte)
{
	uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	return byte >= low && byte <= high;
}

/* Length of the valid character at the front of text (not empty), or 0. */
static inline size_t valid_length(struct span text)
{
	size_t len = announced_length(text.ptr[0]);

	if (len <= 1)
		return len;
	if (len > text.len || !may_be_second(text.ptr[0], text.ptr[1]))
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((text.ptr[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

/* Whether a valid character of len bytes ends, reorders or garbles a line; see escape.h. */
static inline bool is_harmful(const uint8_t *at, size_t len)
{
	unsigned code;

	switch (len) {
	case 1:
		return at[0] < ' ' || at[0] == 0x7f;
	case 2: /* U+0080..U+009F */
		return at[0] == 0xc2 && at[1] < 0xa0;
	case 3:
		code = (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
		return (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
		       code == 0xfeff;
	default:
		return false;
	}
}

/* The character at the front of text, which is not empty. */
static inline struct character character_at(struct span text)
{
	size_t len = valid_length(text);

	if (len == 0)
		return (struct character){ .len = 1, .harmless = false };
	return (struct character){ .len = len, .harmless = !is_harmful(text.ptr, len) };
}

/* Whether eight bytes are printable ASCII, without a look at each. */
static bool are_printable(const uint8_t *at)
{
	const uint64_t each = 0x0101010101010101; /* times a byte: that byte eight times */
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	if ((word & each * 0x80) != 0)
		return false;
	/* No byte carries into the next; 0x60 more lifts 0x20 to 0x80, and 1 more lifts DEL. */
	return ((word + each * 0x60) & ~(word + each) & each * 0x80) == each * 0x80;
}

/* Bytes at the front of text that pass unchanged, whole characters. */
static size_t harmless_length(struct span text)
{
	size_t at = 0;

	while (at < text.len) {
		uint8_t byte = text.ptr[at];
		struct character next;

		if (byte < 0x80 && text.len - at >= sizeof(uint64_t) &&
		    are_printable(text.ptr + at)) {
			at += sizeof(uint64_t);
			continue;
		}
		if (byte >= ' ' && byte < 0x7f) {
			at++;
			continue;
		}
		next = character_at(span_drop(text, at));
		if (!next.harmless)
			break;
		at += next.len;
	}
	return at;
}

bool escape_is_clean(struct span text)
{
	return harmless_length(text) == text.len;
}

static void write_escapes(struct writer *writer, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned byte = bytes.ptr[i];
		uint8_t escape[ESCAPE_BYTES] = {
			'#',
			(uint8_t)('0' + (byte >> 6)),
			(uint8_t)('0' + (byte >> 3 & 7)),
			(uint8_t)('0' + (byte & 7)),
		};

		writer_bytes(writer, escape, sizeof(escape));
	}
}

void escape_text(struct writer *writer, struct span text)
{
	escape_text_within(writer, text, SIZE_MAX);
}

size_t escape_text_within(struct writer *writer, struct span text, size_t limit)
{
	/* No output is shorter than its input, so nothing behind limit can fit. */
	struct span window = span_first(text, escape_cut(text, limit));
	struct span rest = window;

	while (rest.len > 0 && !writer->failed) {
		struct span run = span_first(rest, harmless_length(rest));
		size_t fitting = escape_cut(run, limit);
		size_t harmful;

		writer_text(writer, span_first(run, fitting));
		limit -= fitting;
		rest = span_drop(rest, fitting);
		if (fitting < run.len || rest.len == 0)
			break;
		harmful = character_at(rest).len;
		if (harmful * ESCAPE_BYTES > limit)
			break;
		write_escapes(writer, span_first(rest, harmful));
		limit -= harmful * ESCAPE_BYTES;
		rest = span_drop(rest, harmful);
	}
	return window.len - rest.len;
}

static bool needs_backslash(uint8_t byte)
{
	return byte == '"' || byte == '\\' || byte == ']';
}

static void write_with_backslashes(struct writer *writer, struct span clean)
{
	size_t begin = 0;

	for (size_t i = 0; i < clean.len; i++) {
		if (!needs_backslash(clean.ptr[i]))
			continue;
		writer_bytes(writer, clean.ptr + begin, i - begin);
		writer_u8(writer, '\\');
		begin = i;
	}
	writer_text(writer, span_drop(clean, begin));
}

void escape_param_value(struct writer *writer, struct span value)
{
	while (value.len > 0 && !writer->failed) {
		size_t run = harmless_length(value);
		size_t harmful;

		write_with_backslashes(writer, span_first(value, run));
		value = span_drop(value, run);
		if (value.len == 0)
			break;
		harmful = character_at(value).len;
		write_escapes(writer, span_first(value, harmful));
		value = span_drop(value, harmful);
	}
}

void escape_header_field(struct writer *writer, struct span field, size_t max)
{
	size_t len = field.len < max ? field.len : max;
	uint8_t *at;

	if (len == 0) {
		writer_u8(writer, '-');
		return;
	}
	at = writer_take(writer, len);
	for (size_t i = 0; at != NULL && i < len; i++)
		at[i] = field.ptr[i] > ' ' && field.ptr[i] <= '~' ? field.ptr[i] : '_';
}

size_t escape_cut(struct span text, size_t max)
{
	if (text.len <= max)
		return text.len;
	/* A character that begins up to three bytes before max may reach beyond it. */
	for (size_t back = 1; back <= 3 && back <= max; back++) {
		if (valid_length(span_drop(text, max - back)) > back)
			return max - back;
	}
	return max;
}
