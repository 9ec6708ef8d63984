/**
 * output: all targets of a configuration over one bounded pool of UDP sockets.
 *
 * Targets, their queues and their servers outlive a reload if the next configuration names
 * them again; what a removed target had counted stays in the accounts.
 */
#ifndef LOGFWD_OUTPUT_OUTPUT_H
#define LOGFWD_OUTPUT_OUTPUT_H

#include "format/split.h"
#include "output/target.h"

struct output;

/** host: HOST of the daemon's own records, borrowed. Errors: -ENOMEM. */
int output_new(struct event_base *base, const struct pool_options *pool, const char *host,
	       struct output **output_out);
void output_free(struct output *output);
DEFINE_CLEANUP(struct output *, output_free)

/**
 * A reload in two steps: prepare builds what is missing and may fail (-ENOMEM, -EINVAL),
 * leaving everything as it was; commit makes it current and cannot fail.
 */
struct output_generation;
int output_prepare(struct output *output, const struct target_options *targets, size_t n_targets,
		   struct output_generation **generation_out);
void output_commit(struct output *output, struct output_generation *generation,
		   const struct pool_options *pool);
void output_discard(struct output_generation *generation);

/** Targets in the order of the configuration; index < output_targets(). */
size_t output_targets(const struct output *output);
struct target *output_target(const struct output *output, size_t index);

/** Where datagrams are built; emptied by output_flush(). */
struct writer *output_scratch(struct output *output);
/**
 * SPLIT_TEXT_BYTES for the text of a record that goes in parts. They are borrowed until
 * output_flush(), so that must come between two such records.
 */
uint8_t *output_split_text(struct output *output);
struct timestamp_cache *output_timestamps(struct output *output);

/** Flushes every target: what was borrowed since the last time is free again. */
void output_flush(struct output *output);

/** Drops what still waits, in every target. */
void output_abandon(struct output *output, enum drop_reason reason);

/** Records that wait, to be sent or to be sent again, over all targets. */
uint64_t output_queued(const struct output *output);

/** Totals of the targets that reloads have removed. */
struct target_counts output_removed(const struct output *output);
struct pool_counts output_pool_counts(const struct output *output);

#endif
