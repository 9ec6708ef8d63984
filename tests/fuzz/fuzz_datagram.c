/*
 * Whatever a client supplies, and whatever the template: a formatted datagram fits, holds what
 * the message says and nothing else, and the promised scratch suffices.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/reader.h"
#include "format/datagram.h"
#include "format/template.h"
#include "support/datagram_oracle.h"
#include "support/fuzz_target.h"

#define INPUT_BYTES_MAX (8 * 1024) /* what keeps a rendered template within the oracle's memory */

enum {
	FLAG_RFC3164 = 1,
	FLAG_TEMPLATE = 2,
	FLAG_SEQUENCE = 4,
	FLAG_CLIENT_CUT = 8,
	FLAG_RECORDED = 16,
};

struct input {
	struct format_options options;
	struct message message;
	struct context_pair context[CONTEXT_PAIRS_MAX];
	size_t small_scratch; /* bytes, perhaps too few */
	char template[UINT8_MAX + 1];
};

static void fail(const char *complaint)
{
	fprintf(stderr, "%s\n", complaint);
	abort();
}

/* Adds the pair unless it is one that intake refuses. */
static void add_pair(struct input *input, struct context_pair pair)
{
	struct message *message = &input->message;

	if (!context_key_is_valid(pair.key) || pair.value.len > CONTEXT_VALUE_MAX)
		return;
	for (size_t i = 0; i < message->n_context; i++) {
		if (span_equal(pair.key, input->context[i].key))
			return;
	}
	input->context[message->n_context++] = pair;
}

static void read_input(struct reader *reader, struct input *input)
{
	struct message *message = &input->message;
	uint8_t flags = reader_u8(reader);
	struct span template;
	size_t pairs;

	input->options.kind = (flags & FLAG_RFC3164) != 0 ? FORMAT_RFC3164 : FORMAT_RFC5424;
	input->options.datagram_bytes =
		DATAGRAM_BYTES_MIN +
		reader_u16(reader) % (DATAGRAM_BYTES_MAX - DATAGRAM_BYTES_MIN + 1);
	input->small_scratch = reader_u16(reader);
	message->level = (uint8_t)(1 + reader_u8(reader) % 100);
	message->facility = reader_u8(reader) % 24;
	message->pid = (pid_t)reader_u32(reader);
	message->uid = reader_u32(reader);
	message->time_us = (int64_t)reader_u64(reader);
	message->recorded = (flags & FLAG_RECORDED) != 0;
	message->has_sequence = (flags & FLAG_SEQUENCE) != 0;
	message->sequence_id = 1 + reader_u32(reader) % INT32_MAX;
	message->host = reader_string8(reader);
	message->app = reader_string8(reader);
	message->logger = reader_string8(reader);
	message->context = input->context;
	pairs = reader_u8(reader) % (CONTEXT_PAIRS_MAX + 1);
	for (size_t i = 0; i < pairs; i++) {
		struct span key = reader_string8(reader);
		struct span value = reader_string16(reader);

		add_pair(input, (struct context_pair){ key, value });
	}
	if ((flags & FLAG_TEMPLATE) != 0) {
		template = reader_string8(reader);
		if (template.len > 0)
			memcpy(input->template, template.ptr, template.len);
	}
	message->text = reader_rest(reader);
	message->original_length =
		message->text.len + ((flags & FLAG_CLIENT_CUT) != 0 ? message->text.len + 1 : 0);
}

/* Even alone, cut and without its context the record does not fit. */
static void check_too_large(const struct input *input)
{
	struct format_options options = input->options;
	struct message bare = input->message;
	struct timestamp_cache cache = { 0 };
	static uint8_t bytes[FORMAT_SCRATCH_BYTES];
	struct writer scratch = writer_over(bytes, sizeof(bytes));
	struct datagram datagram;

	if (bare.original_length == 0)
		bare.original_length = 1; /* as long to tell as the 0 of an empty text */
	bare.text.len = 0;
	bare.n_context = 0;
	options.template = NULL;
	options.datagram_bytes = DATAGRAM_BYTES_MAX;
	if (format_datagram(&options, &bare, &cache, &scratch, &datagram) != FORMAT_DONE ||
	    datagram.header.len + datagram.text.len <= input->options.datagram_bytes)
		fail("too large, and yet it would fit");
}

/* With less memory it is the same datagram, or the demand for more and nothing else. */
static void check_small_scratch(const struct input *input, const struct datagram *expected)
{
	struct timestamp_cache cache = { 0 };
	CLEANUP(free) uint8_t *bytes = malloc(input->small_scratch + 1);
	struct writer scratch = writer_over(bytes, bytes == NULL ? 0 : input->small_scratch);
	struct datagram datagram;
	enum format_outcome outcome =
		format_datagram(&input->options, &input->message, &cache, &scratch, &datagram);

	if (outcome == FORMAT_NO_ROOM) {
		if (scratch.len != 0 || scratch.failed)
			fail("no room, and yet scratch was used");
		if (input->small_scratch > input->options.datagram_bytes)
			fail("no room, though the promised size was there");
		return;
	}
	if (expected == NULL)
		return;
	if (outcome != FORMAT_DONE || datagram.cut != expected->cut ||
	    !span_equal(datagram.header, expected->header) ||
	    !span_equal(datagram.text, expected->text))
		fail("scratch changes what is sent");
}

static void check(struct input *input)
{
	static uint8_t bytes[FORMAT_SCRATCH_BYTES];
	struct writer scratch = writer_over(bytes, input->options.datagram_bytes + 1);
	struct timestamp_cache cache = { 0 };
	struct datagram datagram;
	const char *complaint;

	switch (format_datagram(&input->options, &input->message, &cache, &scratch, &datagram)) {
	case FORMAT_NO_ROOM:
		fail("the promised scratch does not suffice");
		break;
	case FORMAT_TOO_LARGE:
		check_too_large(input);
		check_small_scratch(input, NULL);
		break;
	case FORMAT_DONE:
		complaint = datagram_complaint(&input->options, &input->message, &datagram);
		if (complaint != NULL)
			fail(complaint);
		check_small_scratch(input, &datagram);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader reader = reader_of(span_of_bytes(data, size));
	char error[TEMPLATE_ERROR_BYTES];
	CLEANUP(template_free) struct template *template = NULL;
	struct input input = { 0 };

	if (size > INPUT_BYTES_MAX)
		return 0;
	read_input(&reader, &input);
	if (input.template[0] != '\0' && template_compile(input.template, &template, error) == 0)
		input.options.template = template;
	check(&input);
	return 0;
}
