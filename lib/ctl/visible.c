#include "ctl/visible.h"

/*
 * Length of the character that text (not empty) starts with, or 0 when it must be escaped.
 * The table of well-formed UTF-8 is RFC 3629 section 4; after 0xc2 the C1 controls are left out.
 */
static size_t printable_length(struct span text)
{
	const uint8_t first = text.ptr[0];
	const uint8_t low = first == 0xc2 || first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	const size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (first < 0x80)
		return first >= 0x20 && first != 0x7f ? 1 : 0;
	if (first < 0xc2 || first > 0xf4 || text.len < length)
		return 0;
	if (text.ptr[1] < low || text.ptr[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++) {
		if ((text.ptr[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

void visible_write(FILE *out, struct span text)
{
	size_t clean = 0; /* bytes at the front that go out as they are */

	while (clean < text.len) {
		size_t length = printable_length(span_drop(text, clean));

		if (length > 0) {
			clean += length;
			continue;
		}
		fwrite(text.ptr, 1, clean, out);
		fprintf(out, "#%03o", text.ptr[clean]);
		text = span_drop(text, clean + 1);
		clean = 0;
	}
	if (clean > 0)
		fwrite(text.ptr, 1, clean, out);
}
