#include "ctl/numbered.h"

/* Fields before STRUCTURED-DATA: PRI and VERSION, TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID. */
#define HEADER_FIELDS 6
#define HOST_FIELD    2

/* Takes what stands before the next byte of that value, and the byte. */
static bool take_until(struct span *in, uint8_t end, struct span *taken_out)
{
	for (size_t i = 0; i < in->len; i++) {
		if (in->ptr[i] == end) {
			*taken_out = span_first(*in, i);
			*in = span_drop(*in, i + 1);
			return true;
		}
	}
	return false;
}

/* Takes PARAM-VALUE and the quote behind it; a backslash keeps what follows it inside. */
static bool take_value(struct span *in, struct span *value_out)
{
	for (size_t i = 0; i < in->len; i++) {
		if (in->ptr[i] == '\\') {
			i++;
		} else if (in->ptr[i] == '"') {
			*value_out = span_first(*in, i);
			*in = span_drop(*in, i + 1);
			return true;
		}
	}
	return false;
}

static bool parse_sequence_id(struct span text, uint32_t *id_out)
{
	uint64_t id = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		id = id * 10 + (text.ptr[i] - '0');
		if (id > SEQUENCE_ID_MAX)
			return false;
	}
	*id_out = (uint32_t)id;
	return id > 0;
}

/* FNV-1a: an accident is as unlikely as with any other 32 bits. */
static uint32_t digest_add(uint32_t digest, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		digest = (digest ^ bytes.ptr[i]) * 16777619u;
	return digest;
}

/* Where the mark is, empty when there is none. */
struct parsing {
	struct span mark;
	bool has_sequence;
};

/* One PARAM of an element, behind its space. */
static bool take_param(struct span *in, struct span element, struct parsing *parsing,
		       struct numbered *numbered)
{
	const uint8_t *begin = in->ptr - 1;
	struct span name, value;

	if (!take_until(in, '=', &name) || in->len == 0 || in->ptr[0] != '"')
		return false;
	*in = span_drop(*in, 1);
	if (!take_value(in, &value))
		return false;
	if (span_equal(element, span_of("meta")) && span_equal(name, span_of("sequenceId")))
		parsing->has_sequence = parse_sequence_id(value, &numbered->sequence_id);
	if (span_equal(element, span_of("logfwd@32473")) && span_equal(name, span_of("resent")) &&
	    span_equal(value, span_of("true")))
		parsing->mark = span_of_bytes(begin, (size_t)(in->ptr - begin));
	return true;
}

/* One SD-ELEMENT, behind its opening bracket. */
static bool take_element(struct span *in, struct parsing *parsing, struct numbered *numbered)
{
	size_t length = 0;
	struct span element;

	while (length < in->len && in->ptr[length] != ' ' && in->ptr[length] != ']')
		length++;
	element = span_first(*in, length);
	*in = span_drop(*in, length);
	while (in->len > 0 && in->ptr[0] == ' ') {
		*in = span_drop(*in, 1);
		if (!take_param(in, element, parsing, numbered))
			return false;
	}
	if (in->len == 0 || in->ptr[0] != ']')
		return false;
	*in = span_drop(*in, 1);
	return true;
}

bool numbered_parse(struct span datagram, struct numbered *numbered_out)
{
	struct numbered numbered = { 0 };
	struct parsing parsing = { 0 };
	struct span rest = datagram, field;
	size_t before;

	for (size_t i = 0; i < HEADER_FIELDS; i++) {
		if (!take_until(&rest, ' ', &field))
			return false;
		if (i == HOST_FIELD)
			numbered.host = field;
	}
	while (rest.len > 0 && rest.ptr[0] == '[') {
		rest = span_drop(rest, 1);
		if (!take_element(&rest, &parsing, &numbered))
			return false;
	}
	numbered.resent = parsing.mark.len > 0;
	before = numbered.resent ? (size_t)(parsing.mark.ptr - datagram.ptr) : datagram.len;
	numbered.digest = digest_add(2166136261u, span_first(datagram, before));
	numbered.digest =
		digest_add(numbered.digest, span_drop(datagram, before + parsing.mark.len));
	*numbered_out = numbered;
	return parsing.has_sequence;
}
