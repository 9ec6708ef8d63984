#include "client/stream.h"

#include <errno.h>
#include <stdlib.h>

void stream_init(struct stream *stream, size_t limit)
{
	*stream = (struct stream){ .limit = limit };
	TAILQ_INIT(&stream->frames);
}

void stream_clear(struct stream *stream)
{
	struct waiting_frame *frame;

	while ((frame = stream_take(stream)) != NULL)
		free(frame);
}

/* What a frame of length bytes takes of the limit. */
static size_t cost(size_t length)
{
	return sizeof(struct waiting_frame) + length;
}

bool stream_could_fit(const struct stream *stream, size_t length)
{
	return stream->bytes - stream->record_bytes + cost(length) <= stream->limit;
}

struct waiting_frame *waiting_frame_new(const struct outgoing *frame)
{
	size_t length = frame->head.len + frame->text.len;
	struct waiting_frame *waiting = malloc(cost(length));

	if (waiting == NULL)
		return NULL;
	waiting->logger = frame->logger;
	waiting->type = frame->type;
	waiting->length = (uint32_t)length;
	memcpy(waiting->bytes, frame->head.ptr, frame->head.len);
	if (frame->text.len > 0)
		memcpy(waiting->bytes + frame->head.len, frame->text.ptr, frame->text.len);
	return waiting;
}

static void count_in(struct stream *stream, const struct waiting_frame *frame)
{
	stream->bytes += cost(frame->length);
	if (frame->type == FRAME_RECORD) {
		stream->records++;
		stream->record_bytes += cost(frame->length);
	}
}

int stream_append(struct stream *stream, const struct outgoing *frame)
{
	struct waiting_frame *waiting;

	if (stream->bytes + cost(frame->head.len + frame->text.len) > stream->limit)
		return -ENOBUFS;
	waiting = waiting_frame_new(frame);
	if (waiting == NULL)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&stream->frames, waiting, link);
	count_in(stream, waiting);
	if (frame->type == FRAME_RECORD && stream->oldest_record == NULL)
		stream->oldest_record = waiting;
	return 0;
}

void stream_put_back(struct stream *stream, struct waiting_frames *frames)
{
	struct waiting_frame *frame, *oldest_record = NULL;

	TAILQ_FOREACH (frame, frames, link) {
		count_in(stream, frame);
		if (oldest_record == NULL && frame->type == FRAME_RECORD)
			oldest_record = frame;
	}
	if (oldest_record != NULL)
		stream->oldest_record = oldest_record;
	TAILQ_CONCAT(frames, &stream->frames, link);
	TAILQ_CONCAT(&stream->frames, frames, link);
}

size_t stream_peek(const struct stream *stream, size_t max_bytes, struct iovec *iov_out, size_t cap)
{
	struct waiting_frame *frame;
	size_t count = 0, bytes = 0;

	TAILQ_FOREACH (frame, &stream->frames, link) {
		bytes += frame->length;
		if (count == cap || (count > 0 && bytes > max_bytes))
			break;
		iov_out[count++] = (struct iovec){ frame->bytes, frame->length };
	}
	return count;
}

static struct waiting_frame *next_record(struct waiting_frame *frame)
{
	do {
		frame = TAILQ_NEXT(frame, link);
	} while (frame != NULL && frame->type != FRAME_RECORD);
	return frame;
}

static struct waiting_frame *take(struct stream *stream, struct waiting_frame *frame)
{
	if (frame == NULL)
		return NULL;
	if (frame == stream->oldest_record)
		stream->oldest_record = next_record(frame);
	TAILQ_REMOVE(&stream->frames, frame, link);
	stream->bytes -= cost(frame->length);
	if (frame->type == FRAME_RECORD) {
		stream->records--;
		stream->record_bytes -= cost(frame->length);
	}
	return frame;
}

struct waiting_frame *stream_take(struct stream *stream)
{
	return take(stream, TAILQ_FIRST(&stream->frames));
}

struct waiting_frame *stream_take_oldest_record(struct stream *stream)
{
	return take(stream, stream->oldest_record);
}
