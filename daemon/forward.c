#include "forward_internal.h"

#include <errno.h>
#include <unistd.h>

#include "format/escape.h"
#include "os/clock.h"

#define USERS_FILE "/etc/passwd"

struct forward_generation {
	struct forward *forward;
	const struct config *config;
	struct tree_generation *tree;
	struct output_generation *output;
	struct handler *handlers; /* but for their targets, which output_commit() puts in order */
	struct handler_rule rules[ROUTE_HANDLERS_MAX];
};

const char *reject_reason_name(enum reject_reason reason)
{
	static const char *const names[REJECT_REASONS] = {
		[REJECT_MALFORMED] = "malformed",
		[REJECT_UNKNOWN_LOGGER] = "unknown_logger",
	};

	return names[reason];
}

static void forward_read_host(struct forward *forward)
{
	if (gethostname(forward->host, sizeof(forward->host) - 1) < 0)
		forward->host[0] = '\0'; /* NILVALUE */
}

static bool recorder_take(void *arg, uid_t uid, size_t bytes)
{
	return quota_take(arg, QUOTA_RECORDER_BYTES, uid, bytes) == QUOTA_TAKEN;
}

static void recorder_release(void *arg, uid_t uid, size_t bytes)
{
	quota_release(arg, QUOTA_RECORDER_BYTES, uid, bytes);
}

static bool recorder_exceeded(void *arg, uid_t uid)
{
	return quota_exceeded(arg, QUOTA_RECORDER_BYTES, uid);
}

/* Errors: -ENOMEM. */
static int forward_new_recorder(struct forward *forward)
{
	const struct limits none = { 0 }; /* until the first configuration */
	struct recorder_room room = {
		.take = recorder_take,
		.release = recorder_release,
		.exceeded = recorder_exceeded,
	};

	forward->recorder_quota = quota_new(&none);
	room.arg = forward->recorder_quota;
	forward->recorder = room.arg == NULL ? NULL : recorder_new(&room);
	return forward->recorder == NULL ? -ENOMEM : 0;
}

int forward_new(struct event_base *base, const uint8_t hash_key[static 16],
		const struct pool_options *pool, struct forward **forward_out)
{
	CLEANUP(forward_free) struct forward *forward = calloc(1, sizeof(*forward));
	int result;

	if (forward == NULL)
		return -ENOMEM;
	forward_read_host(forward);
	forward->tree = tree_new(hash_key);
	if (forward->tree == NULL || forward_new_recorder(forward) < 0)
		return -ENOMEM;
	result = output_new(base, pool, forward->host, &forward->output);
	if (result < 0)
		return result;
	*forward_out = move_ptr(forward);
	return 0;
}

void forward_free(struct forward *forward)
{
	if (forward == NULL)
		return;
	output_free(forward->output);
	recorder_free(forward->recorder);
	quota_free(forward->recorder_quota);
	user_names_free(forward->user_names);
	tree_free(forward->tree);
	level_map_deinit(&forward->level_map);
	free(forward->handlers);
	free(forward);
}

void forward_on_flushed(struct forward *forward, forward_flushed *flushed, void *arg)
{
	forward->flushed = flushed;
	forward->flushed_arg = arg;
}

void forward_observe(struct forward *forward, forward_observer *observer, void *arg)
{
	forward->observer = observer;
	forward->observer_arg = arg;
}

void forward_discard(struct forward_generation *generation)
{
	if (generation == NULL)
		return;
	if (generation->tree != NULL)
		tree_discard(generation->forward->tree, generation->tree);
	output_discard(generation->output);
	free(generation->handlers);
	free(generation);
}

DEFINE_CLEANUP(struct forward_generation *, forward_discard)

static void generation_add_handlers(struct forward_generation *generation)
{
	const struct config *config = generation->config;

	for (size_t i = 0; i < config->n_handlers; i++) {
		const struct handler_options *options = &config->handlers[i];
		const struct target_options *target = &config->targets[options->target];

		generation->rules[i] = (struct handler_rule){
			.level = options->level,
			.filter = span_of(options->filter),
		};
		generation->handlers[i] = handler_of(options, target);
	}
}

int forward_prepare(struct forward *forward, const struct config *config,
		    struct forward_generation **generation_out)
{
	CLEANUP(forward_discard)
	struct forward_generation *generation = calloc(1, sizeof(*generation));
	struct tree_options tree_options;
	int result;

	if (generation == NULL)
		return -ENOMEM;
	generation->forward = forward;
	generation->config = config;
	generation->handlers = calloc(config->n_handlers, sizeof(*generation->handlers));
	if (generation->handlers == NULL)
		return -ENOMEM;
	generation_add_handlers(generation);
	tree_options = (struct tree_options){
		.loggers = config->loggers,
		.n_loggers = config->n_loggers,
		.handlers = generation->rules,
		.n_handlers = config->n_handlers,
	};
	result = tree_prepare(forward->tree, &tree_options, &generation->tree);
	if (result == 0)
		result = output_prepare(forward->output, config->targets, config->n_targets,
					&generation->output);
	if (result < 0)
		return result;
	*generation_out = move_ptr(generation);
	return 0;
}

/* The target's own records look like those of the first handler that uses it. */
static void forward_bind_handlers(struct forward *forward, const struct config *config)
{
	for (size_t i = config->n_handlers; i-- > 0;) {
		struct handler *handler = &forward->handlers[i];

		handler->target = output_target(forward->output, config->handlers[i].target);
		target_set_notice_format(handler->target, handler->format.kind, handler->facility);
	}
}

static uint32_t recorder_limit_of(const struct lease *lease, void *arg)
{
	return lease_recorder(arg, lease).records;
}

/* Names of users are worth a look now and then; without memory the old ones do. */
static void forward_read_users(struct forward *forward)
{
	struct user_names *names = user_names_read(USERS_FILE);

	if (names == NULL)
		return;
	user_names_free(forward->user_names);
	forward->user_names = names;
}

void forward_commit(struct forward *forward, struct forward_generation *generation)
{
	const struct config *config = generation->config;

	for (size_t i = 0; i < forward->n_handlers; i++)
		handler_announce(&forward->handlers[i], clock_monotonic_ms());
	for (size_t i = 0; i < config->n_handlers; i++)
		handler_take_over(&generation->handlers[i], forward->handlers, forward->n_handlers);
	quota_set_limits(forward->recorder_quota, &config->limits);
	tree_commit(forward->tree, generation->tree);
	recorder_trim(forward->recorder, recorder_limit_of, forward->tree);
	output_commit(forward->output, generation->output, &config->pool);
	free(forward->handlers);
	forward->handlers = generation->handlers;
	forward->n_handlers = config->n_handlers;
	forward->record_bytes = config->limits.record_bytes;
	forward_bind_handlers(forward, config);
	forward_read_host(forward);
	forward_read_users(forward);
	free(generation);
}

void forward_tick(struct forward *forward, int64_t now_ms)
{
	for (size_t i = 0; i < forward->n_handlers; i++)
		handler_tick(&forward->handlers[i], now_ms);
	forward_sum_up_clients(forward, now_ms);
}

static void forward_prefetch(void *arg, const struct lease *lease)
{
	(void)arg;
	tree_prefetch(lease);
}

static bool on_record(void *arg, const struct record *record)
{
	return forward_record(arg, record);
}

static void on_client_exit(void *arg, const struct client_exit *exit)
{
	forward_client_exit(arg, exit);
}

static void forward_reject(void *arg, enum reject_reason reason)
{
	struct forward *forward = arg;

	forward->counts.received++;
	forward->counts.rejected[reason]++;
}

static void on_client_loss(void *arg, const struct client_loss *loss)
{
	struct forward *forward = arg;

	/* a client that claims more than can be counted is taken at the most that can */
	if (__builtin_add_overflow(forward->counts.client_dropped, loss->dropped.records,
				   &forward->counts.client_dropped))
		forward->counts.client_dropped = UINT64_MAX;
	forward_client_loss(forward, loss);
}

static void forward_flush(void *arg)
{
	struct forward *forward = arg;

	output_flush(forward->output);
	forward->playback_until_us = 0;
	if (forward->flushed != NULL)
		forward->flushed(forward->flushed_arg);
}

static int forward_open(void *arg, struct span name, const void *owner, struct lease **lease_out)
{
	struct forward *forward = arg;

	return tree_open(forward->tree, name, owner, lease_out);
}

static bool on_play_back(void *arg, struct lease *lease, uint64_t *sent)
{
	return forward_play_back(arg, lease, 0, sent);
}

static size_t forward_close(void *arg, struct lease *lease, bool client_exit)
{
	struct forward *forward = arg;
	size_t forgotten = recorder_forget(forward->recorder, lease);

	tree_close(forward->tree, lease, client_exit ? LEASE_CLIENT_EXIT : LEASE_RELEASED);
	return forgotten;
}

static size_t forward_context_bytes(void *arg, const struct lease *lease)
{
	const struct forward *forward = arg;

	return lease_context_bytes(forward->tree, lease);
}

static void forward_set_level(void *arg, struct lease *lease, uint8_t level)
{
	struct forward *forward = arg;

	lease_set_level(forward->tree, lease, level);
}

static int forward_set_context(void *arg, struct lease *lease, const struct context_pair *pair,
			       bool set)
{
	struct forward *forward = arg;

	return lease_set_context(forward->tree, lease, pair, set);
}

static struct client_levels forward_client_levels(void *arg, const void *owner)
{
	struct forward *forward = arg;

	level_map_refresh(&forward->level_map, forward->tree);
	return (struct client_levels){
		.version = forward->level_map.version,
		.floor = tree_lease_floor(forward->tree, owner),
	};
}

static void forward_level_map(void *arg, struct client_levels levels, struct writer *writer)
{
	const struct forward *forward = arg;

	level_map_write(&forward->level_map, levels.floor, writer);
}

uint64_t forward_level_generation(const struct forward *forward)
{
	return tree_level_generation(forward->tree);
}

struct intake_ops forward_intake_ops(struct forward *forward)
{
	return (struct intake_ops){
		.open = forward_open,
		.play_back = on_play_back,
		.close = forward_close,
		.set_level = forward_set_level,
		.set_context = forward_set_context,
		.context_bytes = forward_context_bytes,
		.prefetch = forward_prefetch,
		.record = on_record,
		.reject = forward_reject,
		.client_dropped = on_client_loss,
		.client_exit = on_client_exit,
		.flush = forward_flush,
		.client_levels = forward_client_levels,
		.level_map = forward_level_map,
		.arg = forward,
	};
}

uint64_t forward_drain(struct forward *forward)
{
	/* what else is said once a second is said now: there may be no later */
	forward_sum_up_clients(forward, INT64_MAX);
	for (size_t i = 0; i < forward->n_handlers; i++)
		handler_announce(&forward->handlers[i], clock_monotonic_ms());
	output_flush(forward->output);
	return output_queued(forward->output);
}

void forward_abandon(struct forward *forward)
{
	output_abandon(forward->output, DROP_SHUTDOWN);
}

struct record_counts forward_counts(const struct forward *forward)
{
	return forward->counts;
}

struct recorder_counts forward_recorder_counts(const struct forward *forward)
{
	return recorder_counts(forward->recorder);
}

struct tree *forward_tree_of(struct forward *forward)
{
	return forward->tree;
}

struct span forward_host(const struct forward *forward)
{
	return span_of(forward->host);
}

size_t forward_render(const struct forward *forward, size_t handler, const struct message *message,
		      struct render_space *space, struct datagram *datagram_out)
{
	struct message taken = *message;

	taken.text.len = escape_cut(taken.text, forward->record_bytes);
	return handler_render(&forward->handlers[handler], &taken,
			      output_timestamps(forward->output), space, datagram_out);
}

bool forward_has_room(const struct forward *forward, size_t handler, uint32_t behind)
{
	return handler_has_room(&forward->handlers[handler], behind);
}

const struct tree *forward_tree(const struct forward *forward)
{
	return forward->tree;
}

const struct output *forward_output(const struct forward *forward)
{
	return forward->output;
}

size_t forward_handlers(const struct forward *forward)
{
	return forward->n_handlers;
}

struct handler_view forward_handler(const struct forward *forward, size_t index)
{
	const struct handler *handler = &forward->handlers[index];

	return (struct handler_view){
		.name = handler->name,
		.target = target_name(handler->target),
		.hits = handler->hits,
		.rate_limited = handler->rate_limited,
	};
}
