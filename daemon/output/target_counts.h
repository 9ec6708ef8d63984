/**
 * target_counts: the account of a target, or of one lane of it. Pure.
 */
#ifndef LOGFWD_OUTPUT_TARGET_COUNTS_H
#define LOGFWD_OUTPUT_TARGET_COUNTS_H

#include "output/notice.h"

/**
 * enqueued = sent + sum of dropped + queued, at every instant. A mirror makes one delivery of a
 * record for each of its servers, and counts them all.
 */
struct target_counts {
	uint64_t enqueued;
	uint64_t sent; /* handed to the kernel, each record once */
	uint64_t dropped[DROP_REASONS];
	uint64_t queued;       /* records that wait now, in the queue or in the batch */
	uint64_t queued_bytes; /* of those in the queue */
	/*
	 * Of sent, what the network told us it refused (ICMP), and what is not to be sent again. Exact
	 * for a collector on the same machine; from afar it is the least that is lost, since hosts
	 * limit the rate of such errors. Records that were refused together in one message count one
	 * by one (refusals.h).
	 */
	uint64_t refused;
	uint64_t resent;    /* times that a record was handed to the kernel again */
	uint64_t resending; /* of sent, those that wait to be sent again */
	uint64_t truncated; /* records that were cut */
	uint64_t split;	    /* records that went in parts; each part is enqueued for itself */
	uint64_t notices;   /* of enqueued, the target's and the daemon's own */
};

void target_counts_add(struct target_counts *sum, const struct target_counts *counts);

#endif
