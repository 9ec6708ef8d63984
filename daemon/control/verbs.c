#include "control/verbs.h"

#include <errno.h>
#include <stdio.h>

#include "control/prometheus.h"
#include "wire/level.h"
#include "wire/logger_name.h"

DEFINE_CLEANUP(json_t *, json_decref)

#define CODE_USAGE  "usage"
#define CODE_DENIED "denied"
#define CODE_FAILED "failed"

#define LEVEL_SECONDS_MAX 31536000 /* a year */

typedef json_t *verb_function(const struct control_ops *ops, json_t *request);
/* Fills stream_out and returns NULL, or returns why not. */
typedef json_t *stream_function(const struct control_ops *ops, const struct control_caller *caller,
				json_t *request, struct control_stream *stream_out);

json_t *verbs_error(const char *code, const char *text)
{
	char ascii[CONTROL_ERROR_BYTES];
	json_t *error = json_string(text);

	if (error == NULL) { /* no UTF-8: it quotes a file's name, or was cut within a character */
		snprintf(ascii, sizeof(ascii), "%s", text);
		for (char *c = ascii; *c != '\0'; c++)
			*c = (unsigned char)*c < 0x80 ? *c : '?';
		error = json_string(ascii);
	}
	return json_pack("{s:s, s:s, s:o}", "status", "error", "code", code, "error", error);
}

/* Takes result, also on failure; NULL stands for no memory. */
static json_t *answer_with(json_t *result)
{
	if (result == NULL)
		return verbs_error(CODE_FAILED, "logfwdd is out of memory");
	return json_pack("{s:s, s:o}", "status", "ok", "result", result);
}

static json_t *usage_error(const json_error_t *error)
{
	return verbs_error(CODE_USAGE, error->text);
}

/* "!" at the end of a format: a key that the verb does not know is an error, and not ignored. */

static json_t *run_stats(const struct control_ops *ops, json_t *request)
{
	CLEANUP(json_decref) json_t *stats = NULL;
	CLEANUP(free) char *text = NULL;
	const char *verb, *format = "json";
	json_error_t error;

	if (json_unpack_ex(request, &error, 0, "{s:s, s?s !}", "verb", &verb, "format", &format) <
	    0)
		return usage_error(&error);
	if (strcmp(format, "json") != 0 && strcmp(format, "prometheus") != 0)
		return verbs_error(CODE_USAGE, "format is json or prometheus");
	stats = ops->stats(ops->arg);
	if (stats == NULL || strcmp(format, "json") == 0)
		return answer_with(move_ptr(stats));
	text = prometheus_render(stats);
	return answer_with(text == NULL ? NULL : json_pack("{s:s}", "text", text));
}

/* What is wrong with a name, or NULL. */
static const char *name_fault(struct span name)
{
	enum logger_name_error error = logger_name_check(name);

	return error == LOGGER_NAME_OK ? NULL : logger_name_error_text(error);
}

/* What is wrong with a pattern, or NULL: a name that may end in '*'. */
static const char *pattern_fault(const char *pattern)
{
	struct span name = span_of(pattern);
	size_t star = span_find(name, '*');

	if (star < name.len && star != name.len - 1)
		return "in a PATTERN only the last character may be '*'";
	return name_fault(span_first(name, star));
}

/* NULL when the request holds nothing but its verb, else the answer. */
static json_t *refuse_arguments(json_t *request)
{
	const char *verb;
	json_error_t error;

	return json_unpack_ex(request, &error, 0, "{s:s !}", "verb", &verb) < 0
		       ? usage_error(&error)
		       : NULL;
}

static json_t *stream_loggers(const struct control_ops *ops, const struct control_caller *caller,
			      json_t *request, struct control_stream *stream_out)
{
	const char *verb, *pattern = NULL, *fault;
	int all = 0;
	json_error_t error;

	(void)caller;
	if (json_unpack_ex(request, &error, 0, "{s:s, s?s, s?b !}", "verb", &verb, "pattern",
			   &pattern, "all", &all) < 0)
		return usage_error(&error);
	fault = pattern == NULL ? NULL : pattern_fault(pattern);
	if (fault != NULL)
		return verbs_error(CODE_USAGE, fault);
	return ops->loggers(ops->arg, pattern, all != 0, stream_out) < 0 ? answer_with(NULL) : NULL;
}

static json_t *stream_clients(const struct control_ops *ops, const struct control_caller *caller,
			      json_t *request, struct control_stream *stream_out)
{
	json_t *refusal = refuse_arguments(request);

	(void)caller;
	if (refusal != NULL)
		return refusal;
	return ops->clients(ops->arg, stream_out) < 0 ? answer_with(NULL) : NULL;
}

static json_t *stream_tail(const struct control_ops *ops, const struct control_caller *caller,
			   json_t *request, struct control_stream *stream_out)
{
	const char *verb, *fault;
	struct tail_wish wish = { 0 };
	json_int_t level = 0; /* whole: a larger one must not pass for a level by its last bits */
	int all = 0, error;
	json_error_t json_error;

	if (json_unpack_ex(request, &json_error, 0, "{s:s, s?s, s?I, s?b !}", "verb", &verb,
			   "pattern", &wish.pattern, "level", &level, "all", &all) < 0)
		return usage_error(&json_error);
	fault = wish.pattern == NULL ? NULL : pattern_fault(wish.pattern);
	if (fault != NULL)
		return verbs_error(CODE_USAGE, fault);
	if (level < 0 || level > LEVEL_MAX)
		return verbs_error(CODE_USAGE, "the level of a record is 1 to 100");
	wish.level = (uint8_t)level;
	wish.all = all != 0;
	error = ops->tail(ops->arg, caller, &wish, stream_out);
	if (error == -EBUSY)
		return verbs_error(CODE_FAILED, "too many tails look on already; end one of them");
	return error < 0 ? answer_with(NULL) : NULL;
}

static json_t *run_level(const struct control_ops *ops, json_t *request)
{
	const char *verb, *name = NULL, *fault;
	json_error_t error;

	if (json_unpack_ex(request, &error, 0, "{s:s, s?s !}", "verb", &verb, "name", &name) < 0)
		return usage_error(&error);
	fault = name == NULL ? NULL : name_fault(span_of(name));
	if (fault != NULL)
		return verbs_error(CODE_USAGE, fault);
	return answer_with(ops->level(ops->arg, name));
}

static json_t *run_set_level(const struct control_ops *ops, json_t *request)
{
	char reason[CONTROL_ERROR_BYTES] = "";
	const char *verb, *pattern, *fault;
	struct level_change change;
	double seconds = 0;
	struct span name;
	json_error_t error;
	json_int_t level;

	if (json_unpack_ex(request, &error, 0, "{s:s, s:s, s:I, s?F !}", "verb", &verb, "name",
			   &pattern, "level", &level, "seconds", &seconds) < 0)
		return usage_error(&error);
	fault = pattern_fault(pattern);
	if (fault != NULL)
		return verbs_error(CODE_USAGE, fault);
	if (level < 0 || level > LEVEL_MAX)
		return verbs_error(CODE_USAGE, "a level is 1 to 100, or 0 to unset");
	if (!(seconds >= 0 && seconds <= LEVEL_SECONDS_MAX) ||
	    (seconds > 0 && (seconds < 0.001 || level == 0)))
		return verbs_error(CODE_USAGE, "seconds are 0.001 to 31536000 (a year), for a "
					       "level that is set");
	name = span_of(pattern);
	change = (struct level_change){
		.is_prefix = name.len > 0 && name.ptr[name.len - 1] == '*',
		.level = (uint8_t)level,
		.for_ms = (int64_t)(seconds * 1000),
	};
	change.name = span_first(name, name.len - change.is_prefix);
	if (ops->set_level(ops->arg, &change, reason) < 0)
		return verbs_error(CODE_FAILED, reason);
	return answer_with(json_pack("{s:s, s:I}", "name", pattern, "level", level));
}

static json_t *run_explain(const struct control_ops *ops, json_t *request)
{
	const char *verb, *name, *text = "sample", *fault;
	json_error_t error;
	json_int_t level;

	if (json_unpack_ex(request, &error, 0, "{s:s, s:s, s:I, s?s !}", "verb", &verb, "name",
			   &name, "level", &level, "text", &text) < 0)
		return usage_error(&error);
	fault = name_fault(span_of(name));
	if (fault != NULL)
		return verbs_error(CODE_USAGE, fault);
	if (level < 1 || level > LEVEL_MAX)
		return verbs_error(CODE_USAGE, "the level of a record is 1 to 100");
	return answer_with(ops->explain(ops->arg, span_of(name), (uint8_t)level, span_of(text)));
}

static json_t *run_targets(const struct control_ops *ops, json_t *request)
{
	json_t *refusal = refuse_arguments(request);

	return refusal != NULL ? refusal : answer_with(ops->targets(ops->arg));
}

/* An answer at all is the sign of health: the loop turns. Who asks times it. */
static json_t *run_healthcheck(const struct control_ops *ops, json_t *request)
{
	json_t *refusal = refuse_arguments(request);

	return refusal != NULL ? refusal : answer_with(ops->health(ops->arg));
}

static json_t *run_reload(const struct control_ops *ops, json_t *request)
{
	char reason[CONTROL_ERROR_BYTES] = "";
	const char *verb;
	int dry_run = 0;
	json_error_t error;

	if (json_unpack_ex(request, &error, 0, "{s:s, s?b !}", "verb", &verb, "dry_run", &dry_run) <
	    0)
		return usage_error(&error);
	if (ops->reload(ops->arg, dry_run != 0, reason) < 0)
		return verbs_error(CODE_FAILED, reason);
	return answer_with(json_pack("{s:b}", "reloaded", dry_run == 0));
}

static const struct verb {
	const char *name;
	bool privileged;
	verb_function *run;
	stream_function *stream; /* of a verb without run */
} verbs[] = {
	{ "clients", false, NULL, stream_clients },
	{ "explain", false, run_explain, NULL },
	{ "healthcheck", false, run_healthcheck, NULL },
	{ "level", false, run_level, NULL },
	{ "loggers", false, NULL, stream_loggers },
	{ "reload", true, run_reload, NULL },
	{ "set-level", true, run_set_level, NULL },
	{ "stats", false, run_stats, NULL },
	{ "tail", false, NULL, stream_tail },
	{ "targets", false, run_targets, NULL },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

json_t *verbs_answer(const struct control_ops *ops, const struct control_caller *caller,
		     struct span line, struct control_stream *stream_out)
{
	CLEANUP(json_decref) json_t *request = NULL;
	const struct verb *verb;
	const char *name;
	json_error_t error;

	request = json_loadb((const char *)line.ptr, line.len, JSON_REJECT_DUPLICATES, &error);
	if (request == NULL || json_unpack_ex(request, &error, 0, "{s:s}", "verb", &name) < 0)
		return usage_error(&error);
	verb = find_verb(name);
	if (verb == NULL)
		return verbs_error(CODE_USAGE, "this logfwdd does not know the verb");
	if (verb->privileged && ops->audit != NULL)
		ops->audit(ops->arg, caller, verb->name, caller->is_operator);
	if (verb->privileged && !caller->is_operator)
		return verbs_error(CODE_DENIED,
				   "only root, logfwdd's own user and the group of the "
				   "control socket may do that");
	return verb->run != NULL ? verb->run(ops, request)
				 : verb->stream(ops, caller, request, stream_out);
}
