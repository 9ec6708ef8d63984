/*
 * Whatever a packet holds: no decoder reads outside of it, what is accepted is within its
 * bounds, and encodes to the very bytes that it was decoded from.
 */
#include <stdlib.h>

#include "support/frame_codec.h"
#include "support/fuzz_target.h"

#define RECORD_FLAGS_AT	   13 /* in the body: after id, time and level */
#define RECORD_CUT_TEXT_AT 18 /* after the original length */

/*
 * Two accepted forms are not what the encoder writes: the hello of a later version, of which
 * only the part that all versions share is kept, and a record that is marked as cut and is not.
 */
static bool is_canonical(const struct frame *frame)
{
	struct frame_hello hello;
	struct frame_record record;

	if (frame->type == FRAME_HELLO)
		return frame_parse_hello(frame->body, &hello) && hello.version == WIRE_VERSION;
	if (frame->type == FRAME_RECORD && frame_parse_record(frame->body, &record))
		return frame->body.ptr[RECORD_FLAGS_AT] == 0 ||
		       record.original_length != frame->body.len - RECORD_CUT_TEXT_AT;
	return true;
}

static void check_frame(const struct frame *frame, struct span bytes)
{
	struct writer writer = writer_over(malloc(bytes.len), bytes.len);

	if (writer.ptr == NULL)
		abort();
	if (frame_recode(frame, &writer) && is_canonical(frame) &&
	    (writer.failed || !span_equal(writer_span(&writer), bytes)))
		abort();
	free(writer.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of_bytes(data, size);
	struct span before = rest;
	struct frame frame;

	while (frame_take(&rest, &frame) == FRAME_TAKEN) {
		struct span bytes = span_first(before, before.len - rest.len);

		if (frame.body.len + WIRE_HEADER_BYTES != bytes.len)
			abort();
		if (frame_type_is_known(frame.type))
			check_frame(&frame, bytes);
		before = rest;
	}
	return 0;
}
