/**
 * writer: a bounds-checked cursor over a caller's buffer, little-endian, with a sticky error.
 *
 * What does not fit is not written at all, sets `failed` and leaves `len` where it was, now
 * and ever after; an encoder writes all its fields, then looks once. Pure.
 */
#ifndef LOGFWD_BASE_WRITER_H
#define LOGFWD_BASE_WRITER_H

#include "base/span.h"

struct writer {
	uint8_t *ptr; /* borrowed from the caller */
	size_t cap;   /* bytes */
	size_t len;   /* bytes written, <= cap */
	bool failed;
};

static inline struct writer writer_over(void *ptr, size_t cap)
{
	return (struct writer){ .ptr = ptr, .cap = cap };
}

/** What was written so far, borrowed from the buffer. */
static inline struct span writer_span(const struct writer *writer)
{
	return (struct span){ writer->ptr, writer->len };
}

static inline size_t writer_room(const struct writer *writer)
{
	return writer->failed ? 0 : writer->cap - writer->len;
}

/** Reserves len bytes and returns where they start, or NULL (and failed) without room. */
static inline uint8_t *writer_take(struct writer *writer, size_t len)
{
	uint8_t *at;

	if (writer->failed || len > writer->cap - writer->len) {
		writer->failed = true;
		return NULL;
	}
	at = writer->ptr + writer->len;
	writer->len += len;
	return at;
}

void writer_bytes(struct writer *writer, const void *bytes, size_t len);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
/** A string with its length before it; fails when the length does not fit its field. */
void writer_string8(struct writer *writer, struct span string);
void writer_string16(struct writer *writer, struct span string);
/** Text: bytes as they are, and an unsigned number in decimal. */
void writer_text(struct writer *writer, struct span text);
void writer_decimal(struct writer *writer, uint64_t value);

#endif
