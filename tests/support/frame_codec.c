#include "support/frame_codec.h"

#include <stdlib.h>

#include "wire/level.h"

/* The bounds of frame.h hold for all that a parser accepts. */
static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool inside(struct span part, struct span whole)
{
	return part.len == 0 ||
	       (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static bool recode_hello(const struct frame *frame, struct writer *writer)
{
	struct frame_hello hello;

	if (!frame_parse_hello(frame->body, &hello))
		return false;
	require(inside(hello.app_name, frame->body) && hello.app_name.len <= UINT8_MAX);
	frame_write_hello(writer, &hello);
	return true;
}

static bool recode_welcome(const struct frame *frame, struct writer *writer)
{
	struct frame_welcome welcome;

	if (!frame_parse_welcome(frame->body, &welcome))
		return false;
	require(welcome.record_bytes <= WIRE_RECORD_MAX);
	frame_write_welcome(writer, &welcome);
	return true;
}

static bool recode_open(const struct frame *frame, struct writer *writer)
{
	struct frame_open open;

	if (!frame_parse_open(frame->body, &open))
		return false;
	require(inside(open.name, frame->body));
	frame_write_open(writer, &open);
	return true;
}

static bool recode_close(const struct frame *frame, struct writer *writer)
{
	struct frame_close close;

	if (!frame_parse_close(frame->body, &close))
		return false;
	frame_write_close(writer, &close);
	return true;
}

static bool recode_record(const struct frame *frame, struct writer *writer)
{
	struct frame_record record;

	if (!frame_parse_record(frame->body, &record))
		return false;
	require(inside(record.text, frame->body) && record.text.len <= WIRE_RECORD_MAX);
	require(record.original_length >= record.text.len);
	require(record.level >= 1 && record.level <= LEVEL_MAX);
	frame_write_record(writer, &record);
	return true;
}

static bool recode_set_level(const struct frame *frame, struct writer *writer)
{
	struct frame_set_level set_level;

	if (!frame_parse_set_level(frame->body, &set_level))
		return false;
	require(set_level.level <= LEVEL_MAX);
	frame_write_set_level(writer, &set_level);
	return true;
}

static bool recode_context(const struct frame *frame, struct writer *writer)
{
	struct frame_context context;

	if (!frame_parse_context(frame->body, &context))
		return false;
	require(inside(context.pair.key, frame->body) && inside(context.pair.value, frame->body));
	require(context.set || context.pair.value.len == 0);
	frame_write_context(writer, &context);
	return true;
}

static bool recode_dropped(const struct frame *frame, struct writer *writer)
{
	struct frame_dropped dropped;

	if (!frame_parse_dropped(frame->body, &dropped))
		return false;
	frame_write_dropped(writer, &dropped);
	return true;
}

static bool recode_leave(const struct frame *frame, struct writer *writer)
{
	if (!frame_parse_leave(frame->body))
		return false;
	frame_write_leave(writer);
	return true;
}

static bool recode_ring(const struct frame *frame, struct writer *writer)
{
	if (!frame_parse_ring(frame->body))
		return false;
	frame_write_ring(writer, frame->type);
	return true;
}

static bool recode_flush(const struct frame *frame, struct writer *writer)
{
	struct frame_flush flush;

	if (!frame_parse_flush(frame->body, &flush))
		return false;
	frame_write_flush(writer, frame->type, &flush);
	return true;
}

static bool recode_level_map(const struct frame *frame, struct writer *writer)
{
	struct level_map_entry *entries;
	struct frame_level_map map;
	uint32_t count = 0;

	if (!frame_parse_level_map(frame->body, &map))
		return false;
	require(map.lease_floor >= 1 && map.lease_floor <= LEVEL_MAX + 1);
	/* an entry has three bytes at least, so the body bounds the count */
	require(map.count <= frame->body.len / 3);
	entries = calloc((size_t)map.count + 1, sizeof(*entries));
	require(entries != NULL);
	for (struct frame_level_map rest = map; level_map_take(&rest, &entries[count]); count++) {
		require(inside(entries[count].name, frame->body));
		require(entries[count].kind <= LEVEL_MAP_RECORDER);
		require(entries[count].kind == LEVEL_MAP_RECORDER
				? entries[count].level <= 1
				: entries[count].level >= 1 && entries[count].level <= LEVEL_MAX);
	}
	require(count == map.count);
	frame_write_level_map(writer, map.lease_floor, entries, count);
	free(entries);
	return true;
}

static bool recode_error(const struct frame *frame, struct writer *writer)
{
	struct frame_error error;

	if (!frame_parse_error(frame->body, &error))
		return false;
	require(inside(error.reason, frame->body) && error.reason.len <= UINT8_MAX);
	frame_write_error(writer, frame->type, &error);
	return true;
}

typedef bool recode(const struct frame *frame, struct writer *writer);

static recode *const recoders[] = {
	[FRAME_HELLO] = recode_hello,	      [FRAME_OPEN] = recode_open,
	[FRAME_CLOSE] = recode_close,	      [FRAME_RECORD] = recode_record,
	[FRAME_SET_LEVEL] = recode_set_level, [FRAME_CONTEXT] = recode_context,
	[FRAME_DROPPED] = recode_dropped,     [FRAME_FLUSH] = recode_flush,
	[FRAME_WELCOME] = recode_welcome,     [FRAME_LEVEL_MAP] = recode_level_map,
	[FRAME_FLUSHED] = recode_flush,	      [FRAME_ERROR] = recode_error,
	[FRAME_BYE] = recode_error,	      [FRAME_LEAVE] = recode_leave,
	[FRAME_RING] = recode_ring,	      [FRAME_ROOM] = recode_ring,
};

bool frame_type_is_known(uint16_t type)
{
	return type < ARRAY_LEN(recoders) && recoders[type] != NULL;
}

bool frame_recode(const struct frame *frame, struct writer *writer)
{
	return recoders[frame->type](frame, writer);
}
