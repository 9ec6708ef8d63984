#include "explain.h"

#include <stdio.h>
#include <unistd.h>

#include "handler.h"
#include "logger_json.h"
#include "os/clock.h"

/* What a handler would send, made once, however often the handler is met. */
struct sent {
	uint32_t times;	  /* that it was met and had room */
	size_t parts;	  /* 0: it exceeds a datagram and is dropped */
	json_t *datagram; /* the first part; owned */
};

struct explained {
	const struct forward *forward;
	struct message message;
	struct context_pair context[CONTEXT_PAIRS_MAX];
	struct level_view effective;
	bool exists;
	size_t n_takes, n_limited, n_oversize;
	struct sent sent[ROUTE_HANDLERS_MAX];
	struct render_space space;
};

static void note_view(const struct logger_view *view, void *arg)
{
	struct explained *explained = arg;

	explained->effective = view->effective;
	explained->exists = !view->placeholder;
}

/* Owned; NULL without memory. */
static json_t *datagram_json(const struct datagram *datagram)
{
	const size_t size = datagram->header.len + datagram->text.len;
	CLEANUP(free) uint8_t *bytes = malloc(size);
	struct writer whole = writer_over(bytes, size);

	if (bytes == NULL)
		return NULL;
	writer_text(&whole, datagram->header);
	writer_text(&whole, datagram->text);
	return text_json(writer_span(&whole));
}

static void explain_sent(struct explained *explained, uint16_t handler)
{
	struct sent *sent = &explained->sent[handler];
	struct datagram datagram;

	if (sent->times++ > 0)
		return;
	sent->parts = forward_render(explained->forward, handler, &explained->message,
				     &explained->space, &datagram);
	if (sent->parts > 0)
		sent->datagram = datagram_json(&datagram);
}

/* What becomes of it at a handler that it meets; counts it. */
static const char *verdict_at(struct explained *explained, uint16_t handler)
{
	const struct message *message = &explained->message;
	const struct sent *sent = &explained->sent[handler];

	switch (tree_handler_verdict(forward_tree(explained->forward), handler, message->logger,
				     message->level)) {
	case HANDLER_BELOW_LEVEL:
		return "level";
	case HANDLER_FILTERS_NAME:
		return "filter";
	case HANDLER_TAKES:
		break;
	}
	if (!forward_has_room(explained->forward, handler, sent->times)) {
		explained->n_limited++;
		return "rate_limited";
	}
	explain_sent(explained, handler);
	if (sent->parts == 0) {
		explained->n_oversize++;
		return "oversize";
	}
	explained->n_takes++;
	return "takes";
}

static json_t *handler_json(struct explained *explained, uint16_t handler)
{
	struct handler_view view = forward_handler(explained->forward, handler);
	const char *verdict = verdict_at(explained, handler);
	const struct sent *sent = &explained->sent[handler];
	json_t *object = json_pack("{s:s, s:s, s:s}", "handler", view.name, "target", view.target,
				   "verdict", verdict);

	if (strcmp(verdict, "takes") != 0)
		return object;
	json_object_set(object, "datagram", sent->datagram);
	if (sent->parts > 1)
		json_object_set_new(object, "parts", json_integer((json_int_t)sent->parts));
	return object;
}

static json_t *path_json(struct explained *explained)
{
	struct path_step steps[PATH_STEPS_MAX];
	size_t count =
		tree_path(forward_tree(explained->forward), explained->message.logger, steps);
	json_t *path = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *handlers = json_array();

		for (size_t k = 0; k < steps[i].n_handlers; k++)
			json_array_append_new(handlers,
					      handler_json(explained, steps[i].handlers[k]));
		json_array_append_new(path, json_pack("{s:o, s:b, s:o}", "logger",
						      logger_name_json(steps[i].name), "propagate",
						      steps[i].propagate, "handlers", handlers));
	}
	return path;
}

/* What a flight recorder would do beside that; null where there is none. */
static json_t *recorder_json(const struct explained *explained)
{
	struct recorder_rule rule =
		tree_recorder(forward_tree(explained->forward), explained->message.logger);

	if (rule.records == 0)
		return json_null();
	return json_pack("{s:I, s:i}", "records", (json_int_t)rule.records, "trigger",
			 (int)rule.trigger);
}

static void set_verdict(json_t *object, const struct explained *explained)
{
	const char *verdict = "no_handler";
	const char *reason = "no handler on the way takes it";

	if (explained->message.level < explained->effective.level) {
		verdict = "filtered";
		reason = "it is below the effective level of its logger";
	} else if (explained->n_takes > 0) {
		verdict = "delivered";
		reason = "";
	} else if (explained->n_oversize > 0) {
		verdict = "oversize";
		reason = "it exceeds datagram-bytes of every target that would get it";
	} else if (explained->n_limited > 0) {
		verdict = "rate_limited";
		reason = "every handler that would take it is at its rate-limit now";
	}
	json_object_set_new(object, "verdict", json_string(verdict));
	json_object_set_new(object, "reason", json_string(reason));
}

static json_t *explained_json(struct explained *explained)
{
	bool filtered = explained->message.level < explained->effective.level;
	json_t *path = filtered ? json_array() : path_json(explained);
	json_t *object =
		json_pack("{s:o, s:i, s:b, s:o, s:o, s:o}", "name",
			  logger_name_json(explained->message.logger), "level",
			  (int)explained->message.level, "exists", explained->exists, "effective",
			  level_view_json(&explained->effective, clock_monotonic_ms()), "path",
			  path, "recorder", recorder_json(explained));

	if (object != NULL)
		set_verdict(object, explained);
	return object;
}

json_t *explain(const struct forward *forward, struct span name, uint8_t level, struct span text)
{
	const struct tree *tree = forward_tree(forward);
	struct explained *explained = calloc(1, sizeof(*explained));
	json_t *object;

	if (explained == NULL)
		return NULL;
	name = logger_name_canonical(name);
	explained->forward = forward;
	explained->message = (struct message){
		.time_us = clock_realtime_us(),
		.level = level,
		.pid = getpid(),
		.uid = geteuid(),
		.host = forward_host(forward),
		.app = span_of("logfwdctl"),
		.logger = name,
		.context = explained->context,
		.n_context = tree_context(tree, NULL, name, explained->context),
		.text = text,
		.original_length = text.len,
	};
	tree_view(tree, name, note_view, explained);
	object = explained_json(explained);
	for (size_t i = 0; i < ARRAY_LEN(explained->sent); i++)
		json_decref(explained->sent[i].datagram);
	free(explained);
	return object;
}
