/*
 * Proves that after any sequence of openings, closings, levels, contexts, records and reloads
 * the tree is in every respect what a model of plain arrays says, and that a million leases
 * leave nothing behind.
 */
#include "route/tree.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

#include "support/length.h"
#include "support/suite.h"
#include "support/tree_model.h"

#define SEEDS		20
#define STEPS		10000
#define STEPS_LONG	100000
#define LEASES_EVER	1000000
#define LEASES_AT_ONCE	100000
#define ALLOCATOR_SLACK 16384 /* bytes that malloc() keeps at hand for itself */

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
	uint8_t floors[MODEL_OWNERS];
	uint64_t peak;
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
	REQUIRE(run, route.effective_level == expected.effective_level);
	REQUIRE(run, route.filtered == expected.filtered);
	REQUIRE(run, span_equal(route.name, expected.name));
	REQUIRE(run, route.n_hits == expected.n_hits);
	REQUIRE(run, memcmp(route.hits, expected.hits, route.n_hits * sizeof(route.hits[0])) == 0);
}

static void do_something(struct run *run)
{
	uint64_t what = draw(run, 100);

	if (what < 28)
		do_open(run);
	else if (what < 48)
		do_close(run);
	else if (what < 62)
		do_set_level(run);
	else if (what < 74)
		do_set_context(run);
	else if (what < 88)
		do_emit(run, false);
	else if (what < 95)
		do_emit(run, true);
	else if (what < 97)
		do_die(run);
	else
		do_reload(run);
	model_settle(&run->model);
}

struct visit {
	struct run *run;
	bool seen[MODEL_NAMES];
};

static void check_view(const struct logger_view *view, void *arg)
{
	struct visit *visit = arg;
	struct run *run = visit->run;
	const struct model *model = &run->model;
	size_t name = model_find(view->name);

	REQUIRE(run, name < MODEL_NAMES && model->exists[name] && !visit->seen[name]);
	visit->seen[name] = true;
	REQUIRE(run, view->placeholder == !model->is_real[name]);
	REQUIRE(run, view->configured == (name == 0 || model->configs[name].configured));
	REQUIRE(run, view->propagate ==
			     (!model->configs[name].configured || model->configs[name].propagate));
	REQUIRE(run, view->leases == model->leases_of[name]);
	REQUIRE(run, view->children == model_children_of(model, name));
	REQUIRE(run, !view->placeholder || view->children > 0);
	REQUIRE(run, view->records == model->records[name]);
	REQUIRE(run, view->own_level == model_own_level(model, name));
	REQUIRE(run, view->effective_level == model_effective_level(model, name));
}

static void check_counts(struct run *run)
{
	const struct model *model = &run->model;
	struct tree_counts counts = tree_counts(run->tree);
	uint64_t live = 0;
	uint64_t leased = 0;
	uint64_t placeholders = 0;

	for (size_t name = 0; name < MODEL_NAMES; name++) {
		live += name != 0 && model->is_real[name];
		leased += model->leases_of[name] > 0;
		placeholders += model->exists[name] && !model->is_real[name];
	}
	REQUIRE(run, counts.live == live);
	REQUIRE(run, counts.leased == leased);
	REQUIRE(run, counts.placeholders == placeholders);
	REQUIRE(run, counts.opened == model->opened);
	REQUIRE(run, counts.released == model->released);
	REQUIRE(run, counts.client_exit == model->client_exit);
	REQUIRE(run, counts.leases == model->opened - model->released - model->client_exit);
	REQUIRE(run, counts.peak >= live && counts.peak >= run->peak);
	run->peak = counts.peak;
}

/* A floor never moves without a new generation. */
static void check_floors(struct run *run)
{
	uint64_t generation = tree_level_generation(run->tree);

	for (size_t owner = 0; owner < MODEL_OWNERS; owner++) {
		uint8_t floor = tree_lease_floor(run->tree, &run->owners[owner]);

		REQUIRE(run, floor == model_floor(&run->model, owner));
		REQUIRE(run, floor == run->floors[owner] || generation != run->generation);
		run->floors[owner] = floor;
	}
	run->generation = generation;
}

static void check_all(struct run *run)
{
	struct visit visit = { .run = run };

	tree_each_logger(run->tree, check_view, &visit);
	for (size_t name = 0; name < MODEL_NAMES; name++)
		REQUIRE(run, visit.seen[name] == run->model.exists[name]);
	check_counts(run);
	check_floors(run);
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
	tree_free(run.tree);
}
END_TEST

static void count_view(const struct logger_view *view, void *arg)
{
	size_t *count = arg;

	*count += view->placeholder || view->leases > 0 || view->children > 0;
}

START_TEST(tree_is_empty_after_a_million_leases)
{
	struct lease **leases = calloc(LEASES_AT_ONCE, sizeof(struct lease *));
	struct tree *tree = tree_new(hash_key);
	size_t in_use = mallinfo2().uordblks;
	const struct context_pair pair = { span_of("peer"), span_of("10.0.0.7:51234") };
	size_t in_use_after;
	size_t left = 0;
	char name[64];

	for (size_t i = 0; i < LEASES_EVER + LEASES_AT_ONCE; i++) {
		struct lease **lease = &leases[i % LEASES_AT_ONCE];

		if (*lease != NULL)
			tree_close(tree, *lease, LEASE_RELEASED);
		*lease = NULL;
		if (i >= LEASES_EVER)
			continue;
		snprintf(name, sizeof(name), "Connection.%zu.%zu", i / 8, i);
		if (tree_open(tree, span_of(name), leases, lease) < 0 ||
		    (i % 16 == 0 && lease_set_context(tree, *lease, &pair, true) < 0))
			ck_abort_msg("no memory for lease %zu", i);
		if (i % 16 == 1)
			lease_set_level(tree, *lease, LEVEL_DEBUG);
	}
	in_use_after = mallinfo2().uordblks;
	ck_assert_uint_eq(tree_counts(tree).opened, LEASES_EVER);
	ck_assert_uint_eq(tree_counts(tree).peak, LEASES_AT_ONCE);
	ck_assert_uint_eq(tree_counts(tree).leases, 0);
	ck_assert_uint_eq(tree_counts(tree).live, 0);
	ck_assert_uint_eq(tree_counts(tree).placeholders, 0);
	tree_each_logger(tree, count_view, &left);
	ck_assert_uint_eq(left, 0);
	/* no table keeps its size; under a sanitizer all are 0 */
	ck_assert_uint_le(in_use_after, in_use + ALLOCATOR_SLACK);
	tree_free(tree);
	free(leases);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("tree_model");
	TCase *model = tcase_create("model");
	TCase *million = tcase_create("million");

	tcase_set_tags(model, LONG_TAG);
	tcase_set_timeout(model, 60);
	tcase_add_loop_test(model, tree_agrees_with_the_model, 0, SEEDS);
	suite_add_tcase(suite, model);
	tcase_set_timeout(million, 60);
	tcase_add_test(million, tree_is_empty_after_a_million_leases);
	suite_add_tcase(suite, million);
	return suite;
}
