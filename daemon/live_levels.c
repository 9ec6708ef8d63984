#include "live_levels.h"

#include <errno.h>
#include <stdio.h>

#include "logger_json.h"
#include "os/clock.h"
#include "os/log.h"

struct live_levels {
	struct forward *forward;
	struct event *expiry;
	live_levels_changed *changed;
	void *arg;
};

/* What to call it: the root's own name is empty. */
static struct span shown_name(struct span name, bool is_prefix)
{
	return name.len == 0 && !is_prefix ? span_of("root") : name;
}

static void log_if_due(const struct level_override *override, void *arg)
{
	struct span name = shown_name(override->name, override->is_prefix);
	const int64_t *now_ms = arg;

	if (override->until_ms <= *now_ms)
		log_notice("control",
			   "level of %.*s%s, set by an operator, has ended: its time is over",
			   (int)name.len, name.ptr, override->is_prefix ? "*" : "");
}

static void log_change(const struct level_change *change)
{
	struct span name = shown_name(change->name, change->is_prefix);
	int length = (int)name.len;
	const char *star = change->is_prefix ? "*" : "";

	if (change->level == LEVEL_NOTSET)
		log_notice("control", "level of %.*s%s unset", length, name.ptr, star);
	else if (change->for_ms == 0)
		log_notice("control", "level of %.*s%s set to %u", length, name.ptr, star,
			   change->level);
	else
		log_notice("control", "level of %.*s%s set to %u for %.3f s", length, name.ptr,
			   star, change->level, (double)change->for_ms / 1000);
}

/* Ends what is due, and comes again when the next one is. */
static void live_levels_expire(struct live_levels *levels)
{
	struct tree *tree = forward_tree_of(levels->forward);
	uint64_t before = tree_level_generation(tree);
	int64_t now_ms = clock_monotonic_ms();
	struct timeval wait;
	int64_t next_ms;

	tree_each_override(tree, log_if_due, &now_ms);
	next_ms = tree_expire_overrides(tree, now_ms);
	wait.tv_sec = (next_ms - now_ms) / 1000;
	wait.tv_usec = (next_ms - now_ms) % 1000 * 1000;
	if (next_ms == OVERRIDE_FOR_EVER)
		event_del(levels->expiry);
	else
		event_add(levels->expiry, &wait);
	if (tree_level_generation(tree) != before)
		levels->changed(levels->arg);
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	live_levels_expire(arg);
}

int live_levels_new(struct event_base *base, struct forward *forward, live_levels_changed *changed,
		    void *arg, struct live_levels **levels_out)
{
	CLEANUP(live_levels_free) struct live_levels *levels = calloc(1, sizeof(*levels));

	if (levels == NULL)
		return -ENOMEM;
	levels->forward = forward;
	levels->changed = changed;
	levels->arg = arg;
	levels->expiry = evtimer_new(base, on_expiry, levels);
	if (levels->expiry == NULL)
		return -ENOMEM;
	*levels_out = move_ptr(levels);
	return 0;
}

void live_levels_free(struct live_levels *levels)
{
	if (levels == NULL)
		return;
	if (levels->expiry != NULL)
		event_free(levels->expiry);
	free(levels);
}

static int live_levels_unset(struct live_levels *levels, const struct level_change *change,
			     char error_out[static CONTROL_ERROR_BYTES])
{
	struct span name = shown_name(change->name, change->is_prefix);

	if (tree_unset_override(forward_tree_of(levels->forward), change->name, change->is_prefix))
		return 0;
	snprintf(error_out, CONTROL_ERROR_BYTES, "%.*s%s has no level set by an operator",
		 (int)name.len, name.ptr, change->is_prefix ? "*" : "");
	return -ENOENT;
}

int live_levels_set(struct live_levels *levels, const struct level_change *change,
		    char error_out[static CONTROL_ERROR_BYTES])
{
	const struct level_override override = {
		.name = change->name,
		.is_prefix = change->is_prefix,
		.level = change->level,
		.until_ms = change->for_ms == 0 ? OVERRIDE_FOR_EVER
						: clock_monotonic_ms() + change->for_ms,
	};
	int result;

	if (change->level == LEVEL_NOTSET) {
		result = live_levels_unset(levels, change, error_out);
	} else {
		result = tree_set_override(forward_tree_of(levels->forward), &override);
		if (result == -ENOSPC)
			snprintf(error_out, CONTROL_ERROR_BYTES,
				 "there are %d levels set by operators already; unset one first",
				 OVERRIDES_MAX);
		else if (result < 0)
			snprintf(error_out, CONTROL_ERROR_BYTES, "out of memory");
	}
	if (result < 0)
		return result;
	log_change(change);
	live_levels_expire(levels);
	levels->changed(levels->arg);
	return 0;
}

struct listing {
	json_t *overrides;
	int64_t now_ms;
};

static void list_override(const struct level_override *override, void *arg)
{
	const struct listing *listing = arg;

	json_array_append_new(listing->overrides,
			      json_pack("{s:o, s:i, s:o}", "pattern",
					pattern_json(override->name, override->is_prefix), "level",
					(int) override->level, "seconds_left",
					seconds_left_json(override->until_ms, listing->now_ms)));
}

static void logger_view_json(const struct logger_view *view, void *arg)
{
	int64_t now_ms = clock_monotonic_ms();
	json_t **object_out = arg;

	*object_out =
		json_pack("{s:o, s:b, s:o, s:o}", "name", logger_name_json(view->name), "exists",
			  !view->placeholder, "own", level_view_json(&view->own, now_ms),
			  "effective", level_view_json(&view->effective, now_ms));
}

json_t *live_levels_json(const struct live_levels *levels, const char *name)
{
	const struct tree *tree = forward_tree(levels->forward);
	struct listing listing = { .now_ms = clock_monotonic_ms() };
	json_t *logger = NULL;

	tree_view(tree, span_of(name), logger_view_json, &logger);
	if (name != NULL)
		return logger;
	listing.overrides = json_array();
	tree_each_override(tree, list_override, &listing);
	return json_pack("{s:o, s:o}", "overrides", listing.overrides, "root", logger);
}
