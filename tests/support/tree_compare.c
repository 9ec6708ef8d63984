#include "support/tree_compare.h"

#include <stdio.h>

struct comparison {
	const struct tree *tree;
	const struct model *model;
	bool seen[MODEL_NAMES]; /* by the walk */
	size_t count;		/* overrides, or entries of the level map */
	const struct level_override *last;
	char *problem; /* the first one; empty: none so far */
};

#define PROBLEM_BYTES 512

static void note(struct comparison *comparison, const char *what, struct span name)
{
	if (comparison->problem[0] == '\0')
		snprintf(comparison->problem, PROBLEM_BYTES, "\"%.*s\": %s", (int)name.len,
			 (const char *)name.ptr, what);
}

#define EXPECT(comparison, name, condition)                                                        \
	do {                                                                                       \
		if (!(condition))                                                                  \
			note(comparison, #condition, name);                                        \
	} while (0)

static void compare_levels(struct comparison *comparison, struct span name,
			   const struct level_view *level, const struct level_view *expected)
{
	EXPECT(comparison, name, level->level == expected->level);
	EXPECT(comparison, name, level->source == expected->source);
	EXPECT(comparison, name, level->until_ms == expected->until_ms);
	EXPECT(comparison, name, level->level == 0 || span_equal(level->logger, expected->logger));
	if (level->source != LEVEL_FROM_OVERRIDE)
		return;
	EXPECT(comparison, name, span_equal(level->pattern, expected->pattern));
	EXPECT(comparison, name, level->pattern_is_prefix == expected->pattern_is_prefix);
}

static void compare_view(const struct logger_view *view, void *arg)
{
	struct comparison *comparison = arg;
	const struct model *model = comparison->model;
	size_t name = model_find(view->name);
	struct level_view own, effective;

	if (name == MODEL_NAMES) {
		note(comparison, "a name that nobody gave", view->name);
		return;
	}
	own = model_own(model, name);
	effective = model_effective(model, name);
	compare_levels(comparison, view->name, &view->own, &own);
	compare_levels(comparison, view->name, &view->effective, &effective);
	EXPECT(comparison, view->name, view->placeholder == !model->is_real[name]);
	EXPECT(comparison, view->name,
	       view->configured == (name == 0 || model->configs[name].configured));
	EXPECT(comparison, view->name,
	       view->propagate ==
		       (!model->configs[name].configured || model->configs[name].propagate));
	EXPECT(comparison, view->name, view->leases == model->leases_of[name]);
	EXPECT(comparison, view->name, view->children == model_children_of(model, name));
	EXPECT(comparison, view->name, view->records == model->records[name]);
}

static void compare_node(const struct logger_view *view, void *arg)
{
	struct comparison *comparison = arg;
	const struct model *model = comparison->model;
	size_t name = model_find(view->name);

	compare_view(view, arg);
	if (name == MODEL_NAMES)
		return;
	EXPECT(comparison, view->name, model->exists[name]);
	EXPECT(comparison, view->name, !comparison->seen[name]);
	EXPECT(comparison, view->name, !view->placeholder || view->children > 0);
	EXPECT(comparison, view->name,
	       span_equal(view->parent, span_of(model_names[model->above[name]])));
	comparison->seen[name] = true;
}

static void compare_nodes(struct comparison *comparison, size_t slice)
{
	struct logger_walk walk = tree_walk_begin(comparison->tree);

	while (tree_walk(comparison->tree, &walk, slice, compare_node, comparison))
		;
	for (size_t name = 0; name < MODEL_NAMES; name++) {
		struct span text = span_of(model_names[name]);

		EXPECT(comparison, text, comparison->seen[name] == comparison->model->exists[name]);
		if (strcmp(model_names[name], "root") != 0)
			tree_view(comparison->tree, text, compare_view, comparison);
	}
}

static void compare_counts(struct comparison *comparison)
{
	const struct model *model = comparison->model;
	struct tree_counts counts = tree_counts(comparison->tree);
	uint64_t live = 0;
	uint64_t leased = 0;
	uint64_t placeholders = 0;

	for (size_t name = 0; name < MODEL_NAMES; name++) {
		live += name != 0 && model->is_real[name];
		leased += model->leases_of[name] > 0;
		placeholders += model->exists[name] && !model->is_real[name];
	}
	EXPECT(comparison, span_of(""), counts.live == live);
	EXPECT(comparison, span_of(""), counts.leased == leased);
	EXPECT(comparison, span_of(""), counts.placeholders == placeholders);
	EXPECT(comparison, span_of(""), counts.opened == model->opened);
	EXPECT(comparison, span_of(""), counts.released == model->released);
	EXPECT(comparison, span_of(""), counts.client_exit == model->client_exit);
	EXPECT(comparison, span_of(""),
	       counts.leases == model->opened - model->released - model->client_exit);
	EXPECT(comparison, span_of(""), counts.peak >= live);
}

/* What the model has under that name and kind; all-zero: nothing. */
static struct model_override override_of(const struct model *model, struct span name,
					 bool is_prefix)
{
	if (!is_prefix)
		return model->exact[model_find(name)];
	for (size_t i = 0; i < MODEL_PREFIXES; i++) {
		if (span_equal(name, span_of(model_prefixes[i])))
			return model->prefixes[i];
	}
	return (struct model_override){ 0 };
}

static int compare_names(struct span a, struct span b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);

	return order != 0 ? order : (int)a.len - (int)b.len;
}

static void compare_override(const struct level_override *override, void *arg)
{
	struct comparison *comparison = arg;
	const struct level_override *last = comparison->last;
	struct model_override expected =
		override_of(comparison->model, override->name, override->is_prefix);

	comparison->count++;
	comparison->last = override;
	EXPECT(comparison, override->name, override->level == expected.level);
	EXPECT(comparison, override->name, override->until_ms == expected.until_ms);
	if (last == NULL)
		return;
	EXPECT(comparison, override->name, override->is_prefix >= last->is_prefix);
	if (override->is_prefix == last->is_prefix)
		EXPECT(comparison, override->name, compare_names(last->name, override->name) < 0);
}

static size_t count_overrides(const struct model *model)
{
	size_t count = 0;

	for (size_t name = 0; name < MODEL_NAMES; name++)
		count += model->exact[name].level != 0;
	for (size_t i = 0; i < MODEL_PREFIXES; i++)
		count += model->prefixes[i].level != 0;
	return count;
}

static void compare_overrides(struct comparison *comparison)
{
	comparison->count = 0;
	comparison->last = NULL;
	tree_each_override(comparison->tree, compare_override, comparison);
	EXPECT(comparison, span_of(""), comparison->count == count_overrides(comparison->model));
}

static void compare_entry(const struct level_map_entry *entry, void *arg)
{
	struct comparison *comparison = arg;
	const struct model *model = comparison->model;
	size_t name = model_find(entry->name);
	uint8_t expected = 0;

	comparison->count++;
	if (entry->kind == LEVEL_MAP_OVERRIDE_PREFIX) {
		expected = override_of(model, entry->name, true).level;
	} else if (name == MODEL_NAMES) {
		note(comparison, "a name that nobody gave", entry->name);
	} else if (entry->kind == LEVEL_MAP_OVERRIDE) {
		expected = model->exact[name].level;
	} else if (entry->kind == LEVEL_MAP_CONFIGURED) {
		expected = model->configs[name].level;
	} else {
		expected = model->configs[name].recorder.records > 0;
		EXPECT(comparison, entry->name, model->configs[name].has_recorder);
	}
	EXPECT(comparison, entry->name, entry->level == expected);
	EXPECT(comparison, entry->name, entry->kind == LEVEL_MAP_RECORDER || entry->level != 0);
}

/* Each entry is right, and there are as many as there should be. */
static void compare_level_map(struct comparison *comparison)
{
	size_t expected = count_overrides(comparison->model);

	comparison->count = 0;
	tree_each_level(comparison->tree, compare_entry, comparison);
	for (size_t name = 0; name < MODEL_NAMES; name++) {
		expected += comparison->model->configs[name].level != 0;
		expected += comparison->model->configs[name].has_recorder;
	}
	EXPECT(comparison, span_of(""), comparison->count == expected);
}

static void compare_path(struct comparison *comparison, size_t name)
{
	const struct model *model = comparison->model;
	struct span text = span_of(model_names[name]);
	struct path_step steps[PATH_STEPS_MAX];
	size_t expected[MODEL_DEPTH + 1];
	size_t count = tree_path(comparison->tree, text, steps);

	EXPECT(comparison, text, count == model_path(model, name, expected));
	for (size_t i = 0; i < count && comparison->problem[0] == '\0'; i++) {
		const struct model_config *config = &model->configs[expected[i]];

		EXPECT(comparison, text,
		       span_equal(steps[i].name, span_of(model_names[expected[i]])));
		EXPECT(comparison, text,
		       steps[i].propagate == (!config->configured || config->propagate));
		EXPECT(comparison, text, steps[i].n_handlers == config->n_handlers);
		EXPECT(comparison, text,
		       config->n_handlers == 0 ||
			       memcmp(steps[i].handlers, config->handlers,
				      config->n_handlers * sizeof(config->handlers[0])) == 0);
	}
}

const char *tree_difference(const struct tree *tree, const struct model *model, size_t slice)
{
	static char problem[PROBLEM_BYTES];
	struct comparison comparison = { .tree = tree, .model = model, .problem = problem };

	problem[0] = '\0';
	compare_nodes(&comparison, slice);
	compare_counts(&comparison);
	compare_overrides(&comparison);
	compare_level_map(&comparison);
	for (size_t name = 0; name < MODEL_NAMES; name++) {
		if (strcmp(model_names[name], "root") != 0)
			compare_path(&comparison, name);
	}
	return problem[0] == '\0' ? NULL : problem;
}

/* FNV-1a over an entry; they come in no order, so the digest is the sum. */
static void add_entry(const struct level_map_entry *entry, void *arg)
{
	uint64_t *digest = arg;
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)entry->kind << 8 ^ entry->level;

	for (size_t i = 0; i < entry->name.len; i++)
		hash = (hash ^ entry->name.ptr[i]) * UINT64_C(0x100000001b3);
	*digest += hash * UINT64_C(0x100000001b3);
}

uint64_t tree_level_digest(const struct tree *tree)
{
	uint64_t digest = 0;

	tree_each_level(tree, add_entry, &digest);
	return digest;
}

bool routes_equal(const struct route *route, const struct route *expected)
{
	return route->effective_level == expected->effective_level &&
	       route->filtered == expected->filtered && span_equal(route->name, expected->name) &&
	       route->n_hits == expected->n_hits &&
	       memcmp(route->hits, expected->hits, route->n_hits * sizeof(route->hits[0])) == 0;
}
