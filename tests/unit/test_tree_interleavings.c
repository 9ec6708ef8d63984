/*
 * Proves, by doing them all, that after every interleaving of up to six operations of two clients
 * and an operator on three related names no placeholder stays without a descendant, levels are
 * those of a few lines of arithmetic, and the accounts of leases and records close.
 *
 * An operation opens, closes, sets a level, unsets it, lets a client die, or sets, unsets or
 * expires an override of one name or of all that begin with "a.". Each sequence runs on the tree
 * that the one before it has left empty, which is checked, too; what two neighbours share at
 * their front is done again but looked at once. Clients differ by nothing but their number, so
 * the first to act is always the first.
 */
#include "route/tree.h"

#include <inttypes.h>
#include <stdio.h>

#include "support/suite.h"

#define NAMES	   3
#define CLIENTS	   2
#define DEPTH	   6
#define OVERRIDES  (NAMES + 1) /* the last one is of PREFIX */
#define PREFIX	   "a."	       /* holds for all names but the first */
#define ACTIONS	   (NAMES * CLIENTS * 4 + OVERRIDES * 2 + CLIENTS + 1)
#define ROOT_LEVEL 35

static const uint8_t hash_key[16] = "sixteen bytes...";

/* Names that each stand below the one before, and who is whose candidate for a parent. */
struct family {
	const char *names[NAMES];
	bool is_candidate[NAMES][NAMES]; /* [of][who] */
	uint8_t configured;		 /* level of the first name by the configuration, or 0 */
};

static const struct family families[] = {
	{ { "a", "a.b", "a.b.c" }, { { 0 }, { 1 }, { 1, 1 } }, 0 },
	/* of two adjacent dots only the right one is a border, so "a" is no parent of "a..b" */
	{ { "a", "a.", "a..b" }, { { 0 }, { 1 }, { 0, 1 } }, 0 },
	{ { "a", "a.b", "a.b.c" }, { { 0 }, { 1 }, { 1, 1 } }, 45 },
};

enum verb { OPEN, CLOSE, SET_LEVEL, UNSET_LEVEL, DIE, OVERRIDE, UNSET_OVERRIDE, EXPIRE };

struct action {
	enum verb verb;
	uint8_t client;
	uint8_t name; /* of OVERRIDE and UNSET_OVERRIDE: NAMES for PREFIX */
};

/* What follows from a sequence; times are numbers of steps, from 1 on. */
struct state {
	bool open[CLIENTS][NAMES];
	uint8_t level[CLIENTS][NAMES];	    /* 0: none */
	uint8_t level_time[CLIENTS][NAMES]; /* when it was set */
	uint8_t override[OVERRIDES];	    /* 0: none */
	uint8_t override_time[OVERRIDES];   /* when it was set; it ends so long after the start */
	bool acted[CLIENTS];
};

struct run {
	const struct family *family;
	struct tree *tree;
	struct lease *leases[CLIENTS][NAMES];
	char clients[CLIENTS]; /* their addresses are the owners */
	struct action actions[DEPTH];
	struct state states[DEPTH + 1]; /* after so many of them */
	size_t looked_at;		/* of them */
	size_t step;
	uint64_t opened, released, client_exit, records;
	uint64_t sequences, checks;
};

static const char *const verbs[] = { "open", "close",	 "set level",	   "unset level",
				     "die",  "override", "unset override", "expire" };

static const char *action_name(const struct run *run, const struct action *action)
{
	return action->name == NAMES ? PREFIX : run->family->names[action->name];
}

static void give_up(const struct run *run, const char *what)
{
	char text[DEPTH * 64] = "";

	for (size_t i = 0; i <= run->step && i < DEPTH; i++) {
		const struct action *action = &run->actions[i];
		size_t length = strlen(text);

		snprintf(text + length, sizeof(text) - length, "%s %u %s; ", verbs[action->verb],
			 action->client, action_name(run, action));
	}
	ck_abort_msg("%s: %s", text, what);
}

#define REQUIRE(run, condition)                                                                    \
	do {                                                                                       \
		if (!(condition))                                                                  \
			give_up(run, #condition);                                                  \
	} while (0)

/* What the model says. */

static bool is_leased(const struct state *state, size_t name)
{
	return state->open[0][name] || state->open[1][name];
}

static bool is_real(const struct run *run, const struct state *state, size_t name)
{
	return is_leased(state, name) || state->override[name] != 0 ||
	       (name == 0 && run->family->configured != 0);
}

struct expectation {
	uint8_t level;
	enum level_source source;
};

static struct expectation own_level(const struct run *run, const struct state *state, size_t name)
{
	struct expectation own = { 0, LEVEL_FROM_NOBODY };
	uint8_t newest = 0;

	if (state->override[name] != 0)
		return (struct expectation){ state->override[name], LEVEL_FROM_OVERRIDE };
	if (state->override[NAMES] != 0 && name > 0)
		return (struct expectation){ state->override[NAMES], LEVEL_FROM_OVERRIDE };
	for (size_t client = 0; client < CLIENTS; client++) {
		if (state->level[client][name] == 0 || state->level_time[client][name] < newest)
			continue;
		newest = state->level_time[client][name];
		own = (struct expectation){ state->level[client][name], LEVEL_FROM_LEASE };
	}
	if (own.level == 0 && name == 0 && run->family->configured != 0)
		own = (struct expectation){ run->family->configured, LEVEL_FROM_CONFIG };
	return own;
}

/* The nearest logger among the candidates, or NAMES: the root. */
static size_t parent_of(const struct run *run, const struct state *state, size_t name)
{
	for (size_t above = name; above-- > 0;) {
		if (run->family->is_candidate[name][above] && is_real(run, state, above))
			return above;
	}
	return NAMES;
}

static struct expectation effective_level(const struct run *run, const struct state *state,
					  size_t name)
{
	struct expectation level = own_level(run, state, name);

	while (level.level == 0) {
		name = parent_of(run, state, name);
		level = name == NAMES ? (struct expectation){ ROOT_LEVEL, LEVEL_FROM_CONFIG }
				      : own_level(run, state, name);
	}
	return level;
}

static uint8_t floor_of(const struct state *state, size_t client)
{
	uint8_t lowest = LEVEL_MAX + 1;

	for (size_t name = 0; name < NAMES; name++) {
		uint8_t level = state->level[1 - client][name];

		if (level != 0 && level < lowest)
			lowest = level;
	}
	return lowest;
}

/* Looks at the tree. */

struct look {
	struct run *run;
	const struct state *state;
	size_t name;		/* NAMES: the root */
	bool exists[NAMES + 1]; /* [NAMES]: there is nobody below the last one */
	uint64_t records;
};

static void look_at_logger(const struct logger_view *view, void *arg)
{
	struct look *look = arg;
	struct run *run = look->run;
	const struct state *state = look->state;
	struct expectation own, effective;

	look->records += view->records;
	if (look->name == NAMES)
		return;
	own = own_level(run, state, look->name);
	effective = effective_level(run, state, look->name);
	REQUIRE(run, view->placeholder == !is_real(run, state, look->name));
	REQUIRE(run, view->leases ==
			     (uint32_t)(state->open[0][look->name] + state->open[1][look->name]));
	REQUIRE(run, view->children == look->exists[look->name + 1]);
	REQUIRE(run, view->own.level == own.level && view->own.source == own.source);
	REQUIRE(run, view->effective.level == effective.level &&
			     view->effective.source == effective.source);
}

static void look_at_counts(struct run *run, const struct look *look)
{
	struct tree_counts counts = tree_counts(run->tree);
	uint64_t real = 0, leases = 0, leased = 0, nodes = 0;

	for (size_t name = 0; name < NAMES; name++) {
		real += is_real(run, look->state, name);
		leases += look->state->open[0][name];
		leases += look->state->open[1][name];
		leased += is_leased(look->state, name);
		nodes += look->exists[name];
	}
	REQUIRE(run, counts.live == real && counts.placeholders == nodes - real);
	REQUIRE(run, counts.leases == leases && counts.leased == leased);
	REQUIRE(run, counts.opened == run->opened && counts.released == run->released);
	REQUIRE(run, counts.client_exit == run->client_exit);
	REQUIRE(run, counts.opened == counts.leases + counts.released + counts.client_exit);
}

static void look_at_everything(struct run *run, const struct state *state)
{
	struct look look = { .run = run, .state = state };

	for (size_t name = NAMES; name-- > 0;)
		look.exists[name] = look.exists[name + 1] || is_real(run, state, name);
	for (look.name = 0; look.name <= NAMES; look.name++)
		tree_view(run->tree,
			  span_of(look.name < NAMES ? run->family->names[look.name] : ""),
			  look_at_logger, &look);
	REQUIRE(run, look.records == run->records);
	look_at_counts(run, &look);
	for (size_t client = 0; client < CLIENTS; client++)
		REQUIRE(run, tree_lease_floor(run->tree, &run->clients[client]) ==
				     floor_of(state, client));
	run->checks++;
}

/* Acts, on the tree and on the model. */

static void close_lease(struct run *run, size_t client, size_t name, enum lease_end how)
{
	struct lease *lease = run->leases[client][name];

	if (lease == NULL)
		return;
	tree_close(run->tree, lease, how);
	run->leases[client][name] = NULL;
	run->released += how == LEASE_RELEASED;
	run->client_exit += how == LEASE_CLIENT_EXIT;
}

static uint8_t first_end(const struct state *state)
{
	uint8_t first = UINT8_MAX;

	for (size_t i = 0; i < OVERRIDES; i++) {
		if (state->override[i] != 0 && state->override_time[i] < first)
			first = state->override_time[i];
	}
	return first;
}

static void act(struct run *run, const struct action *action, uint8_t time)
{
	const struct state *after = &run->states[time];
	const struct span name = span_of(action_name(run, action));
	struct lease **lease = &run->leases[action->client][action->name % NAMES];
	const struct level_override override = { name, action->name == NAMES,
						 after->override[action->name], time };

	switch (action->verb) {
	case OPEN:
		REQUIRE(run, tree_open(run->tree, name, &run->clients[action->client], lease) == 0);
		run->opened++;
		break;
	case CLOSE:
		close_lease(run, action->client, action->name, LEASE_RELEASED);
		break;
	case SET_LEVEL:
	case UNSET_LEVEL:
		lease_set_level(run->tree, *lease, after->level[action->client][action->name]);
		break;
	case DIE:
		for (size_t i = 0; i < NAMES; i++)
			close_lease(run, action->client, i, LEASE_CLIENT_EXIT);
		break;
	case OVERRIDE:
		REQUIRE(run, tree_set_override(run->tree, &override) == 0);
		break;
	case UNSET_OVERRIDE:
		REQUIRE(run, tree_unset_override(run->tree, name, action->name == NAMES));
		break;
	case EXPIRE:
		REQUIRE(run, tree_expire_overrides(run->tree, first_end(after - 1)) ==
				     (first_end(after) == UINT8_MAX ? OVERRIDE_FOR_EVER
								    : first_end(after)));
		break;
	}
}

static void forget_lease(struct state *state, size_t client, size_t name)
{
	state->open[client][name] = false;
	state->level[client][name] = 0;
}

/* The model's part. */
static struct state state_after(const struct state *before, const struct action *action,
				uint8_t time)
{
	struct state state = *before;
	uint8_t end = first_end(before);

	state.acted[action->client] |= action->verb <= DIE;
	switch (action->verb) {
	case OPEN:
		state.open[action->client][action->name] = true;
		break;
	case SET_LEVEL:
		state.level[action->client][action->name] = (uint8_t)(10 + time);
		state.level_time[action->client][action->name] = time;
		break;
	case UNSET_LEVEL:
		state.level[action->client][action->name] = 0;
		break;
	case CLOSE:
		forget_lease(&state, action->client, action->name);
		break;
	case DIE:
		for (size_t name = 0; name < NAMES; name++)
			forget_lease(&state, action->client, name);
		break;
	case OVERRIDE:
		state.override[action->name] = (uint8_t)(60 + time);
		state.override_time[action->name] = time;
		break;
	case UNSET_OVERRIDE:
		state.override[action->name] = 0;
		break;
	case EXPIRE:
		for (size_t i = 0; i < OVERRIDES; i++)
			state.override[i] = state.override_time[i] == end ? 0 : state.override[i];
		break;
	}
	return state;
}

static bool is_possible(const struct state *state, const struct action *action)
{
	size_t client = action->client;
	size_t name = action->name;

	switch (action->verb) {
	case OPEN:
		return !state->open[client][name] && (client == 0 || state->acted[0]);
	case CLOSE:
	case SET_LEVEL:
		return state->open[client][name];
	case UNSET_LEVEL:
		return state->level[client][name] != 0;
	case DIE:
		return state->open[client][0] || state->open[client][1] || state->open[client][2];
	case OVERRIDE:
		return state->override[name] == 0;
	case UNSET_OVERRIDE:
		return state->override[name] != 0;
	case EXPIRE:
		return first_end(state) != UINT8_MAX;
	}
	return false;
}

/* All actions there are, possible or not. */
static size_t list_actions(struct action actions_out[static ACTIONS])
{
	size_t count = 0;

	for (enum verb verb = OPEN; verb <= EXPIRE; verb++) {
		size_t clients = verb <= DIE ? CLIENTS : 1;
		size_t names = verb == DIE || verb == EXPIRE		    ? 1
			       : verb == OVERRIDE || verb == UNSET_OVERRIDE ? OVERRIDES
									    : NAMES;

		for (size_t i = 0; i < clients * names; i++)
			actions_out[count++] =
				(struct action){ verb, (uint8_t)(i / names), (uint8_t)(i % names) };
	}
	return count;
}

/* A record after each step makes counts that must not get lost. */
static void log_record(struct run *run, const struct state *state)
{
	struct route route;

	tree_route_name(run->tree, span_of(run->family->names[NAMES - 1]), LEVEL_MAX, &route);
	REQUIRE(run, route.effective_level == effective_level(run, state, NAMES - 1).level);
	run->records++;
}

static void end_all(struct run *run)
{
	static const struct state nothing;

	for (size_t client = 0; client < CLIENTS; client++) {
		for (size_t name = 0; name < NAMES; name++)
			close_lease(run, client, name,
				    client == 0 ? LEASE_RELEASED : LEASE_CLIENT_EXIT);
	}
	REQUIRE(run, tree_expire_overrides(run->tree, DEPTH + 1) == OVERRIDE_FOR_EVER);
	look_at_everything(run, &nothing);
}

static void run_sequence(struct run *run)
{
	for (run->step = 0; run->step < DEPTH; run->step++) {
		const struct state *state = &run->states[run->step + 1];

		act(run, &run->actions[run->step], (uint8_t)(run->step + 1));
		log_record(run, state);
		if (run->step < run->looked_at)
			continue;
		look_at_everything(run, state);
	}
	run->looked_at = DEPTH;
	end_all(run);
	run->sequences++;
}

static void run_all_from(struct run *run, size_t depth, const struct action *actions, size_t count)
{
	const struct state *state = &run->states[depth];

	if (depth == DEPTH) {
		run_sequence(run);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_possible(state, &actions[i]))
			continue;
		run->actions[depth] = actions[i];
		run->states[depth + 1] = state_after(state, &actions[i], (uint8_t)(depth + 1));
		run->looked_at = run->looked_at < depth ? run->looked_at : depth;
		run_all_from(run, depth + 1, actions, count);
	}
}

static void configure(struct run *run)
{
	const struct logger_options loggers[] = {
		{ .name = "", .level = ROOT_LEVEL, .propagate = true },
		{ .name = run->family->names[0],
		  .level = run->family->configured,
		  .propagate = true },
	};
	const struct tree_options options = { .loggers = loggers,
					      .n_loggers = run->family->configured != 0 ? 2 : 1 };
	struct tree_generation *generation;

	ck_assert_int_eq(tree_prepare(run->tree, &options, &generation), 0);
	tree_commit(run->tree, generation);
}

START_TEST(interleavings_keep_the_invariants)
{
	struct run run = { .family = &families[_i], .tree = tree_new(hash_key) };
	struct action actions[ACTIONS];
	size_t count = list_actions(actions);

	ck_assert_uint_eq(count, ACTIONS);
	configure(&run);
	run_all_from(&run, 0, actions, count);
	printf("# %s, %s, %s%s: %" PRIu64 " sequences of %d operations, %" PRIu64 " looks\n",
	       run.family->names[0], run.family->names[1], run.family->names[2],
	       run.family->configured != 0 ? " (the first configured)" : "", run.sequences, DEPTH,
	       run.checks);
	ck_assert_uint_gt(run.sequences, 1000000);
	tree_free(run.tree);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("tree_interleavings");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 300);
	tcase_add_loop_test(all, interleavings_keep_the_invariants, 0, (int)ARRAY_LEN(families));
	suite_add_tcase(suite, all);
	return suite;
}
