/**
 * span: borrowed bytes with their length.
 *
 * Text from outside is never NUL-terminated here: a span is what every parser takes and
 * every record carries. A span owns nothing; who hands one out says until when it is good.
 * Pure.
 */
#ifndef LOGFWD_BASE_SPAN_H
#define LOGFWD_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

struct span {
	const uint8_t *ptr; /* may be NULL when len is 0 */
	size_t len;	    /* bytes */
};

/** A span over a C string, without its NUL; NULL gives the empty span. */
static inline struct span span_of(const char *string)
{
	return (struct span){ (const uint8_t *)string, string != NULL ? strlen(string) : 0 };
}

static inline struct span span_of_bytes(const void *ptr, size_t len)
{
	return (struct span){ ptr, len };
}

/** The span without its first len bytes; len <= span.len. */
static inline struct span span_drop(struct span span, size_t len)
{
	return (struct span){ len == 0 ? span.ptr : span.ptr + len, span.len - len };
}

/** The first len bytes; len <= span.len. */
static inline struct span span_first(struct span span, size_t len)
{
	return (struct span){ span.ptr, len };
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool span_starts_with(struct span span, struct span prefix)
{
	return span.len >= prefix.len && span_equal(span_first(span, prefix.len), prefix);
}

/** Index of the first byte equal to wanted, or span.len when there is none. */
static inline size_t span_find(struct span span, uint8_t wanted)
{
	const uint8_t *at = span.len == 0 ? NULL : memchr(span.ptr, wanted, span.len);

	return at == NULL ? span.len : (size_t)(at - span.ptr);
}

#endif
