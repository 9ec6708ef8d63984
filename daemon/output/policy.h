/**
 * policy: which of a target's servers gets the next records. Pure.
 */
#ifndef LOGFWD_OUTPUT_POLICY_H
#define LOGFWD_OUTPUT_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum target_policy {
	POLICY_FAILOVER, /* the first one that takes records */
	POLICY_BALANCE, /* one after the other, batch by batch; parts of a record as POLICY_STICKY */
	POLICY_STICKY,	/* for each logger its own, as long as that one takes records */
	POLICY_MIRROR,	/* each of them gets every record: a lane of its own, see lane.h */
};

#define POLICY_SERVERS_MAX 64

/** "failover"; static storage. */
const char *policy_name(enum target_policy policy);

/**
 * A number for a logger's name: the same in every process, at every start and on every host, so
 * that a logger keeps its collector.
 */
uint32_t policy_flow(struct span logger);

/**
 * The server for a record.
 * ready: a bit for each server that takes records now, not 0; the first server is bit 0.
 * keys: policy_flow() of each server's text; for POLICY_STICKY only.
 * flow: of the record's logger; for POLICY_STICKY only. The server is the one with the highest
 *       weight for it (rendezvous hashing): when a server goes, its loggers alone move, and when
 *       it is back they return.
 * last: the server that POLICY_BALANCE chose for the batch before.
 */
size_t policy_pick(enum target_policy policy, uint64_t ready, const uint32_t *keys, uint32_t flow,
		   size_t last);

#endif
