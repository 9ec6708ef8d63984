#include "client/link.h"

#include <errno.h>
#include <stdlib.h>

#include "client/clock.h"
#include "client/input.h"
#include "client/loggers.h"

/* A packet is filled up to here; what is larger goes alone. */
#define PACKET_FILL_BYTES  (32 * 1024)
#define PACKET_FILL_FRAMES 128

void link_lose(struct logfwd_client *client, int64_t hold_ms)
{
	connection_lose(&client->connection, clock_ms(), hold_ms);
	level_page_detach(&client->level_page);
	client->is_welcome = false;
	client->is_stalled = false;
	loggers_unregister_all(client);
}

/* Returns 0, or -EAGAIN, or -EMSGSIZE; any other error has lost the connection. */
static int send_packet(struct logfwd_client *client, struct iovec *iov, size_t count)
{
	int error = connection_send(&client->connection, iov, count);

	client->is_stalled = error == -EAGAIN;
	if (error == 0 || error == -EAGAIN || error == -EMSGSIZE)
		return error;
	input_read(client); /* the daemon may have said why */
	if (connection_is_open(&client->connection))
		link_lose(client, 0);
	return error;
}

static void say_hello(struct logfwd_client *client)
{
	struct writer packet = writer_over(client->packet, sizeof(client->packet));
	struct frame_hello hello = {
		.version = WIRE_VERSION,
		.features = FEATURES_OFFERED,
		.app_name = span_of(client->app_name),
	};
	struct iovec iov;

	frame_write_hello(&packet, &hello);
	iov = (struct iovec){ packet.ptr, packet.len };
	if (send_packet(client, &iov, 1) != 0 && connection_is_open(&client->connection))
		link_lose(client, 0); /* a fresh socket that does not take a greeting is no good */
}

static bool connect_link(struct logfwd_client *client)
{
	if (connection_is_open(&client->connection))
		return true;
	if (!connection_try(&client->connection, clock_ms()))
		return false;
	client->counts.connected++;
	client_levels_changed(client); /* without a daemon, own levels had to do */
	say_hello(client);
	return connection_is_open(&client->connection);
}

/* All that a daemon must know of a logger, as it was before the frames that wait. */
static void write_registration(struct writer *packet, const struct logfwd_logger *logger)
{
	frame_write_open(packet, &(struct frame_open){ logger->id, name_span(logger->name) });
	if (logger->told_level != 0)
		frame_write_set_level(packet,
				      &(struct frame_set_level){ logger->id, logger->told_level });
	for (size_t i = 0; i < pairs_count(logger->told_context); i++) {
		struct frame_context context = {
			.logger_id = logger->id,
			.set = true,
			.pair = pairs_at(logger->told_context, i),
		};

		frame_write_context(packet, &context);
	}
}

/*
 * Fills a packet with whole registrations, from the head of the queue. Returns how many.
 * One alone may exceed PACKET_FILL_BYTES a little: CONTEXT_PAIRS_MAX pairs make 34 KiB.
 */
static size_t fill_with_registrations(struct logfwd_client *client, struct writer *packet)
{
	struct logfwd_logger *logger;
	size_t count = 0;

	TAILQ_FOREACH (logger, &client->unregistered, unregistered_link) {
		size_t length = packet->len;

		write_registration(packet, logger);
		if (count > 0 && packet->len > PACKET_FILL_BYTES) {
			packet->len = length;
			break;
		}
		count++;
	}
	return count;
}

/* Returns true when no logger is left to be registered. */
static bool register_loggers(struct logfwd_client *client)
{
	while (!TAILQ_EMPTY(&client->unregistered)) {
		struct writer packet = writer_over(client->packet, sizeof(client->packet));
		size_t count = fill_with_registrations(client, &packet);
		struct iovec iov = { packet.ptr, packet.len };

		if (send_packet(client, &iov, 1) != 0)
			return false;
		while (count-- > 0)
			loggers_set_registered(TAILQ_FIRST(&client->unregistered));
		if (!TAILQ_EMPTY(&client->unregistered))
			input_read(client); /* each of them may have been refused */
		if (!connection_is_open(&client->connection))
			return false;
	}
	return true;
}

/* A change has reached the daemon: what it has been told follows. */
static void change_has_left(struct logfwd_logger *logger, const struct waiting_frame *frame)
{
	struct span body = span_drop(waiting_frame_span(frame), WIRE_HEADER_BYTES);
	struct frame_set_level set_level;
	struct frame_context context;
	struct pairs *told;

	if (--logger->changes_waiting == 0) {
		loggers_changes_told(logger);
		return;
	}
	if (frame->type == FRAME_SET_LEVEL && frame_parse_set_level(body, &set_level))
		logger->told_level = set_level.level;
	if (frame->type != FRAME_CONTEXT || !frame_parse_context(body, &context))
		return;
	if (pairs_with(logger->told_context, &context.pair, context.set, &told) < 0)
		told = pairs_ref(logger->context); /* without memory: as good as it gets */
	pairs_unref(logger->told_context);
	logger->told_context = told;
}

/* Takes ownership of a frame that was taken out of the stream, sent or dropped. */
static void frame_has_left(struct waiting_frame *frame)
{
	struct logfwd_logger *logger = frame->logger;

	if (logger != NULL) {
		logger->frames_waiting--;
		if (frame->type == FRAME_SET_LEVEL || frame->type == FRAME_CONTEXT)
			change_has_left(logger, frame);
		if (frame->type == FRAME_CLOSE)
			loggers_remove(logger);
		else
			loggers_remove_if_done(logger);
	}
	free(frame);
}

static void drop_frame(struct logfwd_client *client, struct waiting_frame *frame)
{
	struct span body = span_drop(waiting_frame_span(frame), WIRE_HEADER_BYTES);
	struct frame_record record;

	if (frame->type == FRAME_RECORD && frame_parse_record(body, &record))
		client_lose_record(client, record.time_us);
	frame_has_left(frame);
}

void link_drop_oldest(struct logfwd_client *client)
{
	struct waiting_frame *frame = stream_take_oldest_record(&client->stream);

	if (frame != NULL)
		drop_frame(client, frame);
}

/* Sends what waits, many frames a packet. Returns true when nothing is left. */
static bool drain(struct logfwd_client *client)
{
	struct iovec iov[PACKET_FILL_FRAMES];

	while (!stream_is_empty(&client->stream)) {
		size_t count = stream_peek(&client->stream, PACKET_FILL_BYTES, iov, ARRAY_LEN(iov));
		int error = send_packet(client, iov, count);

		if (error == -EMSGSIZE && count > 1) {
			count = 1;
			error = send_packet(client, iov, count);
		}
		if (error == -EMSGSIZE) {
			drop_frame(client, stream_take(&client->stream));
			continue;
		}
		if (error != 0)
			return false;
		for (; count > 0; count--) {
			struct waiting_frame *frame = stream_take(&client->stream);

			client->counts.sent += frame->type == FRAME_RECORD;
			frame_has_left(frame);
		}
	}
	return true;
}

/* Nothing stands before a frame that is sent now. */
static bool is_clear(const struct logfwd_client *client)
{
	return connection_is_open(&client->connection) && !client->is_stalled &&
	       TAILQ_EMPTY(&client->unregistered) && stream_is_empty(&client->stream);
}

static int submit_to_socket(struct logfwd_client *client, const struct outgoing *frame)
{
	struct iovec iov[] = {
		{ (void *)frame->head.ptr, frame->head.len },
		{ (void *)frame->text.ptr, frame->text.len },
	};
	int error = send_packet(client, iov, frame->text.len > 0 ? 2 : 1);

	if (error == 0 && frame->type == FRAME_RECORD)
		client->counts.sent++;
	return error;
}

static int submit_to_stream(struct logfwd_client *client, const struct outgoing *frame)
{
	int error = stream_append(&client->stream, frame);

	if (error == 0 && frame->logger != NULL) {
		frame->logger->frames_waiting++;
		if (frame->type == FRAME_SET_LEVEL || frame->type == FRAME_CONTEXT)
			frame->logger->changes_waiting++;
	}
	return error;
}

int link_submit(struct logfwd_client *client, const struct outgoing *frame)
{
	if (is_clear(client)) {
		int error = submit_to_socket(client, frame);

		if (error == 0 || error == -EMSGSIZE)
			return error;
	}
	return submit_to_stream(client, frame);
}

/* Returns true when FRAME_CLOSE found room, or is not needed any more. */
static bool submit_close(struct logfwd_logger *logger)
{
	struct logfwd_client *client = logger->client;
	uint8_t bytes[WIRE_HEADER_BYTES + sizeof(uint32_t)];
	struct writer head = writer_over(bytes, sizeof(bytes));
	struct outgoing frame = { .type = FRAME_CLOSE, .logger = logger };
	int error;

	frame_write_close(&head, &(struct frame_close){ logger->id });
	frame.head = writer_span(&head);
	logger->frames_waiting++; /* a connection lost meanwhile must not free it under us */
	error = link_submit(client, &frame);
	logger->frames_waiting--;
	if (logger->frames_waiting > 0)
		return error == 0;
	if (error != 0 && logger->is_registered)
		return false;
	loggers_remove(logger);
	return true;
}

void link_close_logger(struct logfwd_logger *logger)
{
	struct logfwd_client *client = logger->client;

	if (!logger->is_registered && logger->frames_waiting == 0) {
		loggers_remove(logger);
	} else if (!TAILQ_EMPTY(&client->close_due) || !submit_close(logger)) {
		logger->close_is_due = true;
		TAILQ_INSERT_TAIL(&client->close_due, logger, close_due_link);
	}
}

/* Ends the leases whose FRAME_CLOSE found no room when they were closed. */
static void submit_due_closes(struct logfwd_client *client)
{
	struct logfwd_logger *logger;

	while ((logger = TAILQ_FIRST(&client->close_due)) != NULL) {
		TAILQ_REMOVE(&client->close_due, logger, close_due_link);
		logger->close_is_due = false;
		if (!submit_close(logger)) {
			logger->close_is_due = true;
			TAILQ_INSERT_HEAD(&client->close_due, logger, close_due_link);
			return;
		}
	}
}

/* Not before half of the room is free again, so that a flood is reported once, not in drips. */
static void report_losses(struct logfwd_client *client)
{
	struct frame_dropped dropped = {
		.records = client->losses.records,
		.first_us = client->losses.first_us,
		.last_us = client->losses.last_us,
	};
	uint8_t bytes[64];
	struct writer head = writer_over(bytes, sizeof(bytes));
	struct outgoing frame = { .type = FRAME_DROPPED };

	if (dropped.records == 0 || client->stream.bytes > client->stream.limit / 2)
		return;
	frame_write_dropped(&head, &dropped);
	frame.head = writer_span(&head);
	if (link_submit(client, &frame) == 0)
		client->losses = (struct losses){ 0 };
}

void link_pump(struct logfwd_client *client)
{
	if (!connect_link(client)) {
		input_put_off(client);
		return;
	}
	if (clock_coarse_ms() >= atomic_load_explicit(&client->input_due_ms, memory_order_relaxed))
		input_read(client);
	if (!connection_is_open(&client->connection))
		return;
	if (client->is_stalled && !connection_is_writable(&client->connection))
		return;
	client->is_stalled = false;
	if (register_loggers(client))
		drain(client);
	submit_due_closes(client);
	report_losses(client);
}

/* Sends what a packet holds and empties it; false: no more goes. */
static bool send_written(struct logfwd_client *client, struct writer *packet)
{
	struct iovec iov = { packet->ptr, packet->len };
	bool sent = packet->len == 0 || send_packet(client, &iov, 1) == 0;

	packet->len = 0;
	return sent;
}

/* What a daemon understands that knows no FRAME_LEAVE, or has not yet said that it does. */
static void close_all(struct logfwd_client *client)
{
	struct writer packet = writer_over(client->packet, sizeof(client->packet));

	for (uint32_t i = 0; i < client->loggers.n_slots && is_clear(client); i++) {
		const struct logfwd_logger *logger = client->loggers.slots[i];

		if (logger == NULL)
			continue;
		frame_write_close(&packet, &(struct frame_close){ logger->id });
		if (packet.len > PACKET_FILL_BYTES && !send_written(client, &packet))
			return;
	}
	if (is_clear(client))
		send_written(client, &packet);
}

void link_leave(struct logfwd_client *client)
{
	uint8_t bytes[WIRE_HEADER_BYTES];
	struct writer packet = writer_over(bytes, sizeof(bytes));

	if (!connection_is_open(&client->connection))
		return;
	if (!client->is_welcome || (client->features & FEATURE_LEAVE) == 0) {
		close_all(client);
		return;
	}
	frame_write_leave(&packet); /* also when something waits, which ends here in any case */
	send_written(client, &packet);
}
