/**
 * prefixes: which branch of the logger tree has most of some records, in bounded memory.
 *
 * For names of one, two and three components eight counters each, as Misra and Gries have them:
 * a new name without a counter takes one from all. A count is never too high, and too low by a
 * ninth of all records at the most; with up to eight different names it is exact. Pure.
 */
#ifndef LOGFWD_OUTPUT_PREFIXES_H
#define LOGFWD_OUTPUT_PREFIXES_H

#include "base/span.h"

#define PREFIXES_DEPTH	  3
#define PREFIXES_COUNTERS 8
#define PREFIX_BYTES	  63 /* a longer one is cut at its last component that fits, or at all */

struct prefix_count {
	uint64_t records; /* 0: free */
	uint8_t length;
	uint8_t name[PREFIX_BYTES];
};

/** Zero-initialised: no record yet. */
struct prefixes {
	struct prefix_count counters[PREFIXES_DEPTH][PREFIXES_COUNTERS];
};

/** Counts a record. logger: its name; empty for the root. */
void prefixes_add(struct prefixes *prefixes, struct span logger);

/**
 * Finds the longest prefix that has half of all records or more, or else the single component
 * that has most. records: how many there were in all. The name is borrowed until the next
 * prefixes_add(), and empty when nothing stands out.
 * Returns how many records it has at the least.
 */
uint64_t prefixes_most(const struct prefixes *prefixes, uint64_t records, struct span *name_out);

#endif
