#include "format/split.h"

#include <assert.h>

#include "format/escape.h"
#include "format/header.h"
#include "format/template.h"

static const char dots[] = "..."; /* where RFC 3164 was cut, as in a whole record */

/* Returns false when that is not all of the text. */
static bool shape_text(const struct format_options *options, const struct message *message,
		       struct timestamp_cache *cache, struct writer *out)
{
	size_t limit = writer_room(out);

	if (options->template != NULL)
		return template_render_within(options->template, message, cache, out, limit);
	return escape_text_within(out, message->text, limit) == message->text.len;
}

/* What the longest header of any part leaves for text. bytes: where to try it. */
static size_t room_of(const struct split *split, struct timestamp_cache *cache, uint8_t *bytes)
{
	const struct rfc5424_extent extent = { .truncated = true, .context = split->context };
	size_t end = split->options.kind == FORMAT_RFC3164 ? strlen(dots) : 0;
	struct message longest = split->message;
	struct writer header = writer_over(bytes, split->options.datagram_bytes);
	size_t room;

	longest.part = longest.parts = SPLIT_PARTS_MAX;
	longest.sequence_id = INT32_MAX;
	header_write(&header, split->options.kind, &longest, cache, extent);
	room = writer_room(&header);
	return room > end ? room - end : 0;
}

/* Finds the room in a part, without the context if need be; false when it is too small. */
static bool find_room(struct split *split, struct timestamp_cache *cache, uint8_t *bytes)
{
	split->context = true;
	split->room = room_of(split, cache, bytes);
	if (split->room >= TEXT_BYTES_LEAST)
		return true;
	split->context = false;
	split->room = room_of(split, cache, bytes);
	return split->room >= TEXT_BYTES_LEAST;
}

/* Finds how many parts there will be. Returns as much of the text as they hold. */
static struct span count_parts(struct span text, size_t room, uint32_t *parts_out)
{
	struct span rest = text;

	for (*parts_out = 0; rest.len > 0 && *parts_out < SPLIT_PARTS_MAX; ++*parts_out)
		rest = span_drop(rest, escape_cut(rest, room));
	return span_first(text, text.len - rest.len);
}

bool split_begin(struct split *split, const struct format_options *options,
		 const struct message *message, struct timestamp_cache *cache,
		 uint8_t shaped[static SPLIT_TEXT_BYTES])
{
	struct writer text = writer_over(shaped, SPLIT_TEXT_BYTES - strlen(dots));
	struct span held;
	bool whole;

	static_assert(SPLIT_TEXT_BYTES >= DATAGRAM_BYTES_MAX, "a header is tried there");
	*split = (struct split){ .options = *options, .message = *message };
	if (!find_room(split, cache, shaped))
		return false;
	whole = shape_text(options, message, cache, &text);
	held = count_parts(writer_span(&text), split->room, &split->message.parts);
	if (split->message.parts <= 1)
		return false;
	split->cut = !whole || held.len < text.len || !split->context ||
		     message->original_length > message->text.len;
	if (split->cut && options->kind == FORMAT_RFC3164) {
		memcpy(shaped + held.len, dots, strlen(dots));
		held.len += strlen(dots);
	}
	split->message.text = held;
	return true;
}

uint32_t split_left(const struct split *split)
{
	return split->message.parts - split->message.part;
}

bool split_next(struct split *split, uint32_t sequence_id, struct timestamp_cache *cache,
		struct writer *scratch, struct datagram *datagram_out)
{
	const struct rfc5424_extent extent = { .truncated = split->cut, .context = split->context };
	struct datagram datagram = { .kind = split->options.kind };
	struct message *message = &split->message;
	struct writer header = writer_over(scratch->ptr + scratch->len, writer_room(scratch));
	bool is_last = split_left(split) == 1;

	assert(split_left(split) > 0);
	message->part++;
	message->sequence_id = sequence_id;
	datagram.mark_at = header_write(&header, datagram.kind, message, cache, extent);
	if (header.failed) {
		message->part--;
		return false;
	}
	writer_take(scratch, header.len);
	datagram.header = writer_span(&header);
	datagram.text = is_last ? message->text
				: span_first(message->text, escape_cut(message->text, split->room));
	message->text = span_drop(message->text, datagram.text.len);
	datagram.part = true;
	datagram.split = message->part == 1;
	datagram.cut = datagram.split && split->cut; /* a record is cut once */
	*datagram_out = datagram;
	return true;
}
