/*
 * Whatever a datagram holds: it is a record whose parts lie within it and within their bounds,
 * and no byte of its text is lost.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "intake/syslog_message.h"
#include "support/fuzz_target.h"
#include "wire/level.h"

#define SCRATCH_UNIT 16 /* the input's first byte says how many of so many bytes there are */

static void require(bool holds, const char *complaint)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", complaint);
	abort();
}

static bool is_within(struct span part, struct span whole)
{
	return part.len == 0 || (part.ptr >= whole.ptr && part.len <= whole.len &&
				 part.ptr - whole.ptr <= (ptrdiff_t)(whole.len - part.len));
}

static bool is_line_end(uint8_t byte)
{
	return byte == '\0' || byte == '\n';
}

/* The text is all that is left once the front is taken off and the line's end is cut. */
static void check_text(struct span text, struct span bytes)
{
	while (bytes.len > 0 && is_line_end(bytes.ptr[bytes.len - 1]))
		bytes.len--;
	require(is_within(text, bytes), "the text is not within the datagram");
	require(text.len == 0 || text.ptr + text.len == bytes.ptr + bytes.len,
		"the end of the text is lost");
}

static void check_tag(struct span tag, struct span bytes)
{
	uint8_t name_bytes[LOGGER_NAME_MAX];
	struct span name = syslog_logger_name(tag, name_bytes);

	require(is_within(tag, bytes), "the tag is not within the datagram");
	require(tag.len <= SYSLOG_TAG_MAX, "the tag is too long");
	for (size_t i = 0; i < tag.len; i++)
		require(tag.ptr[i] > ' ' && tag.ptr[i] <= '~', "the tag is not printable");
	require(span_starts_with(name, span_of("syslog")), "a logger of another's");
	require(logger_name_check(name) == LOGGER_NAME_OK, "a name that no logger may have");
}

static void check_context(const struct syslog_message *message, struct span bytes,
			  struct span scratch)
{
	require(message->n_context <= CONTEXT_PAIRS_MAX, "too many pairs");
	for (size_t i = 0; i < message->n_context; i++) {
		const struct context_pair *pair = &message->context[i];

		require(context_key_is_valid(pair->key), "a key that is no SD-NAME");
		require(is_within(pair->key, bytes), "a key is not within the datagram");
		require(is_within(pair->value, bytes) || is_within(pair->value, scratch),
			"a value is neither within the datagram nor in scratch");
		require(pair->value.len <= CONTEXT_VALUE_MAX, "a value is too long");
		for (size_t j = 0; j < i; j++)
			require(!span_equal(pair->key, message->context[j].key), "a key twice");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free) uint8_t *scratch_bytes = NULL;
	struct syslog_message message;
	struct writer scratch;
	struct span bytes;

	if (size < 2)
		return 0; /* the parser is promised a byte */
	bytes = span_of_bytes(data + 1, size - 1);
	scratch_bytes = malloc(1 + (size_t)data[0] * SCRATCH_UNIT);
	require(scratch_bytes != NULL, "no memory");
	scratch = writer_over(scratch_bytes, (size_t)data[0] * SCRATCH_UNIT);
	syslog_message_parse(bytes, &scratch, &message);
	require(message.level >= 1 && message.level <= LEVEL_MAX, "a level out of range");
	check_text(message.text, bytes);
	check_tag(message.tag, bytes);
	check_context(&message, bytes, writer_span(&scratch));
	return 0;
}
