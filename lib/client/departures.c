#include "client/departures.h"

#include <stdlib.h>

#include "client/loggers.h"

static struct span body_of(const struct waiting_frame *frame)
{
	return span_drop(waiting_frame_span(frame), WIRE_HEADER_BYTES);
}

static bool is_change(enum frame_type type)
{
	return type == FRAME_SET_LEVEL || type == FRAME_CONTEXT;
}

void departure_begins(const struct outgoing *frame)
{
	if (frame->logger == NULL)
		return;
	frame->logger->frames_waiting++;
	frame->logger->changes_waiting += is_change(frame->type);
}

/* The daemon knows these pairs now. Takes the reference. */
static void context_is_told(struct logfwd_logger *logger, struct pairs *told)
{
	pairs_unref(logger->told_context);
	logger->told_context = told;
}

/* A change has reached the daemon: what it has been told follows. */
static void change_has_left(struct logfwd_logger *logger, const struct waiting_frame *frame)
{
	struct frame_set_level set_level;
	struct frame_context context;
	struct pairs *told;

	/* Not from the application's level: it has none when it has closed the logger. */
	if (frame->type == FRAME_SET_LEVEL && frame_parse_set_level(body_of(frame), &set_level))
		logger->told_level = set_level.level;
	if (--logger->changes_waiting == 0) {
		context_is_told(logger, pairs_ref(logger->context));
		return;
	}
	if (frame->type != FRAME_CONTEXT || !frame_parse_context(body_of(frame), &context))
		return;
	if (pairs_with(logger->told_context, &context.pair, context.set, &told) < 0)
		told = pairs_ref(logger->context); /* without memory: as good as it gets */
	context_is_told(logger, told);
}

void departure_ends(struct waiting_frame *frame)
{
	struct logfwd_logger *logger = frame->logger;

	if (logger != NULL) {
		logger->frames_waiting--;
		if (is_change(frame->type))
			change_has_left(logger, frame);
		if (frame->type == FRAME_CLOSE)
			loggers_remove(logger);
		else
			loggers_remove_if_done(logger);
	}
	free(frame);
}

void departure_fails(struct logfwd_client *client, struct waiting_frame *frame)
{
	struct frame_record record;

	if (frame->type == FRAME_RECORD && frame_parse_record(body_of(frame), &record))
		client_lose_record(client, record.time_us);
	departure_ends(frame);
}

/* Of the frames kept beside the ring, all up to that byte. */
static void end_kept(struct logfwd_client *client, uint64_t end)
{
	struct waiting_frame *frame;

	while ((frame = shared_ring_take_kept(&client->ring, end)) != NULL)
		departure_ends(frame);
}

void departures_look(struct logfwd_client *client)
{
	if (!TAILQ_EMPTY(&client->ring.passed))
		end_kept(client, ring_consumed(&client->ring.producer));
}

static void take_back_record(struct logfwd_client *client, struct span frame, struct span body,
			     struct waiting_frames *back)
{
	struct outgoing again = { .type = FRAME_RECORD, .head = frame };
	struct frame_record record;
	struct waiting_frame *waiting;

	if (!frame_parse_record(body, &record))
		return;
	client->counts.sent--;
	again.logger = loggers_find(client, record.logger_id);
	waiting = waiting_frame_new(&again);
	if (waiting == NULL) {
		client_lose_record(client, record.time_us);
		return;
	}
	departure_begins(&again);
	TAILQ_INSERT_TAIL(back, waiting, link);
}

/* As if the report had not been made. */
static void take_back_losses(struct logfwd_client *client, struct span body)
{
	struct losses *losses = &client->losses;
	struct frame_dropped dropped;

	if (!frame_parse_dropped(body, &dropped))
		return;
	if (losses->records == 0 || dropped.first_us < losses->first_us)
		losses->first_us = dropped.first_us;
	if (losses->records == 0 || dropped.last_us > losses->last_us)
		losses->last_us = dropped.last_us;
	losses->records += dropped.records;
}

/*
 * What is kept beside the ring goes before what its bytes say. What else there is needs not be sent
 * again: who asked for a flush asks the next daemon, and every logger is registered there.
 */
static void take_back(struct logfwd_client *client, struct waiting_frames *back)
{
	uint64_t end;
	struct span rest = shared_ring_take_back(&client->ring, &end);
	struct span before = rest;
	struct frame frame;

	end_kept(client, end - rest.len);
	for (; frame_take(&rest, &frame) == FRAME_TAKEN; before = rest) {
		struct waiting_frame *kept = shared_ring_take_kept(&client->ring, end - rest.len);

		if (kept != NULL)
			TAILQ_INSERT_TAIL(back, kept, link);
		else if (frame.type == FRAME_RECORD)
			take_back_record(client, span_first(before, before.len - rest.len),
					 frame.body, back);
		else if (frame.type == FRAME_DROPPED)
			take_back_losses(client, frame.body);
	}
	end_kept(client, end); /* none, but where the daemon has written into the frames */
}

void departures_take_back(struct logfwd_client *client)
{
	struct waiting_frames back = TAILQ_HEAD_INITIALIZER(back);

	if (client->ring.in_use)
		take_back(client, &back);
	shared_ring_detach(&client->ring);
	stream_put_back(&client->stream, &back);
}
