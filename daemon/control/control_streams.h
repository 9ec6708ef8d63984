/**
 * control_streams: answers that are made in slices, a line for each.
 *
 * A slice is asked for when the one before it has gone to the kernel, and in a turn of the loop
 * only one stream is asked: sixteen of them make no turn longer than one does. A reader that is
 * slow or stops stalls its own stream, which holds no more than one slice meanwhile.
 * Each line but the last is {"status":"more","result":{...}}, the last one {"status":"ok",
 * "result":{...}}, or an error when memory runs out.
 */
#ifndef LOGFWD_CONTROL_CONTROL_STREAMS_H
#define LOGFWD_CONTROL_CONTROL_STREAMS_H

#include <event2/bufferevent.h>
#include <jansson.h>
#include <stdbool.h>

#include "base/cleanup.h"

#define CONTROL_STREAMS_MAX	      16
#define CONTROL_STREAMS_STRANGERS_MAX 12 /* of them, of callers who are no operator */
#define CONTROL_LATER_MS	      50
#define CONTROL_LIST_PATIENCE_S	      10 /* for who reads nothing of a list */

/** When a stream is to be asked for its next slice. */
enum control_pace {
	CONTROL_AGAIN, /* as soon as there is room */
	CONTROL_LATER, /* in CONTROL_LATER_MS */
	CONTROL_LAST,  /* never: that was all */
};

/** An answer to be made in slices. */
struct control_stream {
	/* The "result" of the next line, owned by the caller; about a millisecond of work. NULL:
	   nothing to say by now; with CONTROL_LAST: no memory. */
	json_t *(*next)(void *state, enum control_pace *pace_out);
	/* Called once, whether the stream came to its end or not; frees state. */
	void (*end)(void *state);
	void *state;
	unsigned patience_s; /* a reader that takes nothing for so long is closed */
	bool endless;	     /* ends when its caller ends; the others go on after a half-close */
};

struct control_streams;

/** Owned; NULL without memory. */
struct control_streams *control_streams_new(struct event_base *base);
/** Ends those that are left. */
void control_streams_free(struct control_streams *streams);
DEFINE_CLEANUP(struct control_streams *, control_streams_free)

/**
 * Takes a stream whose lines go to a connection, which is borrowed until the stream is over or
 * control_streams_remove(). is_operator: of its caller. False, and nothing is taken: no place.
 */
bool control_streams_add(struct control_streams *streams, const struct control_stream *stream,
			 struct bufferevent *to, bool is_operator);

/**
 * To be called when the output of a connection has been written. False when no stream goes
 * there, or no more: nothing will follow.
 */
bool control_streams_resume(struct control_streams *streams, const struct bufferevent *to);

/** Ends the stream of a connection that goes; does nothing when it has none. */
void control_streams_remove(struct control_streams *streams, const struct bufferevent *to);

#endif
