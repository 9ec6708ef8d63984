#include "client/input.h"

#include <errno.h>
#include <unistd.h>

#include "client/clock.h"
#include "client/link.h"
#include "client/loggers.h"

#define PACKETS_AT_ONCE	     16	  /* so that a chattering daemon cannot keep a call */
#define DISAGREEMENT_HOLD_MS 5000 /* another attempt would most likely end the same way */

/* With a level page, levels and the daemon's end are seen there; the rest is not urgent. */
static int64_t interval_ms(const struct logfwd_client *client)
{
	return level_page_is_watched(&client->level_page) ? IDLE_INPUT_INTERVAL_MS
							  : INPUT_INTERVAL_MS;
}

void input_put_off(struct logfwd_client *client)
{
	atomic_store_explicit(&client->input_due_ms, clock_coarse_ms() + interval_ms(client),
			      memory_order_relaxed);
}

bool input_is_due(const struct logfwd_client *client)
{
	return (level_page_is_watched(&client->level_page) &&
		level_page_has_news(&client->level_page)) ||
	       clock_coarse_ms() >=
		       atomic_load_explicit(&client->input_due_ms, memory_order_relaxed);
}

/* The handlers below return false when the frame breaks the protocol. */

static bool take_welcome(struct logfwd_client *client, struct span body)
{
	struct frame_welcome welcome;

	/* What was not offered cannot be agreed to. */
	if (!frame_parse_welcome(body, &welcome) || client->is_welcome ||
	    welcome.version != WIRE_VERSION || (welcome.features & ~FEATURES_OFFERED) != 0)
		return false;
	client->is_welcome = true;
	client->features = welcome.features;
	atomic_store_explicit(&client->record_bytes, welcome.record_bytes, memory_order_relaxed);
	return true;
}

static bool take_level_map(struct logfwd_client *client, struct span body)
{
	struct frame_level_map map;

	if (!frame_parse_level_map(body, &map))
		return false;
	level_map_replace(&client->level_map, &map); /* without memory, everything passes */
	client_levels_changed(client);
	return true;
}

static bool take_flushed(struct logfwd_client *client, struct span body)
{
	struct frame_flush flush;

	if (!frame_parse_flush(body, &flush))
		return false;
	/* Answers come in order; one to a question of an earlier connection is no answer. */
	if (flush.token - client->flushed_token <= client->flush_token - client->flushed_token)
		client->flushed_token = flush.token;
	return true;
}

static bool take_error(struct logfwd_client *client, struct span body)
{
	struct logfwd_logger *logger;
	struct frame_error error;

	if (!frame_parse_error(body, &error))
		return false;
	logger = loggers_find(client, error.logger_id);
	if (logger == NULL || logger->is_closed || !logger->is_registered || logger->is_refused)
		return true;
	if (error.code == FRAME_ERROR_CONTEXT)
		return true; /* the logger lives, without that pair */
	logger->is_refused = true;
	client->counts.refused++;
	return true;
}

static bool take_bye(struct logfwd_client *client, struct span body)
{
	struct frame_error bye;

	if (!frame_parse_error(body, &bye))
		return false;
	link_lose(client, bye.code == FRAME_ERROR_PROTOCOL ? DISAGREEMENT_HOLD_MS : 0);
	return true;
}

static bool take_frame(struct logfwd_client *client, const struct frame *frame)
{
	if (!client->is_welcome && frame->type != FRAME_WELCOME && frame->type != FRAME_BYE)
		return false;
	switch (frame->type) {
	case FRAME_WELCOME:
		return take_welcome(client, frame->body);
	case FRAME_LEVEL_MAP:
		return take_level_map(client, frame->body);
	case FRAME_FLUSHED:
		return take_flushed(client, frame->body);
	case FRAME_ERROR:
		return take_error(client, frame->body);
	case FRAME_BYE:
		return take_bye(client, frame->body);
	case FRAME_ROOM: /* who waits for it looks */
		return client->ring.in_use && frame->body.len == 0;
	default:
		return false;
	}
}

static void take_packet(struct logfwd_client *client, struct span packet)
{
	enum frame_take_result taken = FRAME_TAKEN;
	struct frame frame;

	while (taken == FRAME_TAKEN && connection_is_open(&client->connection)) {
		taken = frame_take(&packet, &frame);
		if (taken == FRAME_TAKEN && !take_frame(client, &frame))
			taken = FRAME_BROKEN;
	}
	if (taken == FRAME_BROKEN)
		link_lose(client, DISAGREEMENT_HOLD_MS);
}

/* Each is told by what it is: one of those that were agreed to may be missing. */
static void take_descriptor(struct logfwd_client *client, uint32_t features, int fd)
{
	if ((features & FEATURE_LEVEL_PAGE) != 0 && level_page_attach(&client->level_page, fd))
		return;
	if ((features & FEATURE_RING) != 0)
		shared_ring_attach(&client->ring, fd);
}

/* What came with a packet, and goes into use if that was a welcome that agreed to it. */
static void take_descriptors(struct logfwd_client *client, const struct descriptors *with)
{
	uint32_t features = client->is_welcome ? client->features : 0;
	bool agreed = with->count <= (size_t)((features & FEATURE_LEVEL_PAGE) != 0) +
					     (size_t)((features & FEATURE_RING) != 0);

	for (size_t i = 0; i < with->count; i++) {
		if (agreed)
			take_descriptor(client, features, with->fds[i]);
		close(with->fds[i]);
	}
	if (client->is_welcome)
		client->expects_ring = client->ring.memory != NULL;
}

/* Returns false when nothing more is there to be read. */
static bool read_packet(struct logfwd_client *client)
{
	struct descriptors with = { 0 };
	ssize_t length =
		connection_receive(&client->connection, client->packet, sizeof(client->packet),
				   client->is_welcome ? NULL : &with);

	if (length == -EAGAIN)
		return false;
	if (length <= 0)
		link_lose(client, 0);
	else if ((size_t)length > sizeof(client->packet))
		link_lose(client, DISAGREEMENT_HOLD_MS);
	else
		take_packet(client, span_of_bytes(client->packet, (size_t)length));
	take_descriptors(client, &with);
	return true;
}

void input_read(struct logfwd_client *client)
{
	uint64_t word = level_page_word(&client->level_page);

	for (int i = 0; i < PACKETS_AT_ONCE && connection_is_open(&client->connection); i++) {
		if (!read_packet(client)) {
			level_page_see(&client->level_page, word);
			break;
		}
	}
	input_put_off(client);
}
