/**
 * timestamp: microseconds since 1970 as the texts of RFC 5424 6.2.3 and RFC 3164 4.1.2.
 *
 * The text of a second is computed once and kept, since records come thousands a second.
 * Pure but for RFC 3164, whose time is local by definition and asks the C library's zone.
 */
#ifndef LOGFWD_FORMAT_TIMESTAMP_H
#define LOGFWD_FORMAT_TIMESTAMP_H

#include "base/writer.h"

/** Zero-initialised: empty. */
struct timestamp_cache {
	int64_t utc_second;   /* seconds since 1970 that utc_text stands for */
	int64_t local_second; /* likewise for local_text */
	bool utc_valid, local_valid;
	char utc_text[20];   /* "2026-11-22T10:11:12" */
	char local_text[16]; /* "Nov 22 10:11:12" */
};

/**
 * Writes "2026-11-22T10:11:12.345678Z". A time before year 0 or after year 9999 cannot be
 * written in RFC 5424 and becomes the NILVALUE "-".
 */
void timestamp_write_rfc5424(struct timestamp_cache *cache, int64_t time_us, struct writer *writer);

/** Writes "Nov 22 10:11:12" in local time, the day padded with a space. */
void timestamp_write_rfc3164(struct timestamp_cache *cache, int64_t time_us, struct writer *writer);

#endif
