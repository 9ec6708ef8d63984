#include "forward_internal.h"

#include "format/escape.h"
#include "os/clock.h"

/* How long recorded records are sent in one turn, about, and so many between two looks at the clock. */
#define PLAYBACK_US	 1000
#define PLAYBACK_RECORDS 64

const char *record_fate_name(enum record_fate fate)
{
	static const char *const names[] = {
		[RECORD_ACCEPTED] = "accepted",
		[RECORD_FILTERED] = "filtered",
		[RECORD_RATE_LIMITED] = "rate_limited",
		[RECORD_NO_HANDLER] = "no_handler",
	};

	return names[fate];
}

/* Tells who looks on. Mostly nobody does, and then this is one comparison. */
static void forward_tell(const struct forward *forward, const struct record *record,
			 enum record_fate fate, bool recorded)
{
	struct record_seen seen;

	if (forward->observer == NULL)
		return;
	seen = (struct record_seen){
		.record = record,
		.logger = record->lease != NULL ? lease_name(record->lease) : record->logger,
		.fate = fate,
		.recorded = recorded,
	};
	forward->observer(forward->observer_arg, &seen);
}

/* Leaves the handlers that may take one more record now, and have room for spare behind it. */
static void forward_limit(struct forward *forward, struct route *route, uint32_t spare)
{
	size_t kept = 0;

	for (size_t i = 0; i < route->n_hits; i++) {
		if (handler_admit(&forward->handlers[route->hits[i]], spare))
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
	for (size_t i = 0; i < route->n_hits; i++) {
		struct handler *handler = &forward->handlers[route->hits[i]];

		size_t datagrams = handler_deliver(handler, &message, forward->output);

		forward->counts.deliveries += datagrams * target_deliveries(handler->target);
	}
}

/* What a lease has recorded, on its way. */
struct playback {
	struct forward *forward;
	struct lease *lease;
	uint32_t spare; /* room in rate limits that is left for the record that triggers it */
};

/* On to the handlers that it met: a record that its level lets pass, or one of a playback. */
static void forward_pass(struct forward *forward, const struct record *record, struct route *route,
			 const struct playback *playback)
{
	bool recorded = playback != NULL;

	if (route->n_hits == 0) {
		forward->counts.no_handler++;
		forward_tell(forward, record, RECORD_NO_HANDLER, recorded);
		return;
	}
	forward_limit(forward, route, recorded ? playback->spare : 0);
	if (route->n_hits == 0) {
		forward->counts.rate_limited++;
		forward_tell(forward, record, RECORD_RATE_LIMITED, recorded);
		return;
	}
	forward_accept(forward, record, route, recorded);
	forward_tell(forward, record, RECORD_ACCEPTED, recorded);
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
	forward_pass(forward, &record, &route, playback);
}

/* The texts are about to be freed. */
static void playback_done(void *arg)
{
	const struct playback *playback = arg;

	output_flush(playback->forward->output);
}

bool forward_play_back(struct forward *forward, struct lease *lease, uint32_t spare, uint64_t *sent)
{
	struct playback playback = { forward, lease, spare };

	if (forward->playback_until_us == 0)
		forward->playback_until_us = clock_monotonic_us() + PLAYBACK_US;
	else if (clock_monotonic_us() >= forward->playback_until_us)
		return !recorder_holds(forward->recorder, lease);
	do
		*sent += recorder_send(forward->recorder, lease, PLAYBACK_RECORDS, playback_send,
				       playback_done, &playback);
	while (recorder_holds(forward->recorder, lease) &&
	       clock_monotonic_us() < forward->playback_until_us);
	return !recorder_holds(forward->recorder, lease);
}

/* What its logger has recorded goes before a record that triggers it; true when nothing is left. */
static bool forward_makes_way(struct forward *forward, const struct record *record)
{
	uint64_t sent = 0;

	return record->lease == NULL || !recorder_holds(forward->recorder, record->lease) ||
	       record->level < lease_recorder(forward->tree, record->lease).trigger ||
	       !lease_lets_pass(forward->tree, record->lease, record->level) ||
	       forward_play_back(forward, record->lease, 1, &sent);
}

bool forward_record(struct forward *forward, const struct record *record)
{
	struct route route;

	if (!forward_makes_way(forward, record))
		return false;
	forward->counts.received++;
	if (record->lease != NULL)
		tree_route(forward->tree, record->lease, record->level, &route);
	else
		tree_route_name(forward->tree, record->logger, record->level, &route);
	if (route.filtered) {
		forward->counts.filtered++;
		forward_tell(forward, record, RECORD_FILTERED, false);
		if (record->lease != NULL)
			forward_keep(forward, record);
		return true;
	}
	forward_pass(forward, record, &route, NULL);
	return true;
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
	const struct record record = {
		.logger = logger,
		.app = message.app,
		.pid = message.pid,
		.uid = message.uid,
		.time_us = message.time_us,
		.level = level,
		.text = text,
		.original_length = text.len,
	};
	enum record_fate fate;
	struct route route;

	tree_route_name(forward->tree, logger, level, &route);
	fate = route.filtered	   ? RECORD_FILTERED
	       : route.n_hits == 0 ? RECORD_NO_HANDLER
				   : RECORD_RATE_LIMITED;
	for (size_t i = 0; i < route.n_hits; i++) {
		struct handler *handler = &forward->handlers[route.hits[i]];

		if (!handler_admit(handler, 0))
			continue;
		target_count_notices(handler->target,
				     handler_deliver(handler, &message, forward->output));
		fate = RECORD_ACCEPTED;
	}
	forward_tell(forward, &record, fate, false);
	output_flush(forward->output); /* the text is borrowed for this call only */
}

static void say_of_clients(struct forward *forward, uint8_t level, const struct writer *text)
{
	forward_own_record(forward, span_of(CLIENT_ENDS_LOGGER), level, writer_span(text));
}

void forward_client_exit(struct forward *forward, const struct client_exit *exit)
{
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer text = writer_over(bytes, sizeof(bytes));

	if (!client_ends_admit(&forward->client_ends, exit, clock_monotonic_ms(),
			       clock_realtime_us()))
		return;
	client_end_write(exit, forward->user_names, &text);
	say_of_clients(forward, LEVEL_NOTICE, &text);
}

void forward_client_loss(struct forward *forward, const struct client_loss *loss)
{
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer text = writer_over(bytes, sizeof(bytes));

	if (loss->dropped.records == 0 ||
	    !client_losses_admit(&forward->client_losses, loss, clock_monotonic_ms()))
		return;
	client_loss_write(loss, forward->user_names, &text);
	say_of_clients(forward, LEVEL_WARNING, &text);
}

void forward_sum_up_clients(struct forward *forward, int64_t now_ms)
{
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer text = writer_over(bytes, sizeof(bytes));

	if (client_ends_due(&forward->client_ends, now_ms)) {
		client_ends_write(&forward->client_ends, &text);
		say_of_clients(forward, LEVEL_NOTICE, &text);
	}
	if (client_losses_due(&forward->client_losses, now_ms)) {
		text.len = 0;
		client_losses_write(&forward->client_losses, &text);
		say_of_clients(forward, LEVEL_WARNING, &text);
	}
}
