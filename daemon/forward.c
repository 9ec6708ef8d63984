#include "forward.h"

#include <errno.h>
#include <unistd.h>

#include "client_ends.h"
#include "format/escape.h"
#include "handler.h"
#include "level_map.h"
#include "os/clock.h"
#include "os/user_names.h"

#define USERS_FILE "/etc/passwd"

struct forward {
	struct tree *tree;
	struct output *output;
	struct recorder *recorder;
	struct quota *recorder_quota;
	struct user_names *user_names;
	struct client_ends client_ends;
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

static bool recorder_take(void *arg, uid_t uid, size_t bytes)
{
	return quota_take(arg, QUOTA_RECORDER_BYTES, uid, bytes) == QUOTA_TAKEN;
}

static void recorder_release(void *arg, uid_t uid, size_t bytes)
{
	quota_release(arg, QUOTA_RECORDER_BYTES, uid, bytes);
}

/* Errors: -ENOMEM. */
static int forward_new_recorder(struct forward *forward)
{
	const struct limits none = { 0 }; /* until the first configuration */
	struct recorder_room room = { .take = recorder_take, .release = recorder_release };

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
	forward->user_names = user_names_read(USERS_FILE);
	if (forward->tree == NULL || forward->user_names == NULL ||
	    forward_new_recorder(forward) < 0)
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

/* Leaves the handlers that may take one more record now. */
static void forward_limit(struct forward *forward, struct route *route)
{
	size_t kept = 0;

	for (size_t i = 0; i < route->n_hits; i++) {
		if (handler_admit(&forward->handlers[route->hits[i]]))
			route->hits[kept++] = route->hits[i];
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
			   const struct route *route, bool recorded)
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
		.recorded = recorded,
	};

	if (message.text.len > forward->record_bytes)
		message.text.len = escape_cut(message.text, forward->record_bytes);
	forward->counts.accepted++;
	forward->counts.deliveries += route->n_hits;
	for (size_t i = 0; i < route->n_hits; i++)
		handler_deliver(&forward->handlers[route->hits[i]], &message, forward->output);
}

/* A record that its level lets pass: on to the handlers that it met. */
static void forward_pass(struct forward *forward, const struct record *record, struct route *route,
			 bool recorded)
{
	if (route->n_hits == 0) {
		forward->counts.no_handler++;
		return;
	}
	forward_limit(forward, route);
	if (route->n_hits == 0)
		forward->counts.rate_limited++;
	else
		forward_accept(forward, record, route, recorded);
}

/* One that was filtered, in case it is wanted after all. */
static void forward_keep(struct forward *forward, const struct record *record)
{
	struct recorder_rule rule = lease_recorder(forward->tree, record->lease);
	struct recorded kept;

	if (rule.records == 0)
		return;
	kept = (struct recorded){
		.time_us = record->time_us,
		.level = record->level,
		.pid = record->pid,
		.uid = record->uid,
		.app = record->app,
		.text = span_first(record->text, escape_cut(record->text, forward->record_bytes)),
		.original_length = record->original_length,
	};
	recorder_keep(forward->recorder, record->lease, rule.records, &kept);
}

struct playback {
	struct forward *forward;
	struct lease *lease;
};

static void playback_send(const struct recorded *kept, void *arg)
{
	const struct playback *playback = arg;
	struct forward *forward = playback->forward;
	const struct record record = {
		.lease = playback->lease,
		.app = kept->app,
		.pid = kept->pid,
		.uid = kept->uid,
		.time_us = kept->time_us,
		.level = kept->level,
		.text = kept->text,
		.original_length = kept->original_length,
	};
	struct route route;

	forward->counts.received++;
	forward->counts.recorded++;
	tree_route_recorded(forward->tree, record.lease, record.level, &route);
	forward_pass(forward, &record, &route, true);
}

/* The texts are about to be freed. */
static void playback_done(void *arg)
{
	const struct playback *playback = arg;

	output_flush(playback->forward->output);
}

/* Sends what was kept of a lease; returns how many records. */
static size_t forward_play_back(struct forward *forward, struct lease *lease)
{
	struct playback playback = { forward, lease };

	return recorder_send(forward->recorder, lease, playback_send, playback_done, &playback);
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
		if (record->lease != NULL)
			forward_keep(forward, record);
		return;
	}
	if (record->lease != NULL && recorder_holds(forward->recorder, record->lease) &&
	    record->level >= lease_recorder(forward->tree, record->lease).trigger)
		forward_play_back(forward, record->lease);
	forward_pass(forward, record, &route, false);
}

void forward_own_record(struct forward *forward, struct span logger, uint8_t level,
			struct span text)
{
	struct message message = {
		.time_us = clock_realtime_us(),
		.level = level,
		.pid = getpid(),
		.uid = geteuid(),
		.host = span_of(forward->host),
		.app = span_of("logfwdd"),
		.logger = logger,
		.text = text,
		.original_length = text.len,
	};
	struct route route;

	tree_route_name(forward->tree, logger, level, &route);
	for (size_t i = 0; i < route.n_hits; i++) {
		struct handler *handler = &forward->handlers[route.hits[i]];

		if (!handler_admit(handler))
			continue;
		handler_deliver(handler, &message, forward->output);
		target_count_notice(handler->target);
	}
	output_flush(forward->output); /* the text is borrowed for this call only */
}

static void forward_client_exit(void *arg, const struct client_exit *exit)
{
	struct forward *forward = arg;
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer text = writer_over(bytes, sizeof(bytes));

	if (!client_ends_admit(&forward->client_ends, exit, clock_monotonic_ms(),
			       clock_realtime_us()))
		return;
	client_end_write(exit, forward->user_names, &text);
	forward_own_record(forward, span_of(CLIENT_ENDS_LOGGER), LEVEL_NOTICE, writer_span(&text));
}

static void forward_sum_up_exits(struct forward *forward)
{
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer text = writer_over(bytes, sizeof(bytes));

	client_ends_write(&forward->client_ends, &text);
	forward_own_record(forward, span_of(CLIENT_ENDS_LOGGER), LEVEL_NOTICE, writer_span(&text));
}

void forward_tick(struct forward *forward, int64_t now_ms)
{
	for (size_t i = 0; i < forward->n_handlers; i++)
		handler_tick(&forward->handlers[i], now_ms);
	if (client_ends_due(&forward->client_ends, now_ms))
		forward_sum_up_exits(forward);
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

static size_t forward_close(void *arg, struct lease *lease, bool client_exit)
{
	struct forward *forward = arg;
	size_t sent = client_exit ? forward_play_back(forward, lease) : 0;

	recorder_forget(forward->recorder, lease);
	tree_close(forward->tree, lease, client_exit ? LEASE_CLIENT_EXIT : LEASE_RELEASED);
	return sent;
}

static void forward_prefetch(void *arg, const struct lease *lease)
{
	(void)arg;
	lease_prefetch(lease);
}

static size_t forward_context_bytes(void *arg, const struct lease *lease)
{
	(void)arg;
	return lease_context_bytes(lease);
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

static void forward_level_map(void *arg, const void *owner, struct writer *writer)
{
	const struct forward *forward = arg;

	level_map_write(forward->tree, owner, writer);
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
		.prefetch = forward_prefetch,
		.set_level = forward_set_level,
		.set_context = forward_set_context,
		.context_bytes = forward_context_bytes,
		.record = forward_record,
		.reject = forward_reject,
		.client_dropped = forward_client_dropped,
		.client_exit = forward_client_exit,
		.flush = forward_flush,
		.level_map = forward_level_map,
		.level_generation = forward_intake_generation,
		.arg = forward,
	};
}

uint64_t forward_drain(struct forward *forward)
{
	/* what else is said once a second is said now: there may be no later */
	if (client_ends_due(&forward->client_ends, INT64_MAX))
		forward_sum_up_exits(forward);
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

enum format_outcome forward_render(const struct forward *forward, size_t handler,
				   const struct message *message, struct writer *scratch,
				   struct datagram *datagram_out)
{
	const struct handler *to = &forward->handlers[handler];
	struct message shaped = *message;

	shaped.facility = to->facility;
	return format_datagram(&to->format, &shaped, output_timestamps(forward->output), scratch,
			       datagram_out);
}

bool forward_has_room(const struct forward *forward, size_t handler)
{
	return handler_has_room(&forward->handlers[handler]);
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
