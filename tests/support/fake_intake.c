#include "support/fake_intake.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"

struct lease {
	size_t context_bytes; /* as if no pair ever replaced another */
	struct span name;     /* its bytes stand behind it */
	char bytes[];
};

void fake_intake_init(struct fake_intake *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->levels = (struct client_levels){ .version = 1, .floor = 101 };
}

static void take_time(int64_t duration_us)
{
	const int64_t until_us = clock_monotonic_us() + duration_us;

	while (clock_monotonic_us() < until_us)
		;
}

__attribute__((format(printf, 2, 3))) static void note(struct fake_intake *fake, const char *format,
						       ...)
{
	size_t room = FAKE_JOURNAL_BYTES - fake->length;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(fake->journal + fake->length, room + 1, format, args);
	va_end(args);
	if (length >= 0 && (size_t)length <= room)
		fake->length += (size_t)length;
	fake->journal[fake->length] = '\0';
}

const char *fake_intake_take(struct fake_intake *fake)
{
	fake->length = 0; /* the text stays until the next note */
	return fake->journal;
}

/* For "%.*s". */
#define SPAN(span) (int)(span).len, (const char *)(span).ptr

static int fake_open(void *arg, struct span name, const void *owner, struct lease **lease_out)
{
	struct fake_intake *fake = arg;
	struct lease *lease;

	(void)owner;
	if (fake->open_result != 0)
		return fake->open_result;
	lease = calloc(1, sizeof(*lease) + name.len);
	if (lease == NULL)
		abort();
	if (name.len > 0)
		memcpy(lease->bytes, name.ptr, name.len);
	lease->name = span_of_bytes(lease->bytes, name.len);
	fake->leases++;
	note(fake, "open %.*s\n", SPAN(name));
	*lease_out = lease;
	return 0;
}

static bool fake_puts_off(struct fake_intake *fake)
{
	return fake->puts_off_each > 0 && ++fake->asked % fake->puts_off_each == 0;
}

static bool fake_play_back(void *arg, struct lease *lease, uint64_t *sent)
{
	struct fake_intake *fake = arg;

	(void)lease;
	if (fake_puts_off(fake))
		return false;
	*sent += fake->sent_of_each;
	return true;
}

static size_t fake_close(void *arg, struct lease *lease, bool client_exit)
{
	struct fake_intake *fake = arg;

	take_time(fake->end_us);
	note(fake, "%s %.*s\n", client_exit ? "exit" : "close", SPAN(lease->name));
	fake->leases--;
	free(lease);
	return client_exit ? 0 : fake->forgotten_of_each;
}

static size_t fake_context_bytes(void *arg, const struct lease *lease)
{
	(void)arg;
	return lease->context_bytes;
}

static void fake_client_exit(void *arg, const struct client_exit *exit)
{
	struct fake_intake *fake = arg;

	if (fake->notes_exits)
		note(fake, "gone %" PRIu64 " loggers %" PRIu64 " records %" PRIu64 " sent\n",
		     exit->loggers, exit->records, exit->sent);
}

static void fake_set_level(void *arg, struct lease *lease, uint8_t level)
{
	note(arg, "level %.*s %u\n", SPAN(lease->name), level);
}

static int fake_set_context(void *arg, struct lease *lease, const struct context_pair *pair,
			    bool set)
{
	struct fake_intake *fake = arg;

	if (fake->context_result != 0)
		return fake->context_result;
	lease->context_bytes += set ? pair->key.len + pair->value.len : 0;
	if (set)
		note(fake, "context %.*s %.*s=%.*s\n", SPAN(lease->name), SPAN(pair->key),
		     SPAN(pair->value));
	else
		note(fake, "context %.*s -%.*s\n", SPAN(lease->name), SPAN(pair->key));
	return 0;
}

static void fake_prefetch(void *arg, const struct lease *lease)
{
	struct fake_intake *fake = arg;

	(void)lease;
	fake->prefetched++;
}

static bool fake_record(void *arg, const struct record *record)
{
	struct fake_intake *fake = arg;
	struct span name = record->lease != NULL ? record->lease->name : span_of("-");

	if (record->lease != NULL && fake_puts_off(fake))
		return false;
	take_time(fake->record_us);
	fake->records++;
	fake->last = *record;
	snprintf(fake->last_app, sizeof(fake->last_app), "%.*s", SPAN(record->app));
	snprintf(fake->last_logger, sizeof(fake->last_logger), "%.*s", SPAN(record->logger));
	note(fake, "record %.*s %u %.*s\n", SPAN(name), record->level, SPAN(record->text));
	return true;
}

static void fake_reject(void *arg, enum reject_reason reason)
{
	note(arg, "reject %s\n", reason == REJECT_MALFORMED ? "malformed" : "unknown_logger");
}

static void fake_dropped(void *arg, const struct client_loss *loss)
{
	note(arg, "dropped %" PRIu64 "\n", loss->dropped.records);
}

static void fake_flush(void *arg)
{
	struct fake_intake *fake = arg;

	fake->flushes++;
}

static void fake_level_map(void *arg, struct client_levels levels, struct writer *writer)
{
	struct fake_intake *fake = arg;
	const struct level_map_entry root = { .name = span_of(""), .level = 20 };

	fake->maps++;
	frame_write_level_map(writer, levels.floor, &root, 1);
}

static struct client_levels fake_client_levels(void *arg, const void *owner)
{
	const struct fake_intake *fake = arg;

	(void)owner;
	return fake->levels;
}

struct intake_ops fake_intake_ops(struct fake_intake *fake)
{
	return (struct intake_ops){
		.open = fake_open,
		.play_back = fake_play_back,
		.close = fake_close,
		.set_level = fake_set_level,
		.set_context = fake_set_context,
		.context_bytes = fake_context_bytes,
		.prefetch = fake_prefetch,
		.record = fake_record,
		.reject = fake_reject,
		.client_dropped = fake_dropped,
		.client_exit = fake_client_exit,
		.flush = fake_flush,
		.level_map = fake_level_map,
		.client_levels = fake_client_levels,
		.arg = fake,
	};
}
