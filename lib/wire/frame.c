#include "wire/frame.h"

#include "wire/level.h"

#define RECORD_FLAG_CUT	 1u /* the original length follows */
#define CONTEXT_FLAG_SET 1u /* the value follows */

enum frame_take_result frame_take(struct span *packet, struct frame *frame_out)
{
	struct reader reader = reader_of(*packet);
	uint16_t type = reader_u16(&reader);
	uint16_t zero = reader_u16(&reader);
	struct span body = reader_bytes(&reader, reader_u32(&reader));

	if (packet->len == 0)
		return FRAME_END;
	if (reader.failed || zero != 0)
		return FRAME_BROKEN;
	*frame_out = (struct frame){ .type = type, .body = body };
	*packet = reader.rest;
	return FRAME_TAKEN;
}

/* A frame's length is known once its body stands: the header is completed by frame_end(). */
static size_t frame_begin(struct writer *writer, enum frame_type type)
{
	size_t start = writer->len;

	writer_u16(writer, (uint16_t)type);
	writer_u16(writer, 0);
	writer_u32(writer, 0);
	return start;
}

/* Completes a frame of whose body the last `following` bytes are added by somebody else. */
static void frame_end_before(struct writer *writer, size_t start, size_t following)
{
	struct writer length = writer_over(writer->ptr + start + 4, 4);

	if (writer->failed) {
		writer->len = start; /* whole frames only */
		return;
	}
	writer_u32(&length, (uint32_t)(writer->len - start - WIRE_HEADER_BYTES + following));
}

static void frame_end(struct writer *writer, size_t start)
{
	frame_end_before(writer, start, 0);
}

void frame_write_hello(struct writer *writer, const struct frame_hello *hello)
{
	size_t start = frame_begin(writer, FRAME_HELLO);

	writer_u16(writer, hello->version);
	writer_u32(writer, hello->features);
	writer_string8(writer, hello->app_name);
	frame_end(writer, start);
}

bool frame_parse_hello(struct span body, struct frame_hello *hello_out)
{
	struct reader reader = reader_of(body);
	struct frame_hello hello = {
		.version = reader_u16(&reader),
		.features = reader_u32(&reader),
		.app_name = reader_string8(&reader),
	};

	/* A later version may say more after what all versions say. */
	if (reader.failed || (hello.version == WIRE_VERSION && reader.rest.len > 0))
		return false;
	*hello_out = hello;
	return true;
}

void frame_write_welcome(struct writer *writer, const struct frame_welcome *welcome)
{
	size_t start = frame_begin(writer, FRAME_WELCOME);

	writer_u16(writer, welcome->version);
	writer_u32(writer, welcome->features);
	writer_u32(writer, welcome->record_bytes);
	frame_end(writer, start);
}

bool frame_parse_welcome(struct span body, struct frame_welcome *welcome_out)
{
	struct reader reader = reader_of(body);
	struct frame_welcome welcome = {
		.version = reader_u16(&reader),
		.features = reader_u32(&reader),
		.record_bytes = reader_u32(&reader),
	};

	if (!reader_is_done(&reader) || welcome.record_bytes > WIRE_RECORD_MAX)
		return false;
	*welcome_out = welcome;
	return true;
}

void frame_write_open(struct writer *writer, const struct frame_open *open)
{
	size_t start = frame_begin(writer, FRAME_OPEN);

	writer_u32(writer, open->logger_id);
	writer_string16(writer, open->name);
	frame_end(writer, start);
}

bool frame_parse_open(struct span body, struct frame_open *open_out)
{
	struct reader reader = reader_of(body);
	struct frame_open open = {
		.logger_id = reader_u32(&reader),
		.name = reader_string16(&reader),
	};

	if (!reader_is_done(&reader))
		return false;
	*open_out = open;
	return true;
}

void frame_write_close(struct writer *writer, const struct frame_close *close)
{
	size_t start = frame_begin(writer, FRAME_CLOSE);

	writer_u32(writer, close->logger_id);
	frame_end(writer, start);
}

bool frame_parse_close(struct span body, struct frame_close *close_out)
{
	struct reader reader = reader_of(body);
	struct frame_close close = { .logger_id = reader_u32(&reader) };

	if (!reader_is_done(&reader))
		return false;
	*close_out = close;
	return true;
}

void frame_write_record_head(struct writer *writer, const struct frame_record *record)
{
	size_t start = frame_begin(writer, FRAME_RECORD);
	bool cut = record->original_length != record->text.len;

	writer_u32(writer, record->logger_id);
	writer_u64(writer, (uint64_t)record->time_us);
	writer_u8(writer, record->level);
	writer_u8(writer, cut ? RECORD_FLAG_CUT : 0);
	if (cut)
		writer_u32(writer, record->original_length);
	frame_end_before(writer, start, record->text.len);
}

void frame_write_record(struct writer *writer, const struct frame_record *record)
{
	size_t start = writer->len;

	frame_write_record_head(writer, record);
	writer_text(writer, record->text);
	if (writer->failed)
		writer->len = start; /* whole frames only */
}

bool frame_parse_record(struct span body, struct frame_record *record_out)
{
	struct reader reader = reader_of(body);
	struct frame_record record = {
		.logger_id = reader_u32(&reader),
		.time_us = (int64_t)reader_u64(&reader),
		.level = reader_u8(&reader),
	};
	uint8_t flags = reader_u8(&reader);

	if ((flags & RECORD_FLAG_CUT) != 0)
		record.original_length = reader_u32(&reader);
	record.text = reader_rest(&reader);
	if ((flags & RECORD_FLAG_CUT) == 0)
		record.original_length = (uint32_t)record.text.len;
	if (!reader_is_done(&reader) || (flags & ~RECORD_FLAG_CUT) != 0)
		return false;
	if (record.level < 1 || record.level > LEVEL_MAX)
		return false;
	if (record.text.len > WIRE_RECORD_MAX || record.original_length < record.text.len)
		return false;
	*record_out = record;
	return true;
}

void frame_write_set_level(struct writer *writer, const struct frame_set_level *set_level)
{
	size_t start = frame_begin(writer, FRAME_SET_LEVEL);

	writer_u32(writer, set_level->logger_id);
	writer_u8(writer, set_level->level);
	frame_end(writer, start);
}

bool frame_parse_set_level(struct span body, struct frame_set_level *set_level_out)
{
	struct reader reader = reader_of(body);
	struct frame_set_level set_level = {
		.logger_id = reader_u32(&reader),
		.level = reader_u8(&reader),
	};

	if (!reader_is_done(&reader) || set_level.level > LEVEL_MAX)
		return false;
	*set_level_out = set_level;
	return true;
}

void frame_write_context(struct writer *writer, const struct frame_context *context)
{
	size_t start = frame_begin(writer, FRAME_CONTEXT);

	writer_u32(writer, context->logger_id);
	writer_u8(writer, context->set ? CONTEXT_FLAG_SET : 0);
	writer_string8(writer, context->pair.key);
	if (context->set)
		writer_string16(writer, context->pair.value);
	frame_end(writer, start);
}

bool frame_parse_context(struct span body, struct frame_context *context_out)
{
	struct reader reader = reader_of(body);
	struct frame_context context = { .logger_id = reader_u32(&reader) };
	uint8_t flags = reader_u8(&reader);

	context.set = flags == CONTEXT_FLAG_SET;
	context.pair.key = reader_string8(&reader);
	if (context.set)
		context.pair.value = reader_string16(&reader);
	if (!reader_is_done(&reader) || flags > CONTEXT_FLAG_SET)
		return false;
	*context_out = context;
	return true;
}

void frame_write_dropped(struct writer *writer, const struct frame_dropped *dropped)
{
	size_t start = frame_begin(writer, FRAME_DROPPED);

	writer_u64(writer, dropped->records);
	writer_u64(writer, (uint64_t)dropped->first_us);
	writer_u64(writer, (uint64_t)dropped->last_us);
	frame_end(writer, start);
}

bool frame_parse_dropped(struct span body, struct frame_dropped *dropped_out)
{
	struct reader reader = reader_of(body);
	struct frame_dropped dropped = {
		.records = reader_u64(&reader),
		.first_us = (int64_t)reader_u64(&reader),
		.last_us = (int64_t)reader_u64(&reader),
	};

	if (!reader_is_done(&reader))
		return false;
	*dropped_out = dropped;
	return true;
}

void frame_write_leave(struct writer *writer)
{
	frame_end(writer, frame_begin(writer, FRAME_LEAVE));
}

bool frame_parse_leave(struct span body)
{
	return body.len == 0;
}

void frame_write_ring(struct writer *writer, enum frame_type type)
{
	frame_end(writer, frame_begin(writer, type));
}

bool frame_parse_ring(struct span body)
{
	return body.len == 0;
}

void frame_write_flush(struct writer *writer, enum frame_type type, const struct frame_flush *flush)
{
	size_t start = frame_begin(writer, type);

	writer_u32(writer, flush->token);
	frame_end(writer, start);
}

bool frame_parse_flush(struct span body, struct frame_flush *flush_out)
{
	struct reader reader = reader_of(body);
	struct frame_flush flush = { .token = reader_u32(&reader) };

	if (!reader_is_done(&reader))
		return false;
	*flush_out = flush;
	return true;
}

void frame_write_level_map(struct writer *writer, uint8_t lease_floor,
			   const struct level_map_entry *entries, uint32_t count)
{
	size_t start = frame_begin(writer, FRAME_LEVEL_MAP);

	writer_u8(writer, lease_floor);
	writer_u32(writer, count);
	for (uint32_t i = 0; i < count; i++) {
		writer_string8(writer, entries[i].name);
		writer_u8(writer, (uint8_t)entries[i].kind);
		writer_u8(writer, entries[i].level);
	}
	frame_end(writer, start);
}

static bool level_is_in_range(uint8_t kind, uint8_t level)
{
	if (kind == LEVEL_MAP_RECORDER)
		return level <= 1;
	return kind < LEVEL_MAP_RECORDER && level >= 1 && level <= LEVEL_MAX;
}

bool frame_parse_level_map(struct span body, struct frame_level_map *map_out)
{
	struct reader reader = reader_of(body);
	struct frame_level_map map = {
		.lease_floor = reader_u8(&reader),
		.count = reader_u32(&reader),
	};

	if (map.lease_floor < 1 || map.lease_floor > LEVEL_MAX + 1)
		return false;
	map.entries = reader.rest;
	for (uint32_t i = 0; i < map.count && !reader.failed; i++) {
		uint8_t kind, level;

		reader_string8(&reader);
		kind = reader_u8(&reader);
		level = reader_u8(&reader);
		if (!level_is_in_range(kind, level))
			return false;
	}
	if (!reader_is_done(&reader))
		return false;
	*map_out = map;
	return true;
}

bool level_map_take(struct frame_level_map *map, struct level_map_entry *entry_out)
{
	struct reader reader = reader_of(map->entries);

	if (map->count == 0)
		return false;
	entry_out->name = reader_string8(&reader);
	entry_out->kind = reader_u8(&reader);
	entry_out->level = reader_u8(&reader);
	map->entries = reader.rest;
	map->count--;
	return true;
}

void frame_write_error(struct writer *writer, enum frame_type type, const struct frame_error *error)
{
	size_t start = frame_begin(writer, type);

	writer_u16(writer, error->code);
	writer_u32(writer, error->logger_id);
	writer_string8(writer, error->reason);
	frame_end(writer, start);
}

bool frame_parse_error(struct span body, struct frame_error *error_out)
{
	struct reader reader = reader_of(body);
	struct frame_error error = {
		.code = reader_u16(&reader),
		.logger_id = reader_u32(&reader),
		.reason = reader_string8(&reader),
	};

	if (!reader_is_done(&reader))
		return false;
	*error_out = error;
	return true;
}
