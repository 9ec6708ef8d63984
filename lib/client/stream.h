/**
 * stream: the frames that wait for the daemon, whole, in order, and bounded in bytes.
 *
 * In the normal state it is empty: a call hands its frame to the socket itself. Frames wait
 * while there is no connection, or while the socket takes no more. Only records may be
 * dropped for room; all else that a daemon must learn stays until it has left.
 * Pure: no clock, no I/O.
 */
#ifndef LOGFWD_CLIENT_STREAM_H
#define LOGFWD_CLIENT_STREAM_H

#include <sys/queue.h>
#include <sys/uio.h>

#include "base/span.h"
#include "wire/frame.h"

struct logfwd_logger;

/** A frame on its way out: an encoded head, and behind it the text of a record. */
struct outgoing {
	enum frame_type type;
	struct logfwd_logger *logger; /* whom it concerns; NULL: nobody in particular */
	struct span head;
	struct span text; /* empty but for FRAME_RECORD */
};

/** A frame that waits. Once it is taken out, its taker owns it and free()s it. */
struct waiting_frame {
	TAILQ_ENTRY(waiting_frame) link;
	struct logfwd_logger *logger; /* as given; never looked into here */
	enum frame_type type;
	uint32_t length; /* bytes of the frame, header included */
	uint64_t end;	 /* of one in a ring: client/shared_ring.h */
	uint8_t bytes[];
};

TAILQ_HEAD(waiting_frames, waiting_frame);

/** A copy of the frame; its caller owns it and free()s it. NULL: no memory. */
struct waiting_frame *waiting_frame_new(const struct outgoing *frame);

struct stream {
	struct waiting_frames frames;
	struct waiting_frame *oldest_record; /* NULL: no record waits */
	size_t limit;			     /* of bytes */
	size_t bytes;	     /* of memory that the frames take, bookkeeping included */
	size_t record_bytes; /* of these, what records take */
	uint64_t records;
};

/** limit: bytes of memory that frames may take. */
void stream_init(struct stream *stream, size_t limit);
/** Frees all that waits. */
void stream_clear(struct stream *stream);

static inline bool stream_is_empty(const struct stream *stream)
{
	return TAILQ_EMPTY(&stream->frames);
}

/** True when so many records could be dropped that a frame of length bytes would fit. */
bool stream_could_fit(const struct stream *stream, size_t length);

/** Appends a copy of the frame. Errors: -ENOBUFS (over the limit), -ENOMEM. */
int stream_append(struct stream *stream, const struct outgoing *frame);

/** Puts frames before all others, whatever the limit; the stream owns them, and the list is empty. */
void stream_put_back(struct stream *stream, struct waiting_frames *frames);

/**
 * Fills iov_out with the first frames, one each: as many as fit cap (>= 1) and max_bytes
 * together, and at least one. Borrowed until the stream changes. Returns their number.
 */
size_t stream_peek(const struct stream *stream, size_t max_bytes, struct iovec *iov_out,
		   size_t cap);

/** Takes the first frame out; NULL when there is none. */
struct waiting_frame *stream_take(struct stream *stream);
/** Takes the longest waiting record out, from behind whatever stands before it. */
struct waiting_frame *stream_take_oldest_record(struct stream *stream);

static inline struct span waiting_frame_span(const struct waiting_frame *frame)
{
	return span_of_bytes(frame->bytes, frame->length);
}

#endif
