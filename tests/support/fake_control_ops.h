/* struct control_ops that remember how they were called. */
#ifndef LOGFWD_TESTS_FAKE_CONTROL_OPS_H
#define LOGFWD_TESTS_FAKE_CONTROL_OPS_H

#include <errno.h>
#include <stdio.h>

#include "control/control_server.h"
#include "support/sample_stats.h"

struct fake_ops {
	unsigned reloads, dry_runs;
	unsigned audits, denials;
	pid_t audited_pid;
	char pattern[300]; /* last one given to loggers or tail; "(none)" for NULL */
	bool all;
	const char *reload_error;   /* NULL: reload works */
	unsigned changes;	    /* of levels */
	struct level_change change; /* the last one; its name is in pattern */
	const char *level_error;    /* NULL: it works */
	size_t stats_padding;	    /* bytes added to the answer of stats */
	unsigned slices;	    /* of an answer of loggers, before the last one */
	size_t slice_padding;	    /* bytes added to each of them */
	bool endless;		    /* they say nothing and never end */
	int tail_error;		    /* 0: it works; else -errno */
	uint8_t tail_level;	    /* last one given to tail */
	uid_t tail_uid;		    /* who asked */
	unsigned slices_asked, streams_begun, streams_ended;
	bool no_memory;
};

static inline json_t *fake_stats(void *arg)
{
	const struct fake_ops *fake = arg;
	json_t *stats = fake->no_memory ? NULL : sample_stats();

	if (stats != NULL && fake->stats_padding > 0) {
		char *padding = malloc(fake->stats_padding);

		memset(padding, 'x', fake->stats_padding);
		json_object_set_new(stats, "padding", json_stringn(padding, fake->stats_padding));
		free(padding);
	}
	return stats;
}

static inline json_t *fake_health(void *arg)
{
	const struct fake_ops *fake = arg;

	return fake->no_memory ? NULL : json_pack("{s:s, s:b}", "version", "1", "balanced", 1);
}

struct fake_stream {
	struct fake_ops *fake;
	unsigned given;
};

static inline json_t *fake_slice(void *state, enum control_pace *pace_out)
{
	struct fake_stream *stream = state;
	struct fake_ops *fake = stream->fake;
	char *padding;
	json_t *slice;

	fake->slices_asked++;
	*pace_out = fake->endless ? CONTROL_LATER : CONTROL_AGAIN;
	if (fake->endless)
		return NULL;
	if (stream->given == fake->slices)
		*pace_out = CONTROL_LAST;
	if (fake->no_memory && *pace_out == CONTROL_LAST)
		return NULL;
	padding = calloc(1, fake->slice_padding + 1);
	memset(padding, 'x', fake->slice_padding);
	slice = json_pack("{s:[], s:[], s:i, s:s}", "loggers", "folded", "slice",
			  (int)stream->given++, "padding", padding);
	free(padding);
	return slice;
}

static inline void fake_stream_end(void *state)
{
	struct fake_stream *stream = state;

	stream->fake->streams_ended++;
	free(stream);
}

static inline int fake_loggers(void *arg, const char *pattern, bool all,
			       struct control_stream *stream_out)
{
	struct fake_ops *fake = arg;
	struct fake_stream *stream = calloc(1, sizeof(*stream));

	snprintf(fake->pattern, sizeof(fake->pattern), "%s", pattern != NULL ? pattern : "(none)");
	fake->all = all;
	fake->streams_begun++;
	stream->fake = fake;
	*stream_out = (struct control_stream){
		.next = fake_slice,
		.end = fake_stream_end,
		.state = stream,
		.patience_s = CONTROL_TIMEOUT_S,
		.endless = fake->endless,
	};
	return 0;
}

static inline int fake_tail(void *arg, const struct control_caller *caller,
			    const struct tail_wish *wish, struct control_stream *stream_out)
{
	struct fake_ops *fake = arg;

	if (fake->tail_error < 0)
		return fake->tail_error;
	fake->tail_level = wish->level;
	fake->tail_uid = caller->uid;
	return fake_loggers(arg, wish->pattern, wish->all, stream_out);
}

static inline int fake_clients(void *arg, struct control_stream *stream_out)
{
	return fake_loggers(arg, NULL, false, stream_out);
}

static inline json_t *fake_targets(void *arg)
{
	(void)arg;
	return json_pack("{s:{}}", "targets");
}

static inline json_t *fake_level(void *arg, const char *name)
{
	(void)arg;
	return json_pack("{s:s}", "name", name != NULL ? name : "(none)");
}

static inline int fake_set_level(void *arg, const struct level_change *change,
				 char error_out[static CONTROL_ERROR_BYTES])
{
	struct fake_ops *fake = arg;

	fake->changes++;
	fake->change = *change;
	snprintf(fake->pattern, sizeof(fake->pattern), "%.*s", (int)change->name.len,
		 (const char *)change->name.ptr);
	if (fake->level_error == NULL)
		return 0;
	snprintf(error_out, CONTROL_ERROR_BYTES, "%s", fake->level_error);
	return -ENOENT;
}

static inline json_t *fake_explain(void *arg, struct span name, uint8_t level, struct span text)
{
	(void)arg;
	(void)name;
	return json_pack("{s:i, s:i}", "level", (int)level, "text_length", (int)text.len);
}

static inline int fake_reload(void *arg, bool dry_run, char error_out[static CONTROL_ERROR_BYTES])
{
	struct fake_ops *fake = arg;

	fake->reloads += dry_run ? 0 : 1;
	fake->dry_runs += dry_run ? 1 : 0;
	if (fake->reload_error == NULL)
		return 0;
	snprintf(error_out, CONTROL_ERROR_BYTES, "%s", fake->reload_error);
	return -EINVAL;
}

static inline void fake_audit(void *arg, const struct control_caller *caller, const char *verb,
			      bool allowed)
{
	struct fake_ops *fake = arg;

	ck_assert(strcmp(verb, "reload") == 0 || strcmp(verb, "set-level") == 0);
	fake->audits++;
	fake->denials += allowed ? 0 : 1;
	fake->audited_pid = caller->pid;
}

static inline struct control_ops fake_control_ops(struct fake_ops *fake)
{
	return (struct control_ops){
		.stats = fake_stats,
		.health = fake_health,
		.loggers = fake_loggers,
		.tail = fake_tail,
		.clients = fake_clients,
		.targets = fake_targets,
		.level = fake_level,
		.set_level = fake_set_level,
		.explain = fake_explain,
		.reload = fake_reload,
		.audit = fake_audit,
		.arg = fake,
	};
}

#endif
