/**
 * reader: a bounds-checked cursor over received bytes, little-endian, with a sticky error.
 *
 * A parser reads all its fields, then looks once at `failed`. Past the end nothing moves
 * and every further read yields zero or an empty span. Pure.
 */
#ifndef LOGFWD_BASE_READER_H
#define LOGFWD_BASE_READER_H

#include "base/span.h"

struct reader {
	struct span rest; /* what has not been read */
	bool failed;	  /* a read went past the end; stays true */
};

static inline struct reader reader_of(struct span bytes)
{
	return (struct reader){ .rest = bytes };
}

/** Takes len bytes, borrowed from the input; an empty span once failed. */
struct span reader_bytes(struct reader *reader, size_t len);
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/** A string with its length before it, in one byte (0..255) or two (0..65535). */
struct span reader_string8(struct reader *reader);
struct span reader_string16(struct reader *reader);
/** All that is left. */
struct span reader_rest(struct reader *reader);

/** True when every read was within bounds and nothing is left over. */
static inline bool reader_is_done(const struct reader *reader)
{
	return !reader->failed && reader->rest.len == 0;
}

#endif
