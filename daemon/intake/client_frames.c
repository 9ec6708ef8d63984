#include "intake/client_internal.h"

#include <errno.h>
#include <string.h>

#include "wire/logger_name.h"

/* What the bookkeeping of a pair, and that of a first one, takes at most. */
#define CONTEXT_OVERHEAD 96

/* What one frame asks for beyond its own effect. */
enum frame_effect { FRAME_DONE, FRAME_LATER, FRAME_VIOLATION };

static void client_refuse(struct client *client, enum refusal_kind kind, enum refusal refusal,
			  uint32_t logger_id, struct writer *reply)
{
	const struct frame_error error = {
		.code = (uint16_t)refusal_code(kind, refusal),
		.logger_id = logger_id,
		.reason = span_of(refusal_text(kind, refusal)),
	};

	client->env->refusals.of[kind][refusal]++;
	frame_write_error(reply, FRAME_ERROR, &error);
}

/* What we can offer everybody. */
static uint32_t features_of(const struct client_env *env)
{
	return FEATURE_LEAVE | (env->level_page != NULL ? FEATURE_LEVEL_PAGE : 0);
}

static enum frame_effect client_hello(struct client *client, struct span body, struct writer *reply)
{
	struct frame_hello hello;
	struct frame_welcome welcome = {
		.version = WIRE_VERSION,
		.record_bytes = client->env->record_bytes,
	};

	if (client->greeted || !frame_parse_hello(body, &hello) || hello.version < WIRE_VERSION)
		return FRAME_VIOLATION;
	client->greeted = true;
	client->features = hello.features & features_of(client->env);
	if ((hello.features & FEATURE_RING) != 0 && client->env->offers_rings &&
	    client_make_ring(client))
		client->features |= FEATURE_RING;
	client->is_to_be_given = (client->features & (FEATURE_LEVEL_PAGE | FEATURE_RING)) != 0;
	welcome.features = client->features;
	client->app_length = (uint8_t)(hello.app_name.len < WIRE_APP_NAME_MAX ? hello.app_name.len
									      : WIRE_APP_NAME_MAX);
	if (client->app_length > 0)
		memcpy(client->app, hello.app_name.ptr, client->app_length);
	event_add(client->readable, NULL); /* without the timeout */
	event_remove_timer(client->readable);
	frame_write_welcome(reply, &welcome);
	client_write_level_map(client, reply);
	return FRAME_DONE;
}

/* The lease of a logger, and what it takes of the user's share; false without memory. */
static bool client_take_lease(struct client *client, const struct frame_open *open)
{
	const struct client_env *env = client->env;
	struct lease *lease;

	if (env->ops.open(env->ops.arg, open->name, client, &lease) == 0) {
		if (lease_table_add(&client->leases, open->logger_id, lease) == 0)
			return true;
		(void)env->ops.close(env->ops.arg, lease, false); /* nothing was recorded */
	}
	quota_release(env->quota, QUOTA_LOGGERS, client->uid, 1);
	return false;
}

static enum refusal client_open_logger(struct client *client, const struct frame_open *open)
{
	enum refusal refused = refusal_of_name(logger_name_check(open->name));

	if (refused == REFUSAL_NONE)
		refused = refusal_of_quota(
			quota_take(client->env->quota, QUOTA_LOGGERS, client->uid, 1));
	if (refused == REFUSAL_NONE && !client_take_lease(client, open))
		refused = REFUSAL_MEMORY;
	return refused;
}

static enum frame_effect client_open(struct client *client, struct span body, struct writer *reply)
{
	enum refusal refused;
	struct frame_open open;

	if (!frame_parse_open(body, &open) ||
	    lease_table_find(&client->leases, open.logger_id) != NULL)
		return FRAME_VIOLATION;
	refused = client_open_logger(client, &open);
	if (refused != REFUSAL_NONE)
		client_refuse(client, REFUSED_LOGGER, refused, open.logger_id, reply);
	return FRAME_DONE;
}

/* A logger that was refused is still closed, told its level and so on: that is no mistake. */
static enum frame_effect client_close(struct client *client, struct span body, struct writer *reply)
{
	struct frame_close close;
	struct lease *lease;

	(void)reply;
	if (!frame_parse_close(body, &close))
		return FRAME_VIOLATION;
	lease = lease_table_remove(&client->leases, close.logger_id);
	if (lease != NULL)
		(void)client_give_back(client, lease, false); /* what was recorded is forgotten */
	return FRAME_DONE;
}

static enum frame_effect client_record(struct client *client, struct span body,
				       struct writer *reply)
{
	const struct intake_ops *ops = &client->env->ops;
	struct frame_record frame;
	struct record record;

	(void)reply;
	if (!frame_parse_record(body, &frame))
		return FRAME_VIOLATION;
	record = (struct record){
		.lease = lease_table_find(&client->leases, frame.logger_id),
		.app = span_of_bytes(client->app, client->app_length),
		.pid = client->pid,
		.uid = client->uid,
		.time_us = frame.time_us,
		.level = frame.level,
		.text = frame.text,
		.original_length = frame.original_length,
	};
	if (record.lease == NULL)
		ops->reject(ops->arg, REJECT_UNKNOWN_LOGGER);
	else if (!ops->record(ops->arg, &record))
		return FRAME_LATER;
	client->records++;
	return FRAME_DONE;
}

static enum frame_effect client_set_level(struct client *client, struct span body,
					  struct writer *reply)
{
	const struct intake_ops *ops = &client->env->ops;
	struct frame_set_level set_level;
	struct lease *lease;

	(void)reply;
	if (!frame_parse_set_level(body, &set_level))
		return FRAME_VIOLATION;
	lease = lease_table_find(&client->leases, set_level.logger_id);
	if (lease != NULL)
		ops->set_level(ops->arg, lease, set_level.level);
	return FRAME_DONE;
}

/*
 * Sets a pair within the bounds on memory: what it may take at most is asked for before, and
 * given back but for what it has taken.
 */
static enum refusal client_set_context(struct client *client, struct lease *lease,
				       const struct frame_context *context)
{
	const struct intake_ops *ops = &client->env->ops;
	struct quota *quota = client->env->quota;
	size_t before = ops->context_bytes(ops->arg, lease);
	size_t most = CONTEXT_OVERHEAD + context->pair.key.len + context->pair.value.len;
	enum refusal refused;
	int result;

	if (!context->set)
		most = 0;
	refused = refusal_of_quota(quota_take(quota, QUOTA_CONTEXT_BYTES, client->uid, most));
	if (refused != REFUSAL_NONE)
		return refused;
	result = ops->set_context(ops->arg, lease, &context->pair, context->set);
	quota_release(quota, QUOTA_CONTEXT_BYTES, client->uid,
		      before + most - ops->context_bytes(ops->arg, lease));
	if (result == -E2BIG)
		return REFUSAL_PAIRS;
	return result < 0 ? REFUSAL_MEMORY : REFUSAL_NONE;
}

/* What is wrong with a pair by itself. */
static enum refusal pair_fault(const struct context_pair *pair)
{
	if (!context_key_is_valid(pair->key))
		return REFUSAL_KEY;
	return pair->value.len > CONTEXT_VALUE_MAX ? REFUSAL_VALUE : REFUSAL_NONE;
}

static enum frame_effect client_context(struct client *client, struct span body,
					struct writer *reply)
{
	struct frame_context context;
	enum refusal refused;
	struct lease *lease;

	if (!frame_parse_context(body, &context))
		return FRAME_VIOLATION;
	lease = lease_table_find(&client->leases, context.logger_id);
	if (lease == NULL)
		return FRAME_DONE;
	refused = pair_fault(&context.pair);
	if (refused == REFUSAL_NONE)
		refused = client_set_context(client, lease, &context);
	if (refused != REFUSAL_NONE)
		client_refuse(client, REFUSED_CONTEXT, refused, context.logger_id, reply);
	return FRAME_DONE;
}

static enum frame_effect client_dropped(struct client *client, struct span body,
					struct writer *reply)
{
	const struct intake_ops *ops = &client->env->ops;
	struct client_loss loss = {
		.pid = client->pid,
		.uid = client->uid,
		.app = span_of_bytes(client->app, client->app_length),
	};

	(void)reply;
	if (!frame_parse_dropped(body, &loss.dropped))
		return FRAME_VIOLATION;
	if (__builtin_add_overflow(client->dropped, loss.dropped.records, &client->dropped))
		client->dropped = UINT64_MAX; /* a claim beyond what can be counted */
	ops->client_dropped(ops->arg, &loss);
	return FRAME_DONE;
}

static enum frame_effect client_flush(struct client *client, struct span body, struct writer *reply)
{
	struct frame_flush flush;

	(void)client;
	if (!frame_parse_flush(body, &flush))
		return FRAME_VIOLATION;
	frame_write_flush(reply, FRAME_FLUSHED, &flush);
	return FRAME_DONE;
}

/* Its leases are given back in slices, as those of one that is gone. */
static enum frame_effect client_leave(struct client *client, struct span body, struct writer *reply)
{
	(void)reply;
	if ((client->features & FEATURE_LEAVE) == 0 || !frame_parse_leave(body))
		return FRAME_VIOLATION;
	client->has_left = true;
	return FRAME_DONE;
}

/*
 * The first one is the last of its words by socket; the others wake us. Before the welcome has gone
 * it can have mapped nothing.
 */
static enum frame_effect client_use_ring(struct client *client, struct span body,
					 struct writer *reply)
{
	(void)reply;
	if ((client->features & FEATURE_RING) == 0 || !frame_parse_ring(body))
		return FRAME_VIOLATION;
	if (!client->ring.in_use && (client->is_to_be_given || !client_ring_begin(&client->ring)))
		return FRAME_VIOLATION;
	client->env->rings.wakings++;
	return FRAME_DONE;
}

typedef enum frame_effect frame_handler(struct client *client, struct span body,
					struct writer *reply);

static frame_handler *handler_of(uint16_t type)
{
	static frame_handler *const handlers[] = {
		[FRAME_HELLO] = client_hello,	      [FRAME_OPEN] = client_open,
		[FRAME_CLOSE] = client_close,	      [FRAME_RECORD] = client_record,
		[FRAME_SET_LEVEL] = client_set_level, [FRAME_CONTEXT] = client_context,
		[FRAME_DROPPED] = client_dropped,     [FRAME_FLUSH] = client_flush,
		[FRAME_LEAVE] = client_leave,	      [FRAME_RING] = client_use_ring,
	};

	return type < ARRAY_LEN(handlers) ? handlers[type] : NULL;
}

const char *client_take_packet(struct client *client, struct span *packet, struct writer *reply)
{
	struct span rest = *packet;
	struct frame frame;
	enum frame_take_result result;

	while ((result = frame_take(&rest, &frame)) == FRAME_TAKEN) {
		frame_handler *handler = handler_of(frame.type);
		enum frame_effect effect;

		if (handler == NULL)
			return "a frame of unknown type";
		if (!client->greeted && handler != client_hello)
			return "the first frame must be a hello";
		if (client->has_left)
			return "a frame behind the one that leaves";
		if (client->ring.in_use && (handler == client_use_ring) == client->reads_ring)
			return "a frame by socket that belongs into the ring, or the reverse";
		effect = handler(client, frame.body, reply);
		if (effect == FRAME_VIOLATION)
			return "a frame that does not parse or is out of place";
		if (effect == FRAME_LATER)
			return NULL;
		*packet = rest;
		if (writer_room(reply) < CLIENT_ANSWER_MAX && !client_send(client, reply))
			return "it does not read its answers";
	}
	return result == FRAME_BROKEN ? "a torn frame" : NULL;
}
