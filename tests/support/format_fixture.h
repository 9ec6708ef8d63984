/**
 * format_fixture: a message to format and the place to do it, for the tests of datagrams.
 */
#ifndef LOGFWD_TESTS_FORMAT_FIXTURE_H
#define LOGFWD_TESTS_FORMAT_FIXTURE_H

#include "format/datagram.h"

/** The message of one connection, with a pair of context and the text "hello world". */
struct message sample_message(void);

/** text: borrowed; as the client sent it, uncut. */
void sample_set_text(struct message *message, struct span text);

/** len (<= 70000) bytes of period, over and over; borrowed until the next call. */
struct span sample_repeat(const char *period, size_t len);

/** Scratch and timestamps for one datagram at a time. */
struct workbench {
	struct timestamp_cache cache;
	uint8_t bytes[FORMAT_SCRATCH_BYTES];
	struct writer scratch; /* behind what the last format built */
};

/** Formats in just the promised scratch; what it builds is good until the next call. */
enum format_outcome workbench_format(struct workbench *bench, const struct format_options *options,
				     const struct message *message, struct datagram *datagram_out);

/** As workbench_format(), of what must fit, and asserts that the oracle has no complaint. */
struct datagram workbench_check(struct workbench *bench, const struct format_options *options,
				const struct message *message);

#endif
