#include "support/intake_peer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BUFFER_BYTES (1024 * 1024)

void peer_init(struct peer *peer, int fd)
{
	const int size = SEND_BUFFER_BYTES;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	peer->fd = fd;
	peer->packet = writer_over(peer->bytes, sizeof(peer->bytes));
}

void peer_close(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
}

bool peer_send(struct peer *peer)
{
	ssize_t sent = send(peer->fd, peer->bytes, peer->packet.len, MSG_NOSIGNAL);

	ck_assert(!peer->packet.failed);
	ck_assert(sent == (ssize_t)peer->packet.len || errno == EAGAIN);
	peer->packet = writer_over(peer->bytes, sizeof(peer->bytes));
	return sent >= 0;
}

void peer_say(struct peer *peer)
{
	ck_assert(peer_send(peer));
}

void peer_hello(struct peer *peer, const char *app_name)
{
	frame_write_hello(&peer->packet, &(struct frame_hello){ .version = WIRE_VERSION,
								.app_name = span_of(app_name) });
}

void peer_open(struct peer *peer, uint32_t id, const char *name)
{
	frame_write_open(&peer->packet,
			 &(struct frame_open){ .logger_id = id, .name = span_of(name) });
}

void peer_record(struct peer *peer, uint32_t id, const char *text)
{
	frame_write_record(&peer->packet, &(struct frame_record){
						  .logger_id = id,
						  .level = 20,
						  .original_length = (uint32_t)strlen(text),
						  .text = span_of(text),
					  });
}

void peer_flush(struct peer *peer, uint32_t token)
{
	frame_write_flush(&peer->packet, FRAME_FLUSH, &(struct frame_flush){ .token = token });
}

static void write_number(struct writer *text, const char *before, uint64_t number)
{
	writer_text(text, span_of(before));
	writer_decimal(text, number);
}

static void write_error(struct writer *text, const struct frame *frame)
{
	struct frame_error error;

	ck_assert(frame_parse_error(frame->body, &error));
	write_number(text, frame->type == FRAME_BYE ? "bye " : "error ", error.code);
	writer_u8(text, ' ');
	if (frame->type == FRAME_BYE)
		writer_text(text, error.reason);
	else
		writer_decimal(text, error.logger_id);
	ck_assert_uint_gt(error.reason.len, 0);
}

static void write_frame(struct writer *text, const struct frame *frame)
{
	struct frame_welcome welcome;
	struct frame_level_map map;
	struct frame_flush flush;

	switch (frame->type) {
	case FRAME_WELCOME:
		ck_assert(frame_parse_welcome(frame->body, &welcome));
		ck_assert_uint_eq(welcome.version, WIRE_VERSION);
		if (welcome.features == 0)
			writer_text(text, span_of("welcome"));
		else
			write_number(text, "welcome ", welcome.features);
		break;
	case FRAME_LEVEL_MAP:
		ck_assert(frame_parse_level_map(frame->body, &map));
		writer_text(text, span_of("map"));
		break;
	case FRAME_FLUSHED:
		ck_assert(frame_parse_flush(frame->body, &flush));
		write_number(text, "flushed ", flush.token);
		break;
	case FRAME_ROOM:
		writer_text(text, span_of("room"));
		break;
	default:
		write_error(text, frame);
		break;
	}
	writer_u8(text, '\n');
}

const char *peer_heard(struct peer *peer)
{
	static uint8_t packet[WIRE_PACKET_MAX];
	static char lines[4 * 1024 * 1024];
	struct writer text = writer_over(lines, sizeof(lines) - 1);
	ssize_t len;

	for (;;) {
		struct span rest;
		struct frame frame;

		len = recv(peer->fd, packet, sizeof(packet), MSG_TRUNC);
		if (len < 0 && errno == ECONNRESET)
			continue; /* it closed with something of ours unread; what it said follows */
		if (len <= 0)
			break;
		ck_assert_int_le(len, WIRE_PACKET_MAX);
		rest = span_of_bytes(packet, (size_t)len);
		while (frame_take(&rest, &frame) == FRAME_TAKEN)
			write_frame(&text, &frame);
		ck_assert_uint_eq(rest.len, 0);
	}
	if (len == 0)
		writer_text(&text, span_of("end\n"));
	ck_assert(!text.failed);
	lines[text.len] = '\0';
	return lines;
}
