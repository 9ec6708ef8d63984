#include "handler.h"

#include "os/clock.h"
#include "wire/level.h"

/* Between two announcements, and from the first suppressed record to a word of it at the latest. */
#define ANNOUNCE_INTERVAL_MS 1000

struct handler handler_of(const struct handler_options *options,
			  const struct target_options *target)
{
	return (struct handler){
		.name = options->name,
		.format = {
			.kind = options->format,
			.template = options->template,
			.datagram_bytes = target_record_bytes(target),
			.oversize = target->oversize,
		},
		.facility = options->facility,
		.limit = { .rate = options->rate_limit, .burst = options->rate_burst },
	};
}

static bool is_same_limit(const struct rate_limit *a, const struct rate_limit *b)
{
	return a->rate == b->rate && a->burst == b->burst;
}

void handler_take_over(struct handler *handler, const struct handler *before, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(before[i].name, handler->name) != 0)
			continue;
		handler->hits = before[i].hits;
		handler->rate_limited = before[i].rate_limited;
		handler->announce_ms = before[i].announce_ms;
		if (is_same_limit(&handler->limit, &before[i].limit))
			handler->limit = before[i].limit; /* a reload is no fresh burst */
		return;
	}
}

void handler_announce(struct handler *handler, int64_t now_ms)
{
	if (handler->suppressed.records == 0)
		return;
	target_announce(handler->target, handler->format.kind, handler->facility,
			&handler->suppressed, handler->name);
	handler->suppressed = (struct suppression){ 0 };
	handler->announce_ms = now_ms + ANNOUNCE_INTERVAL_MS;
}

static void handler_suppress(struct handler *handler, int64_t now_ms)
{
	if (handler->suppressed.records == 0)
		handler->suppressed_ms = now_ms;
	suppression_add(&handler->suppressed, clock_realtime_us());
	handler->rate_limited++;
}

bool handler_admit(struct handler *handler, uint32_t spare)
{
	int64_t now_ms;

	handler->hits++;
	if (handler->limit.rate == 0)
		return true;
	now_ms = clock_monotonic_ms();
	if (!rate_limit_take_sparing(&handler->limit, spare, now_ms)) {
		handler_suppress(handler, now_ms);
		return false;
	}
	if (now_ms >= handler->announce_ms)
		handler_announce(handler, now_ms);
	return true;
}

bool handler_has_room(const struct handler *handler, uint32_t behind)
{
	struct rate_limit limit = handler->limit;

	return rate_limit_take_sparing(&limit, behind, clock_monotonic_ms());
}

static enum format_outcome handler_format(const struct format_options *options,
					  const struct message *message, struct output *output,
					  struct datagram *datagram_out)
{
	enum format_outcome outcome;

	do {
		outcome = format_datagram(options, message, output_timestamps(output),
					  output_scratch(output), datagram_out);
		if (outcome == FORMAT_NO_ROOM)
			output_flush(output);
	} while (outcome == FORMAT_NO_ROOM);
	return outcome;
}

/* The first part has the number that was meant for the whole. Returns how many parts it were. */
static size_t handler_push_parts(struct handler *handler, struct split *split,
				 const struct message *message, struct output *output)
{
	const size_t parts = split_left(split);
	uint32_t sequence_id = message->sequence_id;
	struct datagram datagram;

	while (split_left(split) > 0) {
		while (!split_next(split, sequence_id, output_timestamps(output),
				   output_scratch(output), &datagram))
			output_flush(output);
		target_push(handler->target, &datagram, level_severity(message->level),
			    message->logger);
		if (split_left(split) > 0)
			sequence_id = target_next_sequence(handler->target);
	}
	return parts;
}

/* Of a record that exceeds a datagram. Returns how many deliveries it was. */
static size_t handler_deliver_oversize(struct handler *handler, const struct message *message,
				       struct output *output)
{
	struct format_options options = handler->format;
	struct datagram datagram;
	struct split split;

	if (options.oversize == OVERSIZE_SPLIT) {
		output_flush(output); /* nobody borrows the text of another one any more */
		if (split_begin(&split, &options, message, output_timestamps(output),
				output_split_text(output)))
			return handler_push_parts(handler, &split, message, output);
		options.oversize = OVERSIZE_CUT;
		if (handler_format(&options, message, output, &datagram) == FORMAT_DONE) {
			target_push(handler->target, &datagram, level_severity(message->level),
				    message->logger);
			return 1;
		}
	}
	target_drop(handler->target, DROP_OVERSIZE, message->logger);
	return 1;
}

size_t handler_deliver(struct handler *handler, struct message *message, struct output *output)
{
	struct datagram datagram;

	message->facility = handler->facility;
	message->sequence_id = target_next_sequence(handler->target);
	message->has_sequence = message->sequence_id != 0;
	if (handler_format(&handler->format, message, output, &datagram) != FORMAT_DONE)
		return handler_deliver_oversize(handler, message, output);
	target_push(handler->target, &datagram, level_severity(message->level), message->logger);
	return 1;
}

size_t handler_render(const struct handler *handler, const struct message *message,
		      struct timestamp_cache *cache, struct render_space *space,
		      struct datagram *datagram_out)
{
	struct writer scratch = writer_over(space->scratch, sizeof(space->scratch));
	struct format_options options = handler->format;
	struct message shaped = *message;
	struct split split;

	shaped.facility = handler->facility;
	if (format_datagram(&options, &shaped, cache, &scratch, datagram_out) == FORMAT_DONE)
		return 1;
	if (options.oversize != OVERSIZE_SPLIT)
		return 0;
	if (split_begin(&split, &options, &shaped, cache, space->split_text)) {
		size_t parts = split_left(&split);

		return split_next(&split, 0, cache, &scratch, datagram_out) ? parts : 0;
	}
	options.oversize = OVERSIZE_CUT;
	return format_datagram(&options, &shaped, cache, &scratch, datagram_out) == FORMAT_DONE;
}

void handler_tick(struct handler *handler, int64_t now_ms)
{
	if (now_ms >= handler->announce_ms &&
	    now_ms >= handler->suppressed_ms + ANNOUNCE_INTERVAL_MS)
		handler_announce(handler, now_ms);
}
