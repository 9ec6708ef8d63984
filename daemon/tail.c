#include "tail.h"

#include <errno.h>

#include "format/escape.h"
#include "format/timestamp.h"
#include "logger_json.h"
#include "name_pattern.h"
#include "tail_ring.h"

/* Of one slice, of which there are twenty a second. */
#define SLICE_RECORDS 256
#define SLICE_BYTES   65536 /* of texts; the last one may exceed it */

#define PATIENCE_S 600 /* a pager may stand still for a while */

DEFINE_CLEANUP(json_t *, json_decref)

struct tail {
	struct tails *tails; /* borrowed */
	struct name_pattern pattern;
	uint8_t level;
	bool all;
	struct control_caller caller;
	bool has_begun; /* the first slice was given */
	struct tail_ring *ring;
};

struct tails {
	struct forward *forward; /* borrowed */
	struct tail *open[TAILS_MAX];
	size_t count;
	struct tail_counts counts;
	struct timestamp_cache timestamps;
	uint8_t scratch[4 * TAIL_TEXT_BYTES]; /* an escaped byte is four */
};

static bool tail_wants(const struct tail *tail, const struct record_seen *seen)
{
	const struct record *record = seen->record;

	return (tail->all || seen->fate != RECORD_FILTERED) && record->level >= tail->level &&
	       (tail->caller.is_operator || tail->caller.uid == record->uid) &&
	       name_pattern_holds(&tail->pattern, seen->logger);
}

/* forward_observer */
static void on_record(void *arg, const struct record_seen *seen)
{
	struct tails *tails = arg;
	const struct record *record = seen->record;
	struct tail_record copied = {
		.time_us = record->time_us,
		.pid = record->pid,
		.uid = record->uid,
		.level = record->level,
		.fate = (uint8_t)seen->fate,
		.recorded = seen->recorded,
		.logger = seen->logger,
		.app = record->app,
		.text = record->text,
		.original_length = record->original_length,
	};

	if (copied.text.len > TAIL_TEXT_BYTES)
		copied.text.len = escape_cut(copied.text, TAIL_TEXT_BYTES);
	for (size_t i = 0; i < tails->count; i++) {
		if (tail_wants(tails->open[i], seen) &&
		    !tail_ring_put(tails->open[i]->ring, &copied))
			tails->counts.not_shown++;
	}
}

/* As a collector would receive it. */
static json_t *escaped_json(struct tails *tails, struct span text)
{
	struct writer writer = writer_over(tails->scratch, sizeof(tails->scratch));

	if (escape_is_clean(text))
		return text_json(text);
	escape_text(&writer, text);
	return text_json(writer_span(&writer));
}

static json_t *time_json(struct tails *tails, int64_t time_us)
{
	uint8_t bytes[32];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	timestamp_write_rfc5424(&tails->timestamps, time_us, &writer);
	return text_json(writer_span(&writer));
}

static json_t *record_json(struct tails *tails, const struct tail_record *record)
{
	json_t *object =
		json_pack("{s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:s}", "time",
			  time_json(tails, record->time_us), "logger",
			  logger_name_json(record->logger), "level", (int)record->level, "app",
			  text_json(record->app), "pid",
			  record->pid == 0 ? json_null() : json_integer(record->pid), "uid",
			  record->uid == (uid_t)-1 ? json_null() : json_integer(record->uid),
			  "text", escaped_json(tails, record->text), "fate",
			  record_fate_name((enum record_fate)record->fate));

	if (record->recorded)
		json_object_set_new(object, "recorded", json_true());
	if (record->original_length > record->text.len)
		json_object_set_new(object, "length",
				    json_integer((json_int_t)record->original_length));
	return object;
}

static void add_missed(json_t *records, uint64_t missed)
{
	if (missed > 0)
		json_array_append_new(records, json_pack("{s:I}", "not_shown", (json_int_t)missed));
}

static void add_records(struct tail *tail, json_t *records)
{
	const struct tail_record *record;
	size_t bytes = 0;

	for (size_t i = 0; i < SLICE_RECORDS && bytes < SLICE_BYTES; i++) {
		add_missed(records, tail_ring_take_missed(tail->ring));
		record = tail_ring_first(tail->ring);
		if (record == NULL)
			return;
		bytes += record->text.len;
		if (json_array_append_new(records, record_json(tail->tails, record)) == 0)
			tail->tails->counts.shown++;
		else /* no memory */
			tail->tails->counts.not_shown++;
		tail_ring_drop(tail->ring);
	}
}

static json_t *tail_next(void *state, enum control_pace *pace_out)
{
	struct tail *tail = state;
	CLEANUP(json_decref) json_t *records = json_array();
	const struct control_caller *caller = &tail->caller;

	*pace_out = CONTROL_LATER;
	add_records(tail, records);
	if (tail->has_begun)
		return json_array_size(records) == 0 ? NULL
						     : json_pack("{s:O}", "records", records);
	tail->has_begun = true;
	return json_pack("{s:O, s:o}", "records", records, "only_uid",
			 caller->is_operator ? json_null() : json_integer(caller->uid));
}

static void tail_free(struct tail *tail)
{
	if (tail == NULL)
		return;
	tail_ring_free(tail->ring);
	free(tail);
}
DEFINE_CLEANUP(struct tail *, tail_free)

static void tail_end(void *state)
{
	struct tail *tail = state;
	struct tails *tails = tail->tails;

	tails->counts.not_shown += tail_ring_count(tail->ring);
	for (size_t i = 0; i < tails->count; i++) {
		if (tails->open[i] == tail) {
			tails->open[i] = tails->open[--tails->count];
			break;
		}
	}
	if (tails->count == 0)
		forward_observe(tails->forward, NULL, NULL);
	tail_free(tail);
}

static bool is_full(const struct tails *tails, const struct control_caller *caller)
{
	size_t strangers = 0;

	for (size_t i = 0; i < tails->count; i++)
		strangers += tails->open[i]->caller.is_operator ? 0 : 1;
	return tails->count == TAILS_MAX ||
	       (!caller->is_operator && strangers == TAILS_STRANGERS_MAX);
}

int tails_open(struct tails *tails, const struct control_caller *caller,
	       const struct tail_wish *wish, struct control_stream *stream_out)
{
	CLEANUP(tail_free) struct tail *tail = NULL;

	if (is_full(tails, caller)) {
		tails->counts.refused++;
		return -EBUSY;
	}
	tail = calloc(1, sizeof(*tail));
	if (tail == NULL)
		return -ENOMEM;
	tail->ring = tail_ring_new(TAIL_RING_BYTES);
	if (tail->ring == NULL)
		return -ENOMEM;
	tail->tails = tails;
	tail->pattern = name_pattern_of(wish->pattern);
	tail->level = wish->level;
	tail->all = wish->all;
	tail->caller = *caller;
	tails->open[tails->count++] = tail;
	forward_observe(tails->forward, on_record, tails);
	*stream_out = (struct control_stream){
		.next = tail_next,
		.end = tail_end,
		.state = move_ptr(tail),
		.patience_s = PATIENCE_S,
		.endless = true,
	};
	return 0;
}

struct tails *tails_new(struct forward *forward)
{
	struct tails *tails = calloc(1, sizeof(*tails));

	if (tails != NULL)
		tails->forward = forward;
	return tails;
}

void tails_free(struct tails *tails)
{
	free(tails);
}

struct tail_counts tails_counts(const struct tails *tails)
{
	struct tail_counts counts = tails->counts;

	counts.live = tails->count;
	return counts;
}
