#include "client/link.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "client/clock.h"
#include "client/departures.h"
#include "client/input.h"
#include "client/loggers.h"

/* A packet is filled up to here; what is larger goes alone. */
#define PACKET_FILL_BYTES  (32 * 1024)
#define PACKET_FILL_FRAMES 128

/* Within a tick of the coarse clock. */
#define STALLED_CALLS_A_LOOK 16

void link_lose(struct logfwd_client *client, int64_t hold_ms)
{
	connection_lose(&client->connection, clock_ms(), hold_ms);
	departures_take_back(client);
	level_page_detach(&client->level_page);
	client->is_welcome = false;
	client->is_stalled = false;
	loggers_unregister_all(client);
}

static void lose_after_error(struct logfwd_client *client)
{
	input_read(client); /* the daemon may have said why */
	if (connection_is_open(&client->connection))
		link_lose(client, 0);
}

/* The socket, or the ring, takes no more: when is it worth another try? */
static void stall(struct logfwd_client *client)
{
	client->is_stalled = true;
	client->stalled_calls = 0;
	client->stalled_ms = clock_coarse_ms();
}

/*
 * Sends a packet, or puts its frames into the ring; it is the caller's to wake the daemon, once its
 * own books are right. Returns 0, or -EAGAIN, or -EMSGSIZE; any other error has lost the connection.
 */
static int send_packet(struct logfwd_client *client, struct iovec *iov, size_t count)
{
	int error = client->ring.in_use ? shared_ring_put(&client->ring, iov, count)
					: connection_send(&client->connection, iov, count);

	client->is_stalled = false;
	if (error == -EAGAIN)
		stall(client);
	else if (error != 0 && error != -EMSGSIZE)
		lose_after_error(client);
	return error;
}

/* Sends a frame that always goes by socket, and has no body. Returns whether that took it. */
static bool say_ring(struct logfwd_client *client)
{
	uint8_t bytes[WIRE_HEADER_BYTES];
	struct writer packet = writer_over(bytes, sizeof(bytes));
	struct iovec iov = { bytes, sizeof(bytes) };
	int error;

	frame_write_ring(&packet, FRAME_RING);
	error = connection_send(&client->connection, &iov, 1);
	if (error != 0 && error != -EAGAIN)
		lose_after_error(client);
	return error == 0;
}

void link_wake(struct logfwd_client *client)
{
	if (connection_is_open(&client->connection) && client->ring.in_use)
		client->ring.waking_is_due = !say_ring(client) && client->ring.in_use;
}

static void wake_if_due(struct logfwd_client *client)
{
	if (client->ring.waking_is_due)
		link_wake(client);
}

/* All before this went by socket; from here on nothing does. Returns false when it must wait. */
static bool begin_ring(struct logfwd_client *client)
{
	if (client->ring.memory == NULL || client->ring.in_use)
		return true;
	if (say_ring(client))
		client->ring.in_use = true;
	else if (connection_is_open(&client->connection))
		stall(client);
	return client->ring.in_use;
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
	client->has_said = false;
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

void link_drop_oldest(struct logfwd_client *client)
{
	struct waiting_frame *frame = stream_take_oldest_record(&client->stream);

	if (frame != NULL)
		departure_fails(client, frame);
}

/* A frame of whose logger the next daemon would have to know. */
static bool is_kept(enum frame_type type, const struct logfwd_logger *logger)
{
	return logger != NULL && type != FRAME_RECORD;
}

/* Takes the frames out of the stream that were just sent; in the ring some wait on. */
static void take_sent(struct logfwd_client *client, const struct iovec *iov, size_t count)
{
	uint64_t end = client->ring.producer.committed;

	for (size_t i = 0; i < count; i++)
		end -= iov[i].iov_len;
	for (size_t i = 0; i < count; i++) {
		struct waiting_frame *frame = stream_take(&client->stream);

		end += iov[i].iov_len;
		client->counts.sent += frame->type == FRAME_RECORD;
		if (client->ring.in_use && is_kept(frame->type, frame->logger))
			shared_ring_keep(&client->ring, frame, end);
		else
			departure_ends(frame);
	}
}

/*
 * What goes by socket is lost with a daemon that is killed before it reads it. So where a ring is to
 * be expected only the first packet does not wait for it: a program may have nothing more to say.
 */
static bool holds_back(const struct logfwd_client *client)
{
	return client->expects_ring && !client->is_welcome && client->has_said;
}

/* Sends what waits, many frames a packet, as far as it goes now. */
static void drain(struct logfwd_client *client)
{
	struct iovec iov[PACKET_FILL_FRAMES];

	while (!stream_is_empty(&client->stream) && !holds_back(client)) {
		size_t count = stream_peek(&client->stream, PACKET_FILL_BYTES, iov, ARRAY_LEN(iov));
		int error = send_packet(client, iov, count);

		if (error == -EMSGSIZE && count > 1) {
			count = 1;
			error = send_packet(client, iov, count);
		}
		if (error == -EMSGSIZE) {
			departure_fails(client, stream_take(&client->stream));
			continue;
		}
		if (error != 0)
			return;
		take_sent(client, iov, count);
		client->has_said = true;
	}
}

/* Nothing stands before a frame that is sent now. */
static bool is_clear(const struct logfwd_client *client)
{
	return connection_is_open(&client->connection) && !client->is_stalled &&
	       !holds_back(client) && TAILQ_EMPTY(&client->unregistered) &&
	       stream_is_empty(&client->stream);
}

static int submit_at_once(struct logfwd_client *client, const struct outgoing *frame)
{
	struct iovec iov[] = {
		{ (void *)frame->head.ptr, frame->head.len },
		{ (void *)frame->text.ptr, frame->text.len },
	};
	int error = send_packet(client, iov, frame->text.len > 0 ? 2 : 1);

	if (error != 0)
		return error;
	client->has_said = true;
	client->counts.sent += frame->type == FRAME_RECORD;
	return 0;
}

/* The same, for a frame that waits in the ring until the daemon has consumed it. */
static int submit_and_keep(struct logfwd_client *client, const struct outgoing *frame)
{
	CLEANUP(free) struct waiting_frame *kept = waiting_frame_new(frame);
	int error = kept == NULL ? -ENOMEM : submit_at_once(client, frame);

	if (error != 0)
		return error;
	departure_begins(frame);
	shared_ring_keep(&client->ring, move_ptr(kept), client->ring.producer.committed);
	return 0;
}

static int submit_to_stream(struct logfwd_client *client, const struct outgoing *frame)
{
	int error = stream_append(&client->stream, frame);

	if (error == 0)
		departure_begins(frame);
	return error;
}

int link_submit(struct logfwd_client *client, const struct outgoing *frame)
{
	if (is_clear(client)) {
		bool kept = client->ring.in_use && is_kept(frame->type, frame->logger);
		int error = kept ? submit_and_keep(client, frame) : submit_at_once(client, frame);

		wake_if_due(client);
		if (error == 0 || error == -EMSGSIZE || error == -ENOMEM)
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

/* To ask costs a system call where there is no ring: not at each of many calls. */
static bool may_send_again(struct logfwd_client *client)
{
	int64_t now_ms;

	if (client->ring.in_use)
		return shared_ring_has_room(&client->ring);
	now_ms = clock_coarse_ms();
	if (client->stalled_calls++ % STALLED_CALLS_A_LOOK != 0 && now_ms == client->stalled_ms)
		return false;
	client->stalled_ms = now_ms;
	return connection_is_writable(&client->connection);
}

void link_pump(struct logfwd_client *client)
{
	if (!connect_link(client)) {
		input_put_off(client);
		return;
	}
	if (holds_back(client) || input_is_due(client))
		input_read(client);
	if (!connection_is_open(&client->connection))
		return;
	departures_look(client);
	wake_if_due(client);
	if (client->is_stalled && !may_send_again(client))
		return;
	client->is_stalled = false;
	if (begin_ring(client) && register_loggers(client))
		drain(client);
	submit_due_closes(client);
	report_losses(client);
	wake_if_due(client);
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
	if (client->is_welcome && (client->features & FEATURE_LEAVE) != 0) {
		frame_write_leave(
			&packet); /* also when something waits, which ends here in any case */
		send_written(client, &packet);
	} else {
		close_all(client);
	}
	link_wake(client);
}
