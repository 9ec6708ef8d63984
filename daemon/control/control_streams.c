#include "control/control_streams.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdint.h>

#include "control/json_line.h"
#include "control/verbs.h"
#include "os/clock.h"

#define NOT_BY_TIME INT64_MAX /* its output must be written first */

DEFINE_CLEANUP(json_t *, json_decref)

struct running {
	struct control_stream stream;
	struct bufferevent *to; /* borrowed */
	bool is_operator;
	int64_t due_ms;
};

struct control_streams {
	struct event *turn;
	struct running running[CONTROL_STREAMS_MAX];
	size_t count;
	size_t first; /* who is looked at first in the next turn */
};

static int64_t wait_of(const struct running *running, int64_t now_ms)
{
	if (evbuffer_get_length(bufferevent_get_output(running->to)) > 0)
		return NOT_BY_TIME;
	return running->due_ms > now_ms ? running->due_ms - now_ms : 0;
}

/* A timer also when it is at once: an event that activates itself would run in the same turn. */
static void arm(struct control_streams *streams)
{
	int64_t now_ms = clock_monotonic_ms();
	int64_t wait_ms = NOT_BY_TIME;
	struct timeval wait;

	for (size_t i = 0; i < streams->count; i++) {
		int64_t one_ms = wait_of(&streams->running[i], now_ms);

		if (one_ms < wait_ms)
			wait_ms = one_ms;
	}
	if (wait_ms == NOT_BY_TIME) {
		event_del(streams->turn);
		return;
	}
	wait = (struct timeval){ .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };
	evtimer_add(streams->turn, &wait);
}

static void end_at(struct control_streams *streams, size_t at)
{
	struct control_stream stream = streams->running[at].stream;

	streams->running[at] = streams->running[--streams->count];
	stream.end(stream.state);
}

/* Takes the result; NULL stands for no memory. */
static json_t *line_of(json_t *result, enum control_pace pace)
{
	if (result == NULL)
		return verbs_error("failed", "logfwdd is out of memory");
	return json_pack("{s:s, s:o}", "status", pace == CONTROL_LAST ? "ok" : "more", "result",
			 result);
}

/* Asks a stream for its next slice; ends it if that was the last. */
static void give(struct control_streams *streams, size_t at)
{
	struct running *running = &streams->running[at];
	struct bufferevent *to = running->to;
	enum control_pace pace = CONTROL_LAST;
	json_t *result = running->stream.next(running->stream.state, &pace);
	bool silent = result == NULL && pace != CONTROL_LAST;
	CLEANUP(json_decref) json_t *line = silent ? NULL : line_of(result, pace);
	int error = silent ? 0 : json_line_add(bufferevent_get_output(to), line, SIZE_MAX);

	running->due_ms = pace == CONTROL_LATER ? clock_monotonic_ms() + CONTROL_LATER_MS : 0;
	if (error == 0 && pace != CONTROL_LAST)
		return;
	end_at(streams, at);
	if (error < 0) /* nothing is written that would tell the connection */
		bufferevent_trigger(to, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct control_streams *streams = arg;
	int64_t now_ms = clock_monotonic_ms();

	(void)fd;
	(void)what;
	for (size_t i = 0; i < streams->count; i++) {
		size_t at = (streams->first + i) % streams->count;

		if (wait_of(&streams->running[at], now_ms) == 0) {
			streams->first = at + 1;
			give(streams, at);
			break;
		}
	}
	arm(streams);
}

struct control_streams *control_streams_new(struct event_base *base)
{
	CLEANUP(control_streams_free) struct control_streams *streams = calloc(1, sizeof(*streams));

	if (streams == NULL)
		return NULL;
	streams->turn = evtimer_new(base, on_turn, streams);
	return streams->turn == NULL ? NULL : move_ptr(streams);
}

void control_streams_free(struct control_streams *streams)
{
	if (streams == NULL)
		return;
	while (streams->count > 0)
		end_at(streams, streams->count - 1);
	if (streams->turn != NULL)
		event_free(streams->turn);
	free(streams);
}

bool control_streams_add(struct control_streams *streams, const struct control_stream *stream,
			 struct bufferevent *to, bool is_operator)
{
	size_t strangers = 0;

	for (size_t i = 0; i < streams->count; i++)
		strangers += streams->running[i].is_operator ? 0 : 1;
	if (streams->count == CONTROL_STREAMS_MAX ||
	    (!is_operator && strangers == CONTROL_STREAMS_STRANGERS_MAX))
		return false;
	streams->running[streams->count++] = (struct running){
		.stream = *stream,
		.to = to,
		.is_operator = is_operator,
	};
	arm(streams);
	return true;
}

bool control_streams_resume(struct control_streams *streams, const struct bufferevent *to)
{
	for (size_t i = 0; i < streams->count; i++) {
		if (streams->running[i].to == to) {
			arm(streams);
			return true;
		}
	}
	return false;
}

void control_streams_remove(struct control_streams *streams, const struct bufferevent *to)
{
	for (size_t i = 0; i < streams->count; i++) {
		if (streams->running[i].to == to) {
			end_at(streams, i);
			return;
		}
	}
}
