/*
 * Proves that after any sequence of openings, closings, levels, overrides and their ends, contexts,
 * records and reloads the tree is in every respect what a model of plain arrays says, and that
 * a walk over it in slices, with all that going on between them, misses nobody.
 *
 * A failure names its seed and step; CK_RUN_CASE=model repeats it.
 */
#include "route/tree.h"

#include <inttypes.h>
#include <stdio.h>

#include "support/length.h"
#include "support/suite.h"
#include "support/tree_compare.h"

#define SEEDS	   20
#define STEPS	   10000
#define STEPS_LONG 100000
#define MS_APART   1000000 /* so that no two overrides end at the same time */
static const uint8_t hash_key[16] = "sixteen bytes...";

struct run {
	uint64_t seed;
	uint64_t random; /* state */
	size_t step;
	struct tree *tree;
	struct model model;
	struct lease *leases[MODEL_LEASES];
	char owners[MODEL_OWNERS]; /* their addresses are the owners */
	uint64_t generation;	   /* of levels, when it was last looked at */
	uint64_t digest;	   /* of the level map, at that time */
	uint8_t floors[MODEL_OWNERS];
	uint64_t peak;
	int64_t now_ms;
	struct logger_walk walk; /* one that goes on from step to step */
	bool walks;
	bool lived[MODEL_NAMES]; /* since the walk began */
	bool met[MODEL_NAMES];	 /* by it */
	size_t walks_done;
};

/* ck_assert() writes a note each time, which is too slow for millions. */
#define REQUIRE(run, condition)                                                                    \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("seed %" PRIu64 " step %zu: %s", (run)->seed, (run)->step,    \
				     #condition);                                                  \
	} while (0)

/* splitmix64 */
static uint64_t draw(struct run *run, uint64_t below)
{
	uint64_t z = run->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % below;
}

static uint8_t draw_level(struct run *run)
{
	static const uint8_t levels[] = { 1, 10, 20, 21, 30, 40, 100 };

	return levels[draw(run, ARRAY_LEN(levels))];
}

/* What is open and what is not, to choose from; MODEL_LEASES when there is none. */
static size_t draw_lease(struct run *run, bool open)
{
	size_t first = draw(run, MODEL_LEASES);

	for (size_t i = 0; i < MODEL_LEASES; i++) {
		size_t at = (first + i) % MODEL_LEASES;

		if (run->model.leases[at].open == open)
			return at;
	}
	return MODEL_LEASES;
}

static void do_open(struct run *run)
{
	size_t at = draw_lease(run, false);
	size_t name = draw(run, MODEL_NAMES);
	size_t owner = draw(run, MODEL_OWNERS);

	if (at == MODEL_LEASES)
		return;
	REQUIRE(run, tree_open(run->tree, span_of(model_names[name]), &run->owners[owner],
			       &run->leases[at]) == 0);
	if (strcmp(model_names[name], "root") == 0)
		name = 0;
	run->model.leases[at] = (struct model_lease){ .open = true, .name = name, .owner = owner };
	run->model.opened++;
	REQUIRE(run, span_equal(lease_name(run->leases[at]), span_of(model_names[name])));
}

static void close_one(struct run *run, size_t at, enum lease_end how)
{
	tree_close(run->tree, run->leases[at], how);
	run->leases[at] = NULL;
	run->model.leases[at].open = false;
	if (how == LEASE_RELEASED)
		run->model.released++;
	else
		run->model.client_exit++;
	model_settle(&run->model);
}

static void do_close(struct run *run)
{
	size_t at = draw_lease(run, true);

	if (at < MODEL_LEASES)
		close_one(run, at, LEASE_RELEASED);
}

static void do_die(struct run *run)
{
	size_t owner = draw(run, MODEL_OWNERS);

	for (size_t at = 0; at < MODEL_LEASES; at++) {
		if (run->model.leases[at].open && run->model.leases[at].owner == owner)
			close_one(run, at, LEASE_CLIENT_EXIT);
	}
}

static void do_set_level(struct run *run)
{
	size_t at = draw_lease(run, true);
	uint8_t level = draw(run, 3) == 0 ? LEVEL_NOTSET : draw_level(run);

	if (at == MODEL_LEASES)
		return;
	lease_set_level(run->tree, run->leases[at], level);
	run->model.leases[at].level = level;
	run->model.leases[at].level_time = ++run->model.time;
	REQUIRE(run, lease_level(run->leases[at]) == level);
}

/* Keys and values are single letters. */
static struct context_pair pair_of(size_t key, uint8_t value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

	return (struct context_pair){ span_of_bytes(&letters[key], 1),
				      span_of_bytes(&letters[value], 1) };
}

static void do_set_context(struct run *run)
{
	size_t at = draw_lease(run, true);
	size_t key = draw(run, MODEL_KEYS);
	uint8_t value = (uint8_t)draw(run, 4); /* 0: unset */
	struct context_pair pair = pair_of(key, value);

	if (at == MODEL_LEASES)
		return;
	REQUIRE(run, lease_set_context(run->tree, run->leases[at], &pair, value != 0) == 0);
	run->model.leases[at].values[key] = value;
	run->model.leases[at].context_time = ++run->model.time;
	REQUIRE(run, value == 0 || lease_context_bytes(run->tree, run->leases[at]) > 0);
}

/* One that may be there or not: of a name, or of a beginning. */
struct chosen {
	struct model_override *model;
	struct span name;
	bool is_prefix;
};

static struct chosen draw_override(struct run *run)
{
	bool is_prefix = draw(run, 3) == 0;
	size_t i = draw(run, is_prefix ? MODEL_PREFIXES : MODEL_NAMES);
	struct chosen chosen = { &run->model.prefixes[i % MODEL_PREFIXES],
				 span_of(model_prefixes[i % MODEL_PREFIXES]), is_prefix };

	if (!is_prefix) {
		chosen.name = span_of(model_names[i]);
		chosen.model = &run->model.exact[strcmp(model_names[i], "root") == 0 ? 0 : i];
	}
	return chosen;
}

/* A time that is no other one's end. */
static int64_t draw_end(struct run *run)
{
	int64_t from = run->now_ms / MS_APART + 1 + (int64_t)draw(run, 100);

	return from * MS_APART + (int64_t)(run->step % MS_APART);
}

static void do_override(struct run *run)
{
	struct chosen chosen = draw_override(run);
	struct level_override override = {
		.name = chosen.name,
		.is_prefix = chosen.is_prefix,
		.level = draw_level(run),
		.until_ms = draw(run, 4) == 0 ? OVERRIDE_FOR_EVER : draw_end(run),
	};

	REQUIRE(run, tree_set_override(run->tree, &override) == 0);
	*chosen.model = (struct model_override){ override.level, override.until_ms };
}

static void do_unset_override(struct run *run)
{
	struct chosen chosen;

	for (int i = 0; i < 4; i++) {
		chosen = draw_override(run);
		if (chosen.model->level != 0)
			break;
	}
	REQUIRE(run, tree_unset_override(run->tree, chosen.name, chosen.is_prefix) ==
			     (chosen.model->level != 0));
	chosen.model->level = 0;
}

/*
 * One after the other: of a name with "..", whose way up depends on who is there, it is the order
 * in which they end that says who inherits its counts.
 */
static void do_expire(struct run *run)
{
	int64_t end_ms = run->now_ms + (int64_t)draw(run, 30 * MS_APART);

	while (run->now_ms < end_ms) {
		int64_t next_ms = model_expire(&run->model, run->now_ms);

		run->now_ms = next_ms < end_ms ? next_ms : end_ms;
		next_ms = tree_expire_overrides(run->tree, run->now_ms);
		REQUIRE(run, next_ms == model_expire(&run->model, run->now_ms));
		model_settle(&run->model);
	}
}

static void draw_config(struct run *run, struct model_config *config)
{
	*config = (struct model_config){ .configured = true, .propagate = draw(run, 4) != 0 };
	config->level = draw(run, 2) == 0 ? LEVEL_NOTSET : draw_level(run);
	for (uint16_t handler = 0; handler < MODEL_HANDLERS; handler++) {
		if (draw(run, 3) == 0)
			config->handlers[config->n_handlers++] = handler;
	}
	for (size_t key = 0; key < MODEL_KEYS; key++) {
		if (draw(run, 4) == 0)
			config->values[key] = (uint8_t)(4 + draw(run, 4));
	}
	config->has_recorder = draw(run, 3) == 0;
	if (config->has_recorder)
		config->recorder =
			(struct recorder_rule){ (uint32_t)draw(run, 3) * 100, draw_level(run) };
}

static size_t model_pairs(const struct model_config *config, struct context_pair *pairs)
{
	size_t count = 0;

	for (size_t key = 0; key < MODEL_KEYS; key++) {
		if (config->values[key] != 0)
			pairs[count++] = pair_of(key, config->values[key]);
	}
	return count;
}

static void commit_model(struct run *run)
{
	const struct model *model = &run->model;
	struct context_pair pairs[MODEL_NAMES][MODEL_KEYS];
	struct logger_options loggers[MODEL_NAMES];
	struct handler_rule rules[MODEL_HANDLERS];
	struct tree_options options = { loggers, 0, rules, MODEL_HANDLERS };
	struct tree_generation *generation;

	for (size_t i = 0; i < MODEL_HANDLERS; i++)
		rules[i] = (struct handler_rule){ model->rules[i].level,
						  span_of(model_names[model->rules[i].filter]) };
	for (size_t name = 0; name < MODEL_NAMES; name++) {
		const struct model_config *config = &model->configs[name];

		if (!config->configured)
			continue;
		loggers[options.n_loggers++] = (struct logger_options){
			.name = model_names[name],
			.level = config->level,
			.propagate = config->propagate,
			.handlers = config->handlers,
			.n_handlers = config->n_handlers,
			.context = pairs[name],
			.n_context = model_pairs(config, pairs[name]),
			.has_recorder = config->has_recorder,
			.recorder = config->recorder,
		};
	}
	REQUIRE(run, tree_prepare(run->tree, &options, &generation) == 0);
	tree_commit(run->tree, generation);
}

static void do_reload(struct run *run)
{
	struct model *model = &run->model;

	for (size_t i = 0; i < MODEL_HANDLERS; i++) {
		model->rules[i].level = draw(run, 2) == 0 ? LEVEL_NOTSET : draw_level(run);
		model->rules[i].filter = draw(run, 3) == 0 ? draw(run, MODEL_NAMES) : 0;
		if (draw(run, 6) == 0)
			model->rules[i].filter = model_find(span_of("root"));
	}
	for (size_t name = 0; name < MODEL_NAMES; name++) {
		if (strcmp(model_names[name], "root") != 0 && draw(run, 4) == 0)
			draw_config(run, &model->configs[name]);
		else
			model->configs[name] = (struct model_config){ 0 };
	}
	commit_model(run);
}

static void check_context(struct run *run, size_t at, size_t name)
{
	const struct model_lease *lease = at < MODEL_LEASES ? &run->model.leases[at] : NULL;
	struct context_pair pairs[CONTEXT_PAIRS_MAX];
	uint8_t values[MODEL_KEYS];
	size_t count = tree_context(run->tree, lease == NULL ? NULL : run->leases[at],
				    span_of(model_names[name]), pairs);

	model_context(&run->model, lease, name, values);
	for (size_t i = 0; i < count; i++) {
		size_t key = (size_t)(pairs[i].key.ptr[0] - 'a');

		REQUIRE(run, values[key] == pairs[i].value.ptr[0] - 'a');
		values[key] = 0;
	}
	for (size_t key = 0; key < MODEL_KEYS; key++)
		REQUIRE(run, values[key] == 0);
}

/* The ways that `explain` looks at come to the same as the route. */
static void check_verdicts(struct run *run, size_t name, uint8_t level, const struct route *route)
{
	struct path_step steps[PATH_STEPS_MAX];
	size_t count = tree_path(run->tree, span_of(model_names[name]), steps);
	size_t hit = 0;

	for (size_t step = 0; step < count; step++) {
		for (size_t i = 0; i < steps[step].n_handlers; i++) {
			uint16_t handler = steps[step].handlers[i];
			enum handler_verdict verdict =
				tree_handler_verdict(run->tree, handler, span_of(model_names[name]),
						     level);

			REQUIRE(run, verdict == model_verdict(&run->model, handler, name, level));
			if (verdict != HANDLER_TAKES)
				continue;
			REQUIRE(run, hit < route->n_hits && route->hits[hit] == handler);
			hit++;
		}
	}
	REQUIRE(run, hit == route->n_hits);
}

static void check_recorded(struct run *run, const struct lease *lease, size_t name, uint8_t level)
{
	struct recorder_rule expected_rule = model_recorder(&run->model, name);
	struct recorder_rule rule = lease_recorder(run->tree, lease);
	struct route expected;
	struct route route;

	REQUIRE(run, rule.records == expected_rule.records);
	REQUIRE(run, rule.records == 0 || rule.trigger == expected_rule.trigger);
	tree_route_recorded(run->tree, lease, level, &route);
	model_route_recorded(&run->model, name, level, &expected);
	REQUIRE(run, routes_equal(&route, &expected));
	check_verdicts(run, name, level, &route);
}

static void do_emit(struct run *run, bool by_name)
{
	size_t at = by_name ? MODEL_LEASES : draw_lease(run, true);
	size_t name = draw(run, MODEL_NAMES);
	uint8_t level = draw_level(run);
	struct route expected;
	struct route route;

	if (at < MODEL_LEASES) {
		name = run->model.leases[at].name;
		tree_route(run->tree, run->leases[at], level, &route);
	} else {
		tree_route_name(run->tree, span_of(model_names[name]), level, &route);
	}
	if (strcmp(model_names[name], "root") == 0)
		name = 0;
	check_context(run, at, name);
	model_route(&run->model, name, level, &expected);
	REQUIRE(run, routes_equal(&route, &expected));
	if (!route.filtered)
		check_verdicts(run, name, level, &route);
	if (at < MODEL_LEASES)
		check_recorded(run, run->leases[at], name, level);
}

static void do_something(struct run *run)
{
	static const struct {
		uint64_t share; /* percent */
		void (*act)(struct run *run);
	} actions[] = {
		{ 24, do_open },	{ 18, do_close },   { 12, do_set_level },
		{ 10, do_set_context }, { 7, do_override }, { 4, do_unset_override },
		{ 2, do_expire },	{ 2, do_die },	    { 2, do_reload },
	};
	uint64_t what = draw(run, 100);

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (what < actions[i].share) {
			actions[i].act(run);
			model_settle(&run->model);
			return;
		}
		what -= actions[i].share;
	}
	do_emit(run, what % 3 == 0);
}

static void meet(const struct logger_view *view, void *arg)
{
	struct run *run = arg;
	size_t name = model_find(view->name);

	REQUIRE(run, name < MODEL_NAMES && !run->met[name]);
	run->met[name] = true;
}

/* Who has lived from begin to end was met; nobody twice. */
static void go_on_walking(struct run *run)
{
	if (!run->walks) {
		run->walk = tree_walk_begin(run->tree);
		memcpy(run->lived, run->model.exists, sizeof(run->lived));
		memset(run->met, 0, sizeof(run->met));
	}
	for (size_t name = 0; name < MODEL_NAMES; name++)
		run->lived[name] = run->lived[name] && run->model.exists[name];
	run->walks = tree_walk(run->tree, &run->walk, draw(run, 4), meet, run);
	if (run->walks)
		return;
	run->walks_done++;
	for (size_t name = 0; name < MODEL_NAMES; name++)
		REQUIRE(run, run->met[name] || !run->lived[name]);
}

/* Neither a floor nor the level map ever changes without a new generation. */
static void check_generation(struct run *run)
{
	uint64_t generation = tree_level_generation(run->tree);
	uint64_t digest = tree_level_digest(run->tree);

	for (size_t owner = 0; owner < MODEL_OWNERS; owner++) {
		uint8_t floor = tree_lease_floor(run->tree, &run->owners[owner]);

		REQUIRE(run, floor == model_floor(&run->model, owner));
		REQUIRE(run, floor == run->floors[owner] || generation != run->generation);
		run->floors[owner] = floor;
	}
	REQUIRE(run, digest == run->digest || generation != run->generation);
	run->digest = digest;
	run->generation = generation;
}

static void check_all(struct run *run)
{
	const char *difference = tree_difference(run->tree, &run->model, 1 + run->step % 60);
	uint64_t peak = tree_counts(run->tree).peak;

	if (difference != NULL)
		ck_abort_msg("seed %" PRIu64 " step %zu: %s", run->seed, run->step, difference);
	REQUIRE(run, peak >= run->peak);
	run->peak = peak;
	check_generation(run);
	go_on_walking(run);
}

START_TEST(tree_agrees_with_the_model)
{
	struct run run = { .seed = (uint64_t)_i,
			   .random = (uint64_t)_i,
			   .tree = tree_new(hash_key) };
	size_t steps = test_steps(STEPS, STEPS_LONG);

	ck_assert_ptr_nonnull(run.tree);
	memset(run.floors, LEVEL_MAX + 1, sizeof(run.floors));
	model_init(&run.model);
	for (run.step = 0; run.step < steps; run.step++) {
		do_something(&run);
		check_all(&run);
	}
	for (size_t at = 0; at < MODEL_LEASES; at++) {
		if (run.model.leases[at].open)
			close_one(&run, at, LEASE_RELEASED);
		check_all(&run);
	}
	ck_assert_uint_gt(run.walks_done, steps / 100);
	tree_free(run.tree);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("tree_model");
	TCase *model = tcase_create("model");

	tcase_set_tags(model, LONG_TAG);
	tcase_set_timeout(model, 60);
	tcase_add_loop_test(model, tree_agrees_with_the_model, 0, SEEDS);
	suite_add_tcase(suite, model);
	return suite;
}
