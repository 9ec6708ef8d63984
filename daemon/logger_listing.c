#include "logger_listing.h"

#include <errno.h>

#include "logger_json.h"
#include "name_pattern.h"
#include "os/clock.h"

#define SLICE_US    1000
#define SLICE_ROWS  256 /* whatever the time: what a slice holds is bounded */
#define SLICE_NODES 32	/* between two looks at the clock */

DEFINE_CLEANUP(json_t *, json_decref)

struct listing {
	const struct tree *tree;
	struct name_pattern pattern;
	bool all;
	struct logger_walk walk;
	/* of the slice */
	int64_t now_ms;
	json_t *loggers;
	json_t *folded; /* object: parent -> row */
};

static void add_to(json_t *row, const char *key, uint64_t more)
{
	json_t *number = json_object_get(row, key);

	json_integer_set(number, json_integer_value(number) + (json_int_t)more);
}

/* Thousands of siblings are one row: their parent, how many, and their sums. */
static void fold(struct listing *listing, const struct logger_view *view)
{
	CLEANUP(json_decref) json_t *parent = logger_name_json(view->parent);
	const char *key = json_string_value(parent);
	json_t *row = json_object_get(listing->folded, key);

	if (row == NULL) {
		row = json_pack("{s:O, s:i, s:i, s:i}", "parent", parent, "count", 0, "leases", 0,
				"records", 0);
		json_object_set_new(listing->folded, key, row);
	}
	add_to(row, "count", 1);
	add_to(row, "leases", view->leases);
	add_to(row, "records", view->records);
}

/* Somebody has named this one: they want to see it, and there are not very many such. */
static bool is_named(const struct listing *listing, const struct logger_view *view)
{
	return listing->all || !listing->pattern.is_prefix || view->configured ||
	       (view->own.source == LEVEL_FROM_OVERRIDE && !view->own.pattern_is_prefix);
}

static void list(const struct logger_view *view, void *arg)
{
	struct listing *listing = arg;
	bool named = is_named(listing, view);

	if (!name_pattern_holds(&listing->pattern, view->name) || (view->placeholder && !named))
		return;
	if (view->many_siblings && !named) {
		fold(listing, view);
		return;
	}
	json_array_append_new(listing->loggers,
			      json_pack("{s:o, s:i, s:o, s:i, s:o, s:b, s:I, s:I, s:I, s:b, s:b}",
					"name", logger_name_json(view->name), "level",
					(int)view->own.level, "own_level",
					level_view_json(&view->own, listing->now_ms), "effective",
					(int)view->effective.level, "effective_level",
					level_view_json(&view->effective, listing->now_ms),
					"configured", view->configured, "leases",
					(json_int_t)view->leases, "children",
					(json_int_t)view->children, "records",
					(json_int_t)view->records, "placeholder", view->placeholder,
					"propagate", view->propagate));
}

/* Walks for a slice; false when that was the end. */
static bool walk(struct listing *listing)
{
	const int64_t until_us = clock_monotonic_us() + SLICE_US;
	bool more;

	do
		more = tree_walk(listing->tree, &listing->walk, SLICE_NODES, list, listing);
	while (more && json_array_size(listing->loggers) < SLICE_ROWS &&
	       clock_monotonic_us() < until_us);
	return more;
}

static json_t *listing_next(void *state, enum control_pace *pace_out)
{
	struct listing *listing = state;
	CLEANUP(json_decref) json_t *loggers = json_array();
	CLEANUP(json_decref) json_t *folded = json_object();
	json_t *rows = json_array(), *row;
	const char *key;
	bool more;

	listing->loggers = loggers;
	listing->folded = folded;
	listing->now_ms = clock_monotonic_ms();
	more = walk(listing);
	*pace_out = more ? CONTROL_AGAIN : CONTROL_LAST;
	json_object_foreach(folded, key, row) json_array_append(rows, row);
	if (more && json_array_size(loggers) == 0 && json_array_size(rows) == 0) {
		json_decref(rows);
		return NULL;
	}
	return json_pack("{s:O, s:o}", "loggers", loggers, "folded", rows);
}

int logger_listing(const struct tree *tree, const char *pattern, bool all,
		   struct control_stream *stream_out)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (listing == NULL)
		return -ENOMEM;
	listing->tree = tree;
	listing->pattern = name_pattern_of(pattern);
	listing->all = all;
	listing->walk = tree_walk_begin(tree);
	*stream_out = (struct control_stream){
		.next = listing_next,
		.end = free,
		.state = listing,
		.patience_s = CONTROL_LIST_PATIENCE_S,
	};
	return 0;
}
