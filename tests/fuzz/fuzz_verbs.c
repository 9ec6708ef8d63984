/*
 * Whatever a line holds: it is answered by one object that says ok, or why not; who has no
 * rights changes nothing; and the operations get only what they are promised.
 */
#include <stdio.h>
#include <stdlib.h>

#include "control/verbs.h"
#include "support/fuzz_target.h"
#include "wire/level.h"
#include "wire/logger_name.h"

struct seen {
	const struct control_caller *caller;
	bool changed; /* something that only operators may */
};

static void fail(const char *complaint)
{
	fprintf(stderr, "%s\n", complaint);
	abort();
}

static json_t *answer_empty(void *arg)
{
	(void)arg;
	return json_object();
}

static json_t *give_slice(void *state, enum control_pace *pace_out)
{
	(void)state;
	*pace_out = CONTROL_LAST;
	return json_object();
}

static void end_stream(void *state)
{
	(void)state;
}

static void check_pattern(const char *pattern)
{
	struct span name = span_of(pattern);
	size_t star = span_find(name, '*');

	if (pattern != NULL &&
	    (star + 1 < name.len || logger_name_check(span_first(name, star)) != LOGGER_NAME_OK))
		fail("a pattern that is none");
}

static int answer_loggers(void *arg, const char *pattern, bool all,
			  struct control_stream *stream_out)
{
	(void)arg;
	(void)all;
	check_pattern(pattern);
	*stream_out = (struct control_stream){ .next = give_slice, .end = end_stream };
	return 0;
}

static int answer_clients(void *arg, struct control_stream *stream_out)
{
	(void)arg;
	*stream_out = (struct control_stream){ .next = give_slice, .end = end_stream };
	return 0;
}

static int answer_tail(void *arg, const struct control_caller *caller, const struct tail_wish *wish,
		       struct control_stream *stream_out)
{
	struct seen *seen = arg;

	check_pattern(wish->pattern);
	if (wish->level > LEVEL_MAX)
		fail("a level that is none");
	if (caller != seen->caller)
		fail("a tail for somebody else");
	*stream_out = (struct control_stream){ .next = give_slice, .end = end_stream };
	return 0;
}

static json_t *answer_level(void *arg, const char *name)
{
	(void)arg;
	if (name != NULL && logger_name_check(span_of(name)) != LOGGER_NAME_OK)
		fail("a name that is none");
	return json_object();
}

static int set_level(void *arg, const struct level_change *change,
		     char error_out[static CONTROL_ERROR_BYTES])
{
	struct seen *seen = arg;

	(void)error_out;
	if (logger_name_check(change->name) != LOGGER_NAME_OK ||
	    span_find(change->name, '*') < change->name.len)
		fail("a pattern that is none");
	if (change->level > LEVEL_MAX || change->for_ms < 0 ||
	    (change->for_ms > 0 && change->level == LEVEL_NOTSET))
		fail("a level that is none");
	seen->changed = true;
	return 0;
}

static json_t *answer_explain(void *arg, struct span name, uint8_t level, struct span text)
{
	(void)arg;
	(void)text;
	if (logger_name_check(name) != LOGGER_NAME_OK || level < 1 || level > LEVEL_MAX)
		fail("a record that nobody could give");
	return json_object();
}

static int reload(void *arg, bool dry_run, char error_out[static CONTROL_ERROR_BYTES])
{
	struct seen *seen = arg;

	(void)dry_run;
	(void)error_out;
	seen->changed = true;
	return 0;
}

static void check_reply(const json_t *reply)
{
	const char *status = json_string_value(json_object_get(reply, "status"));
	const char *code = json_string_value(json_object_get(reply, "code"));
	const char *error = json_string_value(json_object_get(reply, "error"));
	CLEANUP(free) char *text = json_dumps(reply, JSON_COMPACT);

	if (text == NULL || strchr(text, '\n') != NULL)
		fail("the reply is no line");
	if (status == NULL)
		fail("the reply has no status");
	if (strcmp(status, "ok") == 0 && json_is_object(json_object_get(reply, "result")))
		return;
	if (strcmp(status, "error") != 0 || code == NULL || error == NULL || error[0] == '\0')
		fail("the reply says neither what nor why not");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int rights = 0; rights <= 1; rights++) {
		const struct control_caller caller = { .is_operator = rights == 1 };
		struct seen seen = { .caller = &caller };
		const struct control_ops ops = {
			.stats = answer_empty,
			.health = answer_empty,
			.loggers = answer_loggers,
			.tail = answer_tail,
			.clients = answer_clients,
			.targets = answer_empty,
			.level = answer_level,
			.set_level = set_level,
			.explain = answer_explain,
			.reload = reload,
			.arg = &seen,
		};
		struct control_stream stream = { 0 };
		json_t *reply = verbs_answer(&ops, &caller, span_of_bytes(data, size), &stream);

		if (stream.next != NULL) {
			if (reply != NULL)
				fail("two answers");
			stream.end(stream.state);
			continue;
		}
		if (reply == NULL)
			fail("no reply");
		check_reply(reply);
		if (seen.changed && !caller.is_operator)
			fail("a stranger changed something");
		json_decref(reply);
	}
	return 0;
}
