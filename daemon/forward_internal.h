/**
 * forward_internal: what forward.c (what there is, and its generations) and forward_record.c (the
 * way of a record) share. Nobody else includes it.
 */
#ifndef LOGFWD_FORWARD_INTERNAL_H
#define LOGFWD_FORWARD_INTERNAL_H

#include "client_ends.h"
#include "client_losses.h"
#include "forward.h"
#include "handler.h"
#include "level_map.h"
#include "os/user_names.h"

struct forward {
	struct tree *tree;
	struct level_map level_map; /* of the tree, as of the last client that was told */
	struct output *output;
	struct recorder *recorder;
	struct quota *recorder_quota;
	int64_t playback_until_us; /* of recorded records in this turn; monotonic; 0: none were sent */
	struct user_names *user_names; /* since the first configuration; NULL: memory ran out */
	struct client_ends client_ends;
	struct client_losses client_losses;
	char host[256]; /* HOST_NAME_MAX is 64 on Linux; DNS allows 253 */
	uint32_t record_bytes;
	struct handler *handlers;
	size_t n_handlers;
	struct record_counts counts;
	forward_flushed *flushed;
	void *flushed_arg;
	forward_observer *observer; /* NULL: nobody looks on */
	void *observer_arg;
};

/** Gives a record its fate, and counts it; or as intake_ops.record says. */
bool forward_record(struct forward *forward, const struct record *record);

/**
 * Sends what was kept of a lease, as intake_ops.play_back says. spare: records that the rate
 * limits of handlers must have room for behind each.
 */
bool forward_play_back(struct forward *forward, struct lease *lease, uint32_t spare,
		       uint64_t *sent);

/** Tells of a client that is gone, or counts it for later. */
void forward_client_exit(struct forward *forward, const struct client_exit *exit);

/** Tells of records that a client had to give up, or counts that for later. */
void forward_client_loss(struct forward *forward, const struct client_loss *loss);

/** Tells of what was only counted, if there is any and it is time. now_ms: monotonic. */
void forward_sum_up_clients(struct forward *forward, int64_t now_ms);

#endif
