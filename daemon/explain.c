#include "explain.h"

#include <stdio.h>
#include <unistd.h>

#include "logger_json.h"
#include "os/clock.h"

struct explained {
	const struct forward *forward;
	struct message message;
	struct context_pair context[CONTEXT_PAIRS_MAX];
	struct level_view effective;
	bool exists;
	size_t n_takes, n_limited;
	uint32_t taken[ROUTE_HANDLERS_MAX];    /* by each, which may be met on several loggers */
	json_t *datagrams[ROUTE_HANDLERS_MAX]; /* each made once, however often it is met */
	uint8_t scratch[FORMAT_SCRATCH_BYTES];
};

static void note_view(const struct logger_view *view, void *arg)
{
	struct explained *explained = arg;

	explained->effective = view->effective;
	explained->exists = !view->placeholder;
}

/* What a collector would be sent; null when it cannot be formatted within the target's size. */
static json_t *datagram_json(struct explained *explained, uint16_t handler)
{
	struct writer scratch = writer_over(explained->scratch, sizeof(explained->scratch));
	struct datagram datagram;
	struct writer whole;
	uint8_t *bytes;
	json_t *json;

	if (forward_render(explained->forward, handler, &explained->message, &scratch, &datagram) !=
	    FORMAT_DONE)
		return json_null();
	bytes = malloc(datagram.header.len + datagram.text.len);
	if (bytes == NULL)
		return NULL;
	whole = writer_over(bytes, datagram.header.len + datagram.text.len);
	writer_text(&whole, datagram.header);
	writer_text(&whole, datagram.text);
	json = text_json(writer_span(&whole));
	free(bytes);
	return json;
}

static json_t *handler_json(struct explained *explained, uint16_t handler)
{
	static const char *const names[] = {
		[HANDLER_TAKES] = "takes",
		[HANDLER_BELOW_LEVEL] = "level",
		[HANDLER_FILTERS_NAME] = "filter",
	};
	const struct message *message = &explained->message;
	struct handler_view view = forward_handler(explained->forward, handler);
	enum handler_verdict verdict =
		tree_handler_verdict(forward_tree(explained->forward), handler, message->logger,
				     message->level);
	bool limited = verdict == HANDLER_TAKES &&
		       !forward_has_room(explained->forward, handler, explained->taken[handler]);
	json_t *object = json_pack("{s:s, s:s, s:s}", "handler", view.name, "target", view.target,
				   "verdict", limited ? "rate_limited" : names[verdict]);

	explained->n_takes += verdict == HANDLER_TAKES && !limited;
	explained->n_limited += limited;
	if (verdict != HANDLER_TAKES || limited)
		return object;
	explained->taken[handler]++;
	if (explained->datagrams[handler] == NULL)
		explained->datagrams[handler] = datagram_json(explained, handler);
	json_object_set(object, "datagram", explained->datagrams[handler]);
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
	for (size_t i = 0; i < ARRAY_LEN(explained->datagrams); i++)
		json_decref(explained->datagrams[i]);
	free(explained);
	return object;
}
