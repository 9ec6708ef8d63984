#include "base/writer.h"

void writer_bytes(struct writer *writer, const void *bytes, size_t len)
{
	uint8_t *at = writer_take(writer, len);

	if (at != NULL && len > 0)
		memcpy(at, bytes, len);
}

static void writer_little_endian(struct writer *writer, uint64_t value, size_t width)
{
	uint8_t *at = writer_take(writer, width);

	if (at == NULL)
		return;
	for (size_t i = 0; i < width; i++, value >>= 8)
		at[i] = (uint8_t)value;
}

void writer_u8(struct writer *writer, uint8_t value)
{
	writer_little_endian(writer, value, 1);
}

void writer_u16(struct writer *writer, uint16_t value)
{
	writer_little_endian(writer, value, 2);
}

void writer_u32(struct writer *writer, uint32_t value)
{
	writer_little_endian(writer, value, 4);
}

void writer_u64(struct writer *writer, uint64_t value)
{
	writer_little_endian(writer, value, 8);
}

void writer_string8(struct writer *writer, struct span string)
{
	if (string.len > UINT8_MAX) {
		writer->failed = true;
		return;
	}
	writer_u8(writer, (uint8_t)string.len);
	writer_text(writer, string);
}

void writer_string16(struct writer *writer, struct span string)
{
	if (string.len > UINT16_MAX) {
		writer->failed = true;
		return;
	}
	writer_u16(writer, (uint16_t)string.len);
	writer_text(writer, string);
}

void writer_text(struct writer *writer, struct span text)
{
	writer_bytes(writer, text.ptr, text.len);
}

void writer_decimal(struct writer *writer, uint64_t value)
{
	char digits[20]; /* UINT64_MAX has 20 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	writer_bytes(writer, digits + at, sizeof(digits) - at);
}
