/*
 * micro: nanoseconds per call of what every record passes, each alone in a loop, without a
 * daemon. Prints one line "NAME NANOSECONDS" each: the least of ROUNDS rounds, since all that
 * disturbs a round makes it longer.
 */
#include "micro.h"

#include "histogram.h"

#include "base/cleanup.h"
#include "format/datagram.h"
#include "route/tree.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS	   50
#define CALLS	   20000  /* of each round, so short that some round is not disturbed */
#define MANY	   100000 /* loggers */
#define FEW	   10
#define TEXT_BYTES 120

double measure_ns(subject *call, void *arg)
{
	static volatile uint64_t kept;
	uint64_t best_ns = UINT64_MAX, sum = 0;
	size_t turn = 0;

	for (size_t round = 1; round <= ROUNDS; round++) {
		uint64_t start_ns = clock_now_ns(), took_ns;

		while (turn < round * CALLS)
			sum += call(arg, turn++);
		took_ns = clock_now_ns() - start_ns;
		if (took_ns < best_ns)
			best_ns = took_ns;
	}
	kept = sum;
	(void)kept;
	return (double)best_ns / CALLS;
}

static void measure(const char *name, subject *call, void *arg)
{
	printf("%s %.2f\n", name, measure_ns(call, arg));
}

void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "micro: %s failed\n", what);
		exit(1);
	}
}

static uint64_t call_nothing(void *arg, size_t turn)
{
	(void)arg;
	return turn;
}

/* --- frames --- */

struct packet {
	uint8_t bytes[512];
	size_t length;
	struct frame_record record;
};

static uint64_t call_encode(void *arg, size_t turn)
{
	struct packet *packet = arg;
	struct writer writer = writer_over(packet->bytes, sizeof(packet->bytes));

	packet->record.time_us = (int64_t)turn;
	frame_write_record(&writer, &packet->record);
	packet->length = writer.len;
	return writer.len;
}

static uint64_t call_parse(void *arg, size_t turn)
{
	const struct packet *packet = arg;
	struct span bytes = span_of_bytes(packet->bytes, packet->length);
	struct frame_record record;
	struct frame frame;

	(void)turn;
	if (frame_take(&bytes, &frame) != FRAME_TAKEN || !frame_parse_record(frame.body, &record))
		return 0;
	return record.text.len;
}

static void measure_frames(const char *text)
{
	static struct packet packet;

	packet.record = (struct frame_record){
		.logger_id = 1,
		.level = LEVEL_INFO,
		.original_length = TEXT_BYTES,
		.text = span_of_bytes(text, TEXT_BYTES),
	};
	measure("record frame, encode", call_encode, &packet);
	require(call_parse(&packet, 0) == TEXT_BYTES, "parsing a record frame");
	measure("record frame, take and parse", call_parse, &packet);
}

/* --- format --- */

struct formatting {
	struct format_options options;
	struct message message;
	struct timestamp_cache cache;
	uint8_t scratch[4096];
};

static uint64_t call_format(void *arg, size_t turn)
{
	struct formatting *formatting = arg;
	struct writer scratch = writer_over(formatting->scratch, sizeof(formatting->scratch));
	struct datagram datagram = { 0 };

	formatting->message.time_us +=
		(int64_t)(turn & 7); /* a new second every few 100,000 calls */
	if (format_datagram(&formatting->options, &formatting->message, &formatting->cache,
			    &scratch, &datagram) != FORMAT_DONE)
		return 0;
	return datagram.header.len + datagram.text.len;
}

static void measure_format(const char *text)
{
	static struct formatting formatting;
	static const struct context_pair context[] = {
		{ { (const uint8_t *)"peer", 4 }, { (const uint8_t *)"10.0.0.7:51234", 14 } },
	};

	formatting.options.kind = FORMAT_RFC5424;
	formatting.options.datagram_bytes = DATAGRAM_BYTES_DEFAULT;
	formatting.message = (struct message){
		.time_us = 1795342272000000,
		.level = LEVEL_INFO,
		.facility = 16,
		.pid = 4711,
		.host = span_of("host.example.com"),
		.app = span_of("bench"),
		.logger = span_of("Connection.140230"),
		.text = span_of_bytes(text, TEXT_BYTES),
		.original_length = TEXT_BYTES,
	};
	require(call_format(&formatting, 0) > TEXT_BYTES, "formatting a record");
	measure("format_datagram, RFC 5424", call_format, &formatting);
	formatting.message.context = context;
	formatting.message.n_context = ARRAY_LEN(context);
	measure("format_datagram, with context", call_format, &formatting);
	formatting.options.kind = FORMAT_RFC3164;
	measure("format_datagram, RFC 3164", call_format, &formatting);
}

/* --- route --- */

struct routing {
	struct tree *tree;
	size_t count; /* of leases */
	struct lease *leases[MANY];
	struct route route;
};

/* Steps through the leases in an order that no cache foresees. */
static uint64_t call_route(void *arg, size_t turn)
{
	struct routing *routing = arg;
	size_t at = turn * 7919 % routing->count;

	tree_route(routing->tree, routing->leases[at], LEVEL_INFO, &routing->route);
	return routing->route.n_hits;
}

static uint64_t call_open_close(void *arg, size_t turn)
{
	struct routing *routing = arg;
	struct lease *lease;

	(void)turn;
	if (tree_open(routing->tree, span_of("Connection.one-more"), routing, &lease) < 0)
		return 0;
	tree_close(routing->tree, lease, LEASE_RELEASED);
	return 1;
}

static void configure(struct tree *tree)
{
	static const uint16_t handlers[] = { 0 };
	static const struct handler_rule rules[] = { { .level = LEVEL_NOTSET } };
	const struct logger_options root = {
		.name = "",
		.level = LEVEL_INFO,
		.propagate = true,
		.handlers = handlers,
		.n_handlers = ARRAY_LEN(handlers),
	};
	const struct tree_options options = { &root, 1, rules, ARRAY_LEN(rules) };
	struct tree_generation *generation;

	require(tree_prepare(tree, &options, &generation) == 0, "tree_prepare");
	tree_commit(tree, generation);
}

static void measure_routing(size_t count, const char *route_name, const char *open_name)
{
	static const uint8_t hash_key[16] = { 1, 2, 3 };
	static struct routing routing;
	CLEANUP(tree_free) struct tree *tree = tree_new(hash_key);

	require(tree != NULL, "tree_new");
	configure(tree);
	routing.tree = tree;
	routing.count = count;
	for (size_t i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "Connection.%zu", 100000 + i);
		require(tree_open(tree, span_of(name), &routing, &routing.leases[i]) == 0,
			"tree_open");
	}
	require(call_route(&routing, 0) == 1, "routing to the root's handler");
	measure(route_name, call_route, &routing);
	measure(open_name, call_open_close, &routing);
	for (size_t i = 0; i < count; i++)
		tree_close(tree, routing.leases[i], LEASE_RELEASED);
}

int main(void)
{
	char text[TEXT_BYTES];

	memset(text, 'x', sizeof(text));
	measure("nothing (the loop itself)", call_nothing, NULL);
	measure_client();
	measure_frames(text);
	measure_format(text);
	measure_routing(FEW, "tree_route, 10 loggers", "tree_open and close, 10 loggers");
	measure_routing(MANY, "tree_route, 100000 loggers", "tree_open and close, 100000 loggers");
	return 0;
}
