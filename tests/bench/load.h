/**
 * load: numbered records from one writer, at full speed or at a rate, with the cost of each call.
 *
 * Shared by the generators: they differ in how a record is handed over, nothing else.
 */
#ifndef LOGFWD_BENCH_LOAD_H
#define LOGFWD_BENCH_LOAD_H

#include "histogram.h"
#include "record.h"

struct load_options {
	unsigned writer; /* told apart by the sink; 0..RECORD_WRITERS_MAX - 1 */
	unsigned rate;	 /* records a second; 0: as fast as they are taken */
	double seconds;
	size_t bytes; /* of a record */
};

struct load_result {
	uint64_t records; /* handed over */
	uint64_t elapsed_ns;
	struct histogram calls; /* how long each hand-over took */
};

/** Hands over one record, waiting for room as long as it takes. Returns 0, or -errno: the end. */
typedef int load_send(void *arg, const struct record *record, uint64_t sequence);

/**
 * Reads --writer, --rate, --seconds and --bytes. Returns the index of the first argument
 * that is none of these, or -1 after saying on stderr what is wrong.
 */
int load_parse(int argc, char **argv, struct load_options *options_out);

/** Runs the load; header starts each record. Returns 0 or -errno. */
int load_run(const struct load_options *options, const char *header, load_send *send, void *arg,
	     struct load_result *result_out);

/** Prints the result, and the CPU time of this process so far, as one line of JSON. */
void load_print(const struct load_result *result);

#endif
