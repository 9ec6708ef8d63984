/**
 * record: what the generators send and the sink recognises.
 *
 * A record is a header, filler, and a mark of fixed width at its very end:
 *   "@WW SSSSSSSSSSSS TTTTTTTTTTTTTTTTTTT@"  writer, sequence number, CLOCK_MONOTONIC in ns
 * Every forwarder puts its own header before the text and none puts anything behind it but
 * a line end, so the sink finds the mark without parsing anybody's format.
 */
#ifndef LOGFWD_BENCH_RECORD_H
#define LOGFWD_BENCH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_WRITERS_MAX 16
#define RECORD_BYTES_MAX   2000

struct record {
	char text[RECORD_BYTES_MAX];
	size_t length;
};

struct record_mark {
	unsigned writer;   /* 0..RECORD_WRITERS_MAX - 1 */
	uint64_t sequence; /* from 0, one apart */
	uint64_t time_ns;  /* CLOCK_MONOTONIC when it was sent */
};

/** Lays out a record of length bytes; false when header and mark do not fit it. */
bool record_init(struct record *record, const char *header, size_t length);

/** Writes the mark. */
void record_stamp(struct record *record, const struct record_mark *mark);

/** Reads the mark at the end of a received datagram; false when there is none. */
bool record_read(const char *datagram, size_t length, struct record_mark *mark_out);

#endif
