#include "forward.h"

#include <errno.h>
#include <unistd.h>

#include "format/escape.h"
#include "os/clock.h"
#include "route/rate_limit.h"

/* A handler of the current configuration: where to, in what shape, how fast. */
struct handler {
	const char *name; /* borrowed from the configuration */
	struct target *target;
	struct format_options format;
	uint8_t facility;
	struct rate_limit limit;
	uint64_t hits, rate_limited;
};

struct forward {
	struct tree *tree;
	struct output *output;
	char host[256]; /* HOST_NAME_MAX is 64 on Linux; DNS allows 253 */
	uint32_t record_bytes;
	struct handler *handlers;
	size_t n_handlers;
	struct record_counts counts;
	forward_flushed *flushed;
	void *flushed_arg;
};

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

int forward_new(struct event_base *base, const uint8_t hash_key[static 16],
		const struct pool_options *pool, struct forward **forward_out)
{
	CLEANUP(forward_free) struct forward *forward = calloc(1, sizeof(*forward));
	int result;

	if (forward == NULL)
		return -ENOMEM;
	forward_read_host(forward);
	forward->tree = tree_new(hash_key);
	if (forward->tree == NULL)
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
	tree_free(forward->tree);
	free(forward->handlers);
	free(forward);
}

void forward_on_flushed(struct forward *forward, forward_flushed *flushed, void *arg)
{
	forward->flushed = flushed;
	forward->flushed_arg = arg;
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
		generation->handlers[i] = (struct handler){
			.name = options->name,
			.format = {
				.kind = options->format,
				.template = options->template,
				.datagram_bytes = target->datagram_bytes,
			},
			.facility = options->facility,
			.limit = { .rate = options->rate_limit, .burst = options->rate_burst },
		};
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

/* Counts of a handler outlive a reload that names it again. */
static void handler_take_counts(struct handler *handler, const struct handler *before, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(before[i].name, handler->name) == 0) {
			handler->hits = before[i].hits;
			handler->rate_limited = before[i].rate_limited;
			return;
		}
	}
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

void forward_commit(struct forward *forward, struct forward_generation *generation)
{
	const struct config *config = generation->config;

	for (size_t i = 0; i < config->n_handlers; i++)
		handler_take_counts(&generation->handlers[i], forward->handlers,
				    forward->n_handlers);
	tree_commit(forward->tree, generation->tree);
	output_commit(forward->output, generation->output, &config->pool);
	free(forward->handlers);
	forward->handlers = generation->handlers;
	forward->n_handlers = config->n_handlers;
	forward->record_bytes = config->limits.record_bytes;
	forward_bind_handlers(forward, config);
	forward_read_host(forward);
	free(generation);
}

static void forward_deliver(struct forward *forward, struct handler *handler,
			    struct message *message)
{
	struct datagram datagram;
	enum format_outcome outcome;

	message->facility = handler->facility;
	message->sequence_id = target_next_sequence(handler->target);
	message->has_sequence = message->sequence_id != 0;
	do {
		outcome = format_datagram(&handler->format, message,
					  output_timestamps(forward->output),
					  output_scratch(forward->output), &datagram);
		if (outcome == FORMAT_NO_ROOM)
			output_flush(forward->output);
	} while (outcome == FORMAT_NO_ROOM);
	if (outcome == FORMAT_TOO_LARGE)
		target_drop(handler->target, DROP_OVERSIZE);
	else
		target_push(handler->target, &datagram, level_severity(message->level));
}

/* Leaves the handlers that may take one more record now; counts what the others suppress. */
static void forward_limit(struct forward *forward, struct route *route)
{
	size_t kept = 0;

	for (size_t i = 0; i < route->n_hits; i++) {
		struct handler *handler = &forward->handlers[route->hits[i]];

		handler->hits++;
		if (handler->limit.rate == 0 ||
		    rate_limit_take(&handler->limit, clock_monotonic_ms()))
			route->hits[kept++] = route->hits[i];
		else
			handler->rate_limited++;
	}
	route->n_hits = kept;
}

/* The record's own context first, then what its place in the tree gives, each key once. */
static size_t gather_context(const struct forward *forward, const struct record *record,
			     struct span name, struct context_pair pairs[static CONTEXT_PAIRS_MAX])
{
	struct context_pair inherited[CONTEXT_PAIRS_MAX];
	size_t n_inherited;
	size_t count = record->n_context;

	if (count == 0)
		return tree_context(forward->tree, record->lease, name, pairs);
	memcpy(pairs, record->context, count * sizeof(*pairs));
	n_inherited = tree_context(forward->tree, record->lease, name, inherited);
	for (size_t i = 0; i < n_inherited && count < CONTEXT_PAIRS_MAX; i++) {
		bool known = false;

		for (size_t k = 0; k < record->n_context; k++)
			known = known || span_equal(pairs[k].key, inherited[i].key);
		if (!known)
			pairs[count++] = inherited[i];
	}
	return count;
}

static void forward_accept(struct forward *forward, const struct record *record,
			   struct route *route)
{
	struct context_pair context[CONTEXT_PAIRS_MAX];
	struct span logger = record->lease != NULL ? lease_name(record->lease) : record->logger;
	struct message message = {
		.time_us = record->time_us,
		.level = record->level,
		.pid = record->pid,
		.uid = record->uid,
		.host = span_of(forward->host),
		.app = record->app,
		.logger = logger,
		.context = context,
		.n_context = gather_context(forward, record, logger, context),
		.text = record->text,
		.original_length = record->original_length,
	};

	if (message.text.len > forward->record_bytes)
		message.text.len = escape_cut(message.text, forward->record_bytes);
	forward->counts.accepted++;
	forward->counts.deliveries += route->n_hits;
	for (size_t i = 0; i < route->n_hits; i++)
		forward_deliver(forward, &forward->handlers[route->hits[i]], &message);
}

static void forward_record(void *arg, const struct record *record)
{
	struct forward *forward = arg;
	struct route route;

	forward->counts.received++;
	if (record->lease != NULL)
		tree_route(forward->tree, record->lease, record->level, &route);
	else
		tree_route_name(forward->tree, record->logger, record->level, &route);
	if (route.filtered) {
		forward->counts.filtered++;
		return;
	}
	if (route.n_hits == 0) {
		forward->counts.no_handler++;
		return;
	}
	forward_limit(forward, &route);
	if (route.n_hits == 0)
		forward->counts.rate_limited++;
	else
		forward_accept(forward, record, &route);
}

static void forward_reject(void *arg, enum reject_reason reason)
{
	struct forward *forward = arg;

	forward->counts.received++;
	forward->counts.rejected[reason]++;
}

static void forward_client_dropped(void *arg, const struct frame_dropped *dropped)
{
	struct forward *forward = arg;

	/* a client that claims more than can be counted is taken at the most that can */
	if (__builtin_add_overflow(forward->counts.client_dropped, dropped->records,
				   &forward->counts.client_dropped))
		forward->counts.client_dropped = UINT64_MAX;
}

static void forward_flush(void *arg)
{
	struct forward *forward = arg;

	output_flush(forward->output);
	if (forward->flushed != NULL)
		forward->flushed(forward->flushed_arg);
}

static int forward_open(void *arg, struct span name, const void *owner, struct lease **lease_out)
{
	struct forward *forward = arg;

	return tree_open(forward->tree, name, owner, lease_out);
}

static void forward_close(void *arg, struct lease *lease, bool client_exit)
{
	struct forward *forward = arg;

	tree_close(forward->tree, lease, client_exit ? LEASE_CLIENT_EXIT : LEASE_RELEASED);
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

/* The entries of a level map, as many as one packet holds. */
struct level_list {
	struct level_map_entry entries[WIRE_PACKET_MAX / 4];
	uint32_t count;
	bool overflow;
};

static void level_list_add(struct span name, uint8_t level, void *arg)
{
	struct level_list *list = arg;

	if (list->count == ARRAY_LEN(list->entries))
		list->overflow = true;
	else
		list->entries[list->count++] = (struct level_map_entry){ name, level };
}

static void forward_level_map(void *arg, const void *owner, struct writer *writer)
{
	struct forward *forward = arg;
	CLEANUP(free) struct level_list *list = malloc(sizeof(*list));
	bool failed_before = writer->failed;

	if (list != NULL) {
		list->count = 0;
		list->overflow = false;
		tree_each_configured_level(forward->tree, level_list_add, list);
	}
	if (list != NULL && !list->overflow)
		frame_write_level_map(writer, tree_lease_floor(forward->tree, owner), list->entries,
				      list->count);
	if (list == NULL || list->overflow || (writer->failed && !failed_before)) {
		/* More than a packet holds: the client filters nothing, the daemon everything. */
		writer->failed = failed_before;
		frame_write_level_map(writer, 1, NULL, 0);
	}
}

uint64_t forward_level_generation(const struct forward *forward)
{
	return tree_level_generation(forward->tree);
}

static uint64_t forward_intake_generation(void *arg)
{
	return forward_level_generation(arg);
}

struct intake_ops forward_intake_ops(struct forward *forward)
{
	return (struct intake_ops){
		.open = forward_open,
		.close = forward_close,
		.set_level = forward_set_level,
		.set_context = forward_set_context,
		.record = forward_record,
		.reject = forward_reject,
		.client_dropped = forward_client_dropped,
		.flush = forward_flush,
		.level_map = forward_level_map,
		.level_generation = forward_intake_generation,
		.arg = forward,
	};
}

uint64_t forward_drain(struct forward *forward)
{
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
