#include "format/datagram.h"

#include <assert.h>

#include "format/escape.h"
#include "format/header.h"
#include "format/template.h"

/*
 * The ways to make a record fit, in the order in which they are tried; the last takes any cut. What
 * the client has cut begins with the second. One that is to be split or dropped has only its first.
 */
static const struct rfc5424_extent extents[] = {
	{ .truncated = false, .context = true },
	{ .truncated = true, .context = true },
	{ .truncated = true, .context = false },
};

struct job {
	const struct format_options *options;
	const struct message *message;
	struct timestamp_cache *cache;
	bool borrows; /* the text can be sent from where it is */
};

/* No field before the structured data has a space in it, so the first is the one. */
bool datagram_logger(enum format_kind kind, struct span datagram, struct span *logger_out)
{
	static const char opening[] = "[logfwd@32473 logger=\"";
	const uint8_t *at, *begin;

	if (kind != FORMAT_RFC5424)
		return false;
	at = memmem(datagram.ptr, datagram.len, opening, strlen(opening));
	if (at == NULL)
		return false;
	at += strlen(opening);
	for (begin = at; at < datagram.ptr + datagram.len && *at != '"'; at++)
		at += *at == '\\' ? 1 : 0;
	if (at >= datagram.ptr + datagram.len)
		return false;
	*logger_out = span_of_bytes(begin, (size_t)(at - begin));
	return true;
}

struct span datagram_mark(enum format_kind kind)
{
	static const char rfc5424[] = " resent=\"true\"";
	static const char rfc3164[] = " [resent]";

	static_assert(sizeof(rfc5424) - 1 <= DATAGRAM_MARK_BYTES, "there must be room for it");
	static_assert(sizeof(rfc3164) - 1 <= DATAGRAM_MARK_BYTES, "there must be room for it");
	return span_of(kind == FORMAT_RFC3164 ? rfc3164 : rfc5424);
}

/*
 * Writes or borrows as much of the text as room allows, and mark behind it.
 * room: bytes, at least mark.len. Returns false when that is not all of it.
 */
static bool place_text(const struct job *job, struct span mark, size_t room, struct writer *out,
		       struct span *text_out)
{
	struct span text = job->message->text;
	size_t begin = out->len;
	bool whole;

	if (job->borrows && mark.len == 0) {
		*text_out = span_first(text, escape_cut(text, room));
		return text_out->len == text.len;
	}
	room -= mark.len;
	if (job->options->template != NULL)
		whole = template_render_within(job->options->template, job->message, job->cache,
					       out, room);
	else
		whole = escape_text_within(out, text, room) == text.len;
	writer_text(out, mark);
	*text_out = span_drop(writer_span(out), begin);
	return whole;
}

static bool may_cut(const struct format_options *options, struct rfc5424_extent extent, size_t room)
{
	return options->oversize == OVERSIZE_CUT && extent.truncated &&
	       (!extent.context || room >= TEXT_BYTES_LEAST);
}

/* False when the record does not fit so, or out is too small: then out has failed. */
static bool build(const struct job *job, struct rfc5424_extent extent, struct writer *out,
		  struct datagram *datagram_out)
{
	bool dotted = extent.truncated && job->options->kind == FORMAT_RFC3164;
	struct span mark = span_of(dotted ? "..." : NULL);
	struct datagram datagram = { .cut = extent.truncated, .kind = job->options->kind };
	size_t room;
	bool whole;

	datagram.mark_at = header_write(out, job->options->kind, job->message, job->cache, extent);
	datagram.header = writer_span(out);
	/* The space behind the header may be one too many: without a text it goes. */
	room = out->len < job->options->datagram_bytes ? job->options->datagram_bytes - out->len
						       : 0;
	if (out->failed || room < mark.len)
		return false;
	whole = place_text(job, mark, room, out, &datagram.text);
	if (out->failed)
		return false;
	if (!whole && !may_cut(job->options, extent, room))
		return false;
	if (datagram.text.len == 0) {
		datagram.header.len--;
		out->len--;
	}
	*datagram_out = datagram;
	return true;
}

enum format_outcome format_datagram(const struct format_options *options,
				    const struct message *message, struct timestamp_cache *cache,
				    struct writer *scratch, struct datagram *datagram_out)
{
	size_t most = options->datagram_bytes + 1; /* with the space that may be one too many */
	size_t room = writer_room(scratch);
	size_t i = message->original_length > message->text.len ? 1 : 0;
	size_t end = options->oversize == OVERSIZE_CUT ? ARRAY_LEN(extents) : i + 1;
	struct span reach = span_first(message->text, escape_cut(message->text, most));
	struct job job = {
		.options = options,
		.message = message,
		.cache = cache,
		.borrows = options->template == NULL && escape_is_clean(reach),
	};

	for (; i < end; i++) {
		struct writer out =
			writer_over(scratch->ptr + scratch->len, room < most ? room : most);

		if (build(&job, extents[i], &out, datagram_out)) {
			writer_take(scratch, out.len);
			return FORMAT_DONE;
		}
		if (out.failed && room < most)
			return FORMAT_NO_ROOM;
	}
	return FORMAT_TOO_LARGE;
}
