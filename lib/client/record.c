#include <logfwd.h>

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "client/clock.h"
#include "client/inside.h"
#include "client/link.h"
#include "client/logger.h"
#include "wire/level.h"

#define STACK_TEXT_BYTES 1024 /* a formatted text that is longer takes memory from the heap */

/* How much of the text to keep: limit bytes, less where that would split a UTF-8 sequence. */
static size_t cut_length(struct span text, size_t limit)
{
	size_t cut = limit;

	if (text.len <= limit)
		return text.len;
	while (cut > 0 && limit - cut < 3 && (text.ptr[cut] & 0xc0) == 0x80)
		cut--;
	return (text.ptr[cut] & 0xc0) == 0x80 ? limit : cut;
}

/* Places the frame, within the time that the client may wait for room. */
static int place(struct logfwd_logger *logger, const struct outgoing *frame, int64_t deadline_ms)
{
	struct logfwd_client *client = logger->client;
	bool was_open;
	int error;

	do {
		link_pump(client);
		if (logger->is_refused)
			return -ENOBUFS;
		was_open = connection_is_open(&client->connection);
		error = link_submit(client, frame);
	} while (error == -ENOBUFS && client_wait(client, deadline_ms));
	if (error == -ENOBUFS && client->when_full == LOGFWD_DROP_OLDEST &&
	    stream_could_fit(&client->stream, frame->head.len + frame->text.len)) {
		while ((error = link_submit(client, frame)) == -ENOBUFS)
			link_drop_oldest(client);
	}
	if (was_open && !connection_is_open(&client->connection))
		link_pump(client); /* the next daemon may be there already */
	return error;
}

/* In a signal handler inside another call: the record is lost, and counted as soon as that is done. */
static int refuse(struct logfwd_client *client, int64_t time_us)
{
	client_refuse_record(client, time_us);
	return -EDEADLK;
}

static int submit(struct logfwd_logger *logger, int level, struct span text, size_t original_length)
{
	struct logfwd_client *client = logger->client;
	int64_t deadline_ms = client->wait_ms == 0 ? 0 : clock_ms() + client->wait_ms;
	size_t limit = atomic_load_explicit(&client->record_bytes, memory_order_relaxed);
	uint8_t bytes[WIRE_RECORD_OVERHEAD];
	struct writer head = writer_over(bytes, sizeof(bytes));
	struct frame_record record = {
		.logger_id = logger->id,
		.time_us = clock_wall_us(),
		.level = (uint8_t)level,
		.original_length =
			original_length < UINT32_MAX ? (uint32_t)original_length : UINT32_MAX,
		.text = span_first(text, cut_length(text, limit)),
	};
	struct outgoing frame = { .type = FRAME_RECORD, .logger = logger, .text = record.text };
	struct client_hold hold;
	int error;

	if (!client_enter(client, &hold))
		return refuse(client, record.time_us);
	frame_write_record_head(&head, &record);
	frame.head = writer_span(&head);
	client->counts.records++;
	error = place(logger, &frame, deadline_ms);
	if (error < 0)
		client_lose_record(client, record.time_us);
	client_leave(client, hold);
	return error < 0 ? -ENOBUFS : 0;
}

/* Not exact when threads share a logger: see struct logfwd_logger. */
static void count_filtered(struct logfwd_logger *logger)
{
	uint64_t filtered = atomic_load_explicit(&logger->filtered, memory_order_relaxed);

	atomic_store_explicit(&logger->filtered, filtered + 1, memory_order_relaxed);
}

/*
 * Returns 1 when a record is to be made, 0 when the level is disabled, or -EINVAL. Inline, and
 * with nothing but loads and comparisons in the usual case: this is all that a disabled call does.
 */
static inline int begin(struct logfwd_logger *logger, int level)
{
	if (logger == NULL || level < 1 || level > LEVEL_MAX)
		return -EINVAL;
	if (logger_is_enabled(logger, level))
		return 1;
	count_filtered(logger);
	return 0;
}

/* A signal handler that logs must not ask for memory inside malloc() or free(): inside.h. */
static char *text_new(size_t bytes)
{
	char *text;

	inside_begin();
	text = malloc(bytes);
	inside_end();
	return text;
}

static void text_free(char *text)
{
	inside_begin();
	free(text);
	inside_end();
}

DEFINE_CLEANUP(char *, text_free)

/* Formats again, into the heap, what turned out to be length bytes long. */
__attribute__((format(printf, 3, 0))) static int submit_long(struct logfwd_logger *logger,
							     int level, const char *format,
							     va_list args, size_t length)
{
	size_t limit = atomic_load_explicit(&logger->client->record_bytes, memory_order_relaxed);
	/* One byte more than is sent, to see whether the cut splits a character. */
	size_t kept = length <= limit ? length : limit + 1;
	CLEANUP(text_free) char *text = text_new(kept + 1);

	if (text == NULL)
		return -ENOMEM;
	if (vsnprintf(text, kept + 1, format, args) < 0)
		return -EINVAL;
	return submit(logger, level, span_of_bytes(text, kept), length);
}

__attribute__((format(printf, 3, 0))) static int format_and_submit(struct logfwd_logger *logger,
								   int level, const char *format,
								   va_list args)
{
	char text[STACK_TEXT_BYTES];
	int errno_kept = errno;
	va_list again;
	int length, error;

	if (inside_is())
		return refuse(logger->client, clock_wall_us());
	va_copy(again, args);
	length = format == NULL ? -1 : vsnprintf(text, sizeof(text), format, args);
	if (length < 0)
		error = -EINVAL;
	else if ((size_t)length < sizeof(text))
		error = submit(logger, level, span_of_bytes(text, (size_t)length), (size_t)length);
	else
		error = submit_long(logger, level, format, again, (size_t)length);
	va_end(again);
	if (error == -ENOMEM) /* the beginning is better than nothing */
		error = submit(logger, level, span_of_bytes(text, sizeof(text) - 1),
			       (size_t)length);
	errno = errno_kept;
	return error;
}

int logfwd_vlog(struct logfwd_logger *logger, int level, const char *format, va_list args)
{
	int result = begin(logger, level);

	return result == 1 ? format_and_submit(logger, level, format, args) : result;
}

int logfwd_log(struct logfwd_logger *logger, int level, const char *format, ...)
{
	int result = begin(logger, level);
	va_list args;

	if (result != 1)
		return result;
	va_start(args, format);
	result = format_and_submit(logger, level, format, args);
	va_end(args);
	return result;
}

int logfwd_write(struct logfwd_logger *logger, int level, const void *text, size_t length)
{
	int result;

	if (text == NULL && length > 0)
		return -EINVAL;
	result = begin(logger, level);
	return result == 1 ? submit(logger, level, span_of_bytes(text, length), length) : result;
}
