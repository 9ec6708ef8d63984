#include "output/output.h"

#include <errno.h>

#include "os/clock.h"

#define SCRATCH_BYTES (256 * 1024 + FORMAT_SCRATCH_BYTES)
#define IDLE_CHECK_S  1

struct output {
	struct event_base *base;
	struct socket_pool *pool;
	struct resolver *resolver;
	struct probe_turns turns;
	const char *host;
	struct target **targets;
	size_t n_targets;
	struct target_counts removed;
	uint8_t *scratch_bytes;
	uint8_t *split_text;
	struct writer scratch;
	struct timestamp_cache timestamps;
	struct event *idle_timer;
};

struct output_generation {
	struct output *output;
	struct target **targets; /* those of the output that stay, and new ones */
	struct target_change **changes;
	size_t n_targets;
};

static void on_idle_check(evutil_socket_t fd, short what, void *arg)
{
	struct output *output = arg;

	(void)fd;
	(void)what;
	socket_pool_close_idle(output->pool, clock_monotonic_ms());
	socket_pool_close_orphaned(output->pool);
}

int output_new(struct event_base *base, const struct pool_options *pool, const char *host,
	       struct output **output_out)
{
	CLEANUP(output_free) struct output *output = calloc(1, sizeof(*output));
	const struct timeval every = { .tv_sec = IDLE_CHECK_S };
	int result;

	if (output == NULL)
		return -ENOMEM;
	output->base = base;
	output->host = host;
	output->scratch_bytes = malloc(SCRATCH_BYTES);
	output->split_text = malloc(SPLIT_TEXT_BYTES);
	output->scratch = writer_over(output->scratch_bytes, SCRATCH_BYTES);
	output->idle_timer = event_new(base, -1, EV_PERSIST, on_idle_check, output);
	if (output->scratch_bytes == NULL || output->split_text == NULL ||
	    output->idle_timer == NULL || event_add(output->idle_timer, &every) < 0)
		return -ENOMEM;
	result = socket_pool_new(base, pool, &output->pool);
	if (result == 0)
		result = resolver_new(base, output->pool, &output->resolver);
	if (result < 0)
		return result;
	*output_out = move_ptr(output);
	return 0;
}

void output_free(struct output *output)
{
	if (output == NULL)
		return;
	for (size_t i = 0; i < output->n_targets; i++)
		target_free(output->targets[i]);
	free(output->targets);
	resolver_free(output->resolver);
	socket_pool_free(output->pool);
	if (output->idle_timer != NULL)
		event_free(output->idle_timer);
	free(output->scratch_bytes);
	free(output->split_text);
	free(output);
}

static struct target *find_target(struct target *const *targets, size_t n_targets, const char *name)
{
	for (size_t i = 0; i < n_targets; i++) {
		if (strcmp(target_name(targets[i]), name) == 0)
			return targets[i];
	}
	return NULL;
}

void output_discard(struct output_generation *generation)
{
	struct output *output;

	if (generation == NULL)
		return;
	output = generation->output;
	for (size_t i = 0; i < generation->n_targets; i++) {
		struct target *target = generation->targets[i];

		target_discard(generation->changes[i]);
		if (find_target(output->targets, output->n_targets, target_name(target)) != target)
			target_free(target);
	}
	free(generation->targets);
	free(generation->changes);
	free(generation);
}

DEFINE_CLEANUP(struct output_generation *, output_discard)

static int generation_add(struct output_generation *generation,
			  const struct target_options *options)
{
	struct output *output = generation->output;
	const struct target_env env = {
		.base = output->base,
		.servers = { output->pool, output->resolver, &output->turns },
		.host = output->host,
		.timestamps = &output->timestamps,
	};
	struct target *target = find_target(output->targets, output->n_targets, options->name);
	size_t index = generation->n_targets;
	int result = target != NULL ? 0 : target_new(&env, options->name, &target);

	if (result < 0)
		return result;
	generation->targets[index] = target;
	generation->n_targets++;
	return target_prepare(target, options, &generation->changes[index]);
}

int output_prepare(struct output *output, const struct target_options *targets, size_t n_targets,
		   struct output_generation **generation_out)
{
	CLEANUP(output_discard)
	struct output_generation *generation = calloc(1, sizeof(*generation));

	if (generation == NULL)
		return -ENOMEM;
	generation->output = output;
	generation->targets = calloc(n_targets, sizeof(*generation->targets));
	generation->changes = calloc(n_targets, sizeof(*generation->changes));
	if (generation->targets == NULL || generation->changes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n_targets; i++) {
		int result = generation_add(generation, &targets[i]);

		if (result < 0)
			return result;
	}
	*generation_out = move_ptr(generation);
	return 0;
}

/* The account of a target that goes stays; what waited in it is lost, and counted. */
static void output_remove(struct output *output, struct target *target)
{
	struct target_counts counts;

	target_flush(target);
	target_close(target);
	target_abandon(target, DROP_TARGET_REMOVED);
	counts = target_counts(target);
	target_counts_add(&output->removed, &counts);
	target_free(target);
}

void output_commit(struct output *output, struct output_generation *generation,
		   const struct pool_options *pool)
{
	output_flush(output);
	for (size_t i = 0; i < output->n_targets; i++) {
		struct target *target = output->targets[i];

		if (find_target(generation->targets, generation->n_targets, target_name(target)) !=
		    target)
			output_remove(output, target);
	}
	free(output->targets);
	output->targets = generation->targets;
	output->n_targets = generation->n_targets;
	socket_pool_set_options(output->pool, pool);
	for (size_t i = 0; i < generation->n_targets; i++)
		target_commit(generation->targets[i], generation->changes[i]);
	free(generation->changes);
	free(generation);
}

size_t output_targets(const struct output *output)
{
	return output->n_targets;
}

struct target *output_target(const struct output *output, size_t index)
{
	return output->targets[index];
}

struct writer *output_scratch(struct output *output)
{
	return &output->scratch;
}

uint8_t *output_split_text(struct output *output)
{
	return output->split_text;
}

struct timestamp_cache *output_timestamps(struct output *output)
{
	return &output->timestamps;
}

void output_flush(struct output *output)
{
	for (size_t i = 0; i < output->n_targets; i++)
		target_flush(output->targets[i]);
	output->scratch = writer_over(output->scratch_bytes, SCRATCH_BYTES);
}

void output_abandon(struct output *output, enum drop_reason reason)
{
	for (size_t i = 0; i < output->n_targets; i++)
		target_abandon(output->targets[i], reason);
}

uint64_t output_queued(const struct output *output)
{
	uint64_t queued = 0;

	for (size_t i = 0; i < output->n_targets; i++) {
		struct target_counts counts = target_counts(output->targets[i]);

		queued += counts.queued + counts.resending;
	}
	return queued;
}

struct target_counts output_removed(const struct output *output)
{
	return output->removed;
}

struct pool_counts output_pool_counts(const struct output *output)
{
	return socket_pool_counts(output->pool);
}
