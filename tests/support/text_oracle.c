#include "support/text_oracle.h"

size_t oracle_character(struct span text, uint32_t *code_out)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t ones = 0;
	uint32_t code;

	if (text.len == 0)
		return 0;
	while (ones < 8 && (text.ptr[0] & 0x80 >> ones) != 0)
		ones++;
	if (ones == 0) {
		*code_out = text.ptr[0];
		return 1;
	}
	if (ones == 1 || ones > 4 || ones > text.len)
		return 0;
	code = text.ptr[0] & 0x7fu >> ones;
	for (size_t i = 1; i < ones; i++) {
		if (text.ptr[i] >> 6 != 2)
			return 0;
		code = code << 6 | (text.ptr[i] & 0x3fu);
	}
	if (code < smallest[ones] || code > 0x10ffff || code >> 11 == 0xd800 >> 11)
		return 0;
	*code_out = code;
	return ones;
}

static bool is_harmful(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0, 0x1f },	    { 0x7f, 0x9f },	{ 0x2028, 0x2029 },
		{ 0x202a, 0x202e }, { 0x2066, 0x2069 }, { 0xfeff, 0xfeff },
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	}
	return false;
}

bool oracle_is_harmless(struct span text)
{
	while (text.len > 0) {
		uint32_t code = 0;
		size_t len = oracle_character(text, &code);

		if (len == 0 || is_harmful(code))
			return false;
		text = span_drop(text, len);
	}
	return true;
}

struct oracle_piece oracle_escape(struct span original, enum oracle_place place)
{
	static const char digits[] = "01234567";
	struct oracle_piece piece = { 0 };
	uint32_t code = 0;
	size_t len = oracle_character(original, &code);

	piece.taken = len > 0 ? len : 1;
	if (len == 0 || is_harmful(code)) {
		for (size_t i = 0; i < piece.taken; i++) {
			uint8_t byte = original.ptr[i];

			piece.bytes[piece.len++] = '#';
			piece.bytes[piece.len++] = (uint8_t)digits[byte / 64];
			piece.bytes[piece.len++] = (uint8_t)digits[byte / 8 % 8];
			piece.bytes[piece.len++] = (uint8_t)digits[byte % 8];
		}
		return piece;
	}
	if (place == ORACLE_PARAM_VALUE && (code == '"' || code == '\\' || code == ']'))
		piece.bytes[piece.len++] = '\\';
	memcpy(piece.bytes + piece.len, original.ptr, len);
	piece.len += len;
	return piece;
}

bool oracle_is_escaped(struct span escaped, struct span original, enum oracle_place place)
{
	while (original.len > 0) {
		struct oracle_piece piece = oracle_escape(original, place);

		if (!span_starts_with(escaped, span_of_bytes(piece.bytes, piece.len)))
			return false;
		escaped = span_drop(escaped, piece.len);
		original = span_drop(original, piece.taken);
	}
	return escaped.len == 0;
}

size_t oracle_escaped_length(struct span original, enum oracle_place place)
{
	size_t len = 0;

	while (original.len > 0) {
		struct oracle_piece piece = oracle_escape(original, place);

		len += piece.len;
		original = span_drop(original, piece.taken);
	}
	return len;
}
