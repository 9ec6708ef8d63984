#include "support/format_fixture.h"

#include <check.h>

#include "support/datagram_oracle.h"

struct message sample_message(void)
{
	static const struct context_pair peer[] = {
		{ { (const uint8_t *)"peer", 4 }, { (const uint8_t *)"10.0.0.7:51234", 14 } },
	};

	return (struct message){
		.time_us = 1795342272345678, /* 2026-11-22T10:11:12.345678Z */
		.level = 20,
		.facility = 16,
		.pid = 4242,
		.host = span_of("edge1.example.com"),
		.app = span_of("gateway"),
		.logger = span_of("Connection.140230"),
		.context = peer,
		.n_context = ARRAY_LEN(peer),
		.text = span_of("hello world"),
		.original_length = 11,
	};
}

void sample_set_text(struct message *message, struct span text)
{
	message->text = text;
	message->original_length = text.len;
}

struct span sample_repeat(const char *period, size_t len)
{
	static uint8_t bytes[70000];
	size_t period_len = strlen(period);

	ck_assert_uint_le(len, sizeof(bytes));
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)period[i % period_len];
	return span_of_bytes(bytes, len);
}

enum format_outcome workbench_format(struct workbench *bench, const struct format_options *options,
				     const struct message *message, struct datagram *datagram_out)
{
	bench->scratch = writer_over(bench->bytes, options->datagram_bytes + 1);
	return format_datagram(options, message, &bench->cache, &bench->scratch, datagram_out);
}

struct datagram workbench_check(struct workbench *bench, const struct format_options *options,
				const struct message *message)
{
	struct datagram datagram;
	const char *complaint;

	ck_assert_int_eq(workbench_format(bench, options, message, &datagram), FORMAT_DONE);
	complaint = datagram_complaint(options, message, &datagram);
	ck_assert_msg(complaint == NULL, "%s: %.*s%.*s", complaint, (int)datagram.header.len,
		      (const char *)datagram.header.ptr, (int)datagram.text.len,
		      (const char *)datagram.text.ptr);
	return datagram;
}
