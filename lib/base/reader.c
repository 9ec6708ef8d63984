#include "base/reader.h"

struct span reader_bytes(struct reader *reader, size_t len)
{
	struct span taken;

	if (reader->failed || len > reader->rest.len) {
		reader->failed = true;
		return (struct span){ 0 };
	}
	taken = span_first(reader->rest, len);
	reader->rest = span_drop(reader->rest, len);
	return taken;
}

static uint64_t reader_little_endian(struct reader *reader, size_t width)
{
	struct span bytes = reader_bytes(reader, width);
	uint64_t value = 0;

	for (size_t i = bytes.len; i > 0; i--)
		value = value << 8 | bytes.ptr[i - 1];
	return value;
}

uint8_t reader_u8(struct reader *reader)
{
	return (uint8_t)reader_little_endian(reader, 1);
}

uint16_t reader_u16(struct reader *reader)
{
	return (uint16_t)reader_little_endian(reader, 2);
}

uint32_t reader_u32(struct reader *reader)
{
	return (uint32_t)reader_little_endian(reader, 4);
}

uint64_t reader_u64(struct reader *reader)
{
	return reader_little_endian(reader, 8);
}

struct span reader_string8(struct reader *reader)
{
	return reader_bytes(reader, reader_u8(reader));
}

struct span reader_string16(struct reader *reader)
{
	return reader_bytes(reader, reader_u16(reader));
}

struct span reader_rest(struct reader *reader)
{
	return reader_bytes(reader, reader->rest.len);
}
