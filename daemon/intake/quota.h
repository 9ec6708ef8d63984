/**
 * quota: how much of each limit one user may hold, so that nobody takes it all.
 *
 * A user's share is uid-share percent of a limit, at least one. Users are only remembered
 * while they hold something, so the table is bounded by the limits themselves. Pure.
 */
#ifndef LOGFWD_INTAKE_QUOTA_H
#define LOGFWD_INTAKE_QUOTA_H

#include <sys/types.h>

#include "base/cleanup.h"
#include "base/span.h"

struct limits {
	uint32_t clients;	 /* connections; default 10000 */
	uint32_t loggers;	 /* leases; default 1000000 */
	uint32_t record_bytes;	 /* text of one record; default 65536, 480..WIRE_RECORD_MAX */
	uint64_t context_bytes;	 /* memory of the contexts that clients set; default 64 MiB */
	uint64_t recorder_bytes; /* memory of what recorders keep; default 64 MiB */
	uint64_t ring_bytes;	 /* memory of rings; default 64 MiB, 0: none */
	uint32_t uid_share;	 /* percent of each that one user may have, 1..100; default 25 */
};

/**
 * Makes clients and ring_bytes smaller until a process can hold them that may have so many descriptors
 * for both: a client has one, and its ring, of ring_size bytes, one until it is used. Rings give
 * way first, down to a quarter of the descriptors. At least one client stays.
 */
void limits_fit(struct limits *limits, uint64_t descriptors, size_t ring_size);

enum quota_kind {
	QUOTA_CLIENTS,
	QUOTA_LOGGERS,
	QUOTA_CONTEXT_BYTES,
	QUOTA_RECORDER_BYTES,
	QUOTA_RING_BYTES,
};
#define QUOTA_KINDS 5

enum quota_result {
	QUOTA_TAKEN,
	QUOTA_LIMIT,	 /* the limit for all is reached */
	QUOTA_SHARE,	 /* this user's share is used up */
	QUOTA_NO_MEMORY, /* to remember the user */
};

struct quota;

/** Owned; NULL without memory. */
struct quota *quota_new(const struct limits *limits);
void quota_free(struct quota *quota);
DEFINE_CLEANUP(struct quota *, quota_free)

/** New limits from now on; what is held stays held. */
void quota_set_limits(struct quota *quota, const struct limits *limits);

enum quota_result quota_take(struct quota *quota, enum quota_kind kind, uid_t uid, size_t amount);
/** Gives back of what was taken. */
void quota_release(struct quota *quota, enum quota_kind kind, uid_t uid, size_t amount);
/** True when the user, or all together, hold more than the limits allow now. */
bool quota_exceeded(struct quota *quota, enum quota_kind kind, uid_t uid);
uint64_t quota_held(const struct quota *quota, enum quota_kind kind);

#endif
