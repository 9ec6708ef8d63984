#include "route/tree_internal.h"

#include <errno.h>

static void config_deinit(struct tree *tree, struct node_config *config)
{
	node_chain_free(tree, config->chain);
	free(config->context);
}

static void tree_generation_free(struct tree_generation *generation)
{
	if (generation == NULL)
		return;
	for (size_t i = 0; i < generation->n_configs; i++)
		config_deinit(generation->tree, &generation->configs[i]);
	free(generation->configs);
	free(generation);
}
DEFINE_CLEANUP(struct tree_generation *, tree_generation_free)

/* config: zeroed; to be freed whatever the result is. */
static int config_init(struct tree *tree, struct node_config *config,
		       const struct logger_options *options)
{
	struct span name = logger_name_canonical(span_of(options->name));
	int result;

	config->level = options->level;
	config->propagate = options->propagate;
	config->has_recorder = options->has_recorder;
	config->recorder = options->recorder;
	config->n_handlers = options->n_handlers;
	if (options->n_handlers > 0)
		memcpy(config->handlers, options->handlers,
		       options->n_handlers * sizeof(config->handlers[0]));
	result = context_pack(options->context, options->n_context, &config->context,
			      &config->context_length);
	if (result < 0)
		return result;
	/* whole: until the commit any of those that live now may go */
	return node_chain_new(tree, name, false, &config->chain);
}

int tree_prepare(struct tree *tree, const struct tree_options *options,
		 struct tree_generation **generation_out)
{
	CLEANUP(tree_generation_free)
	struct tree_generation *generation = calloc(1, sizeof(*generation));

	if (generation == NULL)
		return -ENOMEM;
	generation->tree = tree;
	generation->configs = calloc(options->n_loggers, sizeof(*generation->configs));
	if (generation->configs == NULL && options->n_loggers > 0)
		return -ENOMEM;
	generation->n_configs = options->n_loggers;
	for (size_t i = 0; i < options->n_loggers; i++) {
		int result = config_init(tree, &generation->configs[i], &options->loggers[i]);

		if (result < 0)
			return result;
		if (options->loggers[i].has_recorder && options->loggers[i].recorder.records > 0)
			generation->has_recorders = true;
	}
	generation->n_handlers = options->n_handlers;
	if (options->n_handlers > 0)
		memcpy(generation->handlers, options->handlers,
		       options->n_handlers * sizeof(generation->handlers[0]));
	*generation_out = move_ptr(generation);
	return 0;
}

void tree_discard(struct tree *tree, struct tree_generation *generation)
{
	(void)tree;
	tree_generation_free(generation);
}

static void node_set_config(struct tree *tree, struct node *node, const struct node_config *config)
{
	bool was_real = node_is_real(node);

	node->config = config;
	tree_count_node(tree, node, was_real);
}

/* Gives every logger of the generation its node. */
static void generation_attach(struct tree *tree, struct tree_generation *generation)
{
	for (size_t i = 0; i < generation->n_configs; i++) {
		struct node_config *config = &generation->configs[i];
		struct span name = config->chain == NULL ? span_of("") : node_name(config->chain);

		config->node = node_chain_attach(tree, name, config->chain);
		config->chain = NULL;
	}
}

/* What a client is told of a logger: its level, and whether a recorder wants to see all. */
static int told_of(const struct node_config *config)
{
	int told = config == NULL ? 0 : config->level;

	if (config != NULL && config->has_recorder)
		told += config->recorder.records > 0 ? 2 * LEVEL_COUNT : LEVEL_COUNT;
	return told;
}

/* Would the level map of the next generation, attached, differ from the current one's? */
static bool levels_differ(const struct tree_generation *current, const struct tree_generation *next)
{
	size_t n_current = 0;
	size_t n_next = 0;

	for (size_t i = 0; current != NULL && i < current->n_configs; i++)
		n_current += told_of(&current->configs[i]) != 0;
	for (size_t i = 0; i < next->n_configs; i++) {
		const struct node_config *config = &next->configs[i];

		if (told_of(config) == 0)
			continue;
		if (told_of(config) != told_of(config->node->config))
			return true;
		n_next++;
	}
	return n_current != n_next;
}

static void generation_install(struct tree *tree, struct tree_generation *generation)
{
	tree->generation = generation;
	for (size_t i = 0; i < generation->n_configs; i++)
		node_set_config(tree, generation->configs[i].node, &generation->configs[i]);
}

/* The nodes are held, as if they had a child, until the last one knows what it is now. */
static void generation_withdraw(struct tree *tree, struct tree_generation *generation)
{
	for (size_t i = 0; i < generation->n_configs; i++) {
		struct node *node = generation->configs[i].node;

		node->n_below++;
		node_set_config(tree, node, NULL);
	}
}

static void generation_end(struct tree *tree, struct tree_generation *generation)
{
	for (size_t i = 0; i < generation->n_configs; i++) {
		struct node *node = generation->configs[i].node;

		node->n_below--;
		node_reclaim(tree, node);
	}
	tree_generation_free(generation);
}

void tree_commit(struct tree *tree, struct tree_generation *generation)
{
	struct tree_generation *before = tree->generation;

	generation_attach(tree, generation);
	if (levels_differ(before, generation))
		tree->level_generation++;
	if (before != NULL)
		generation_withdraw(tree, before);
	generation_install(tree, generation);
	if (before != NULL)
		generation_end(tree, before);
}

void tree_drop_configuration(struct tree *tree)
{
	struct tree_generation *generation = tree->generation;

	if (generation == NULL)
		return;
	tree->generation = NULL;
	generation_withdraw(tree, generation);
	generation_end(tree, generation);
}

/* Whom tree_each_level() was asked to show overrides to. */
struct level_visit {
	level_visitor *visit;
	void *arg;
};

static void visit_override(const struct level_override *override, void *arg)
{
	const struct level_map_entry entry = {
		.name = override->name,
		.kind = override->is_prefix ? LEVEL_MAP_OVERRIDE_PREFIX : LEVEL_MAP_OVERRIDE,
		.level = override->level,
	};
	const struct level_visit *to = arg;

	to->visit(&entry, to->arg);
}

void tree_each_level(const struct tree *tree, level_visitor *visit, void *arg)
{
	const struct tree_generation *generation = tree->generation;
	struct level_visit to = { visit, arg };

	for (size_t i = 0; generation != NULL && i < generation->n_configs; i++) {
		const struct node_config *config = &generation->configs[i];
		struct level_map_entry entry = {
			.name = node_name(config->node),
			.kind = LEVEL_MAP_CONFIGURED,
			.level = config->level,
		};

		if (config->level != LEVEL_NOTSET)
			visit(&entry, arg);
		entry.kind = LEVEL_MAP_RECORDER;
		entry.level = config->recorder.records > 0;
		if (config->has_recorder)
			visit(&entry, arg);
	}
	tree_each_override(tree, visit_override, &to);
}

static struct recorder_rule recorder_of(const struct tree *tree, const struct node *node)
{
	if (tree->generation == NULL || !tree->generation->has_recorders)
		return (struct recorder_rule){ 0 };
	for (; node != NULL; node = node_parent(node)) {
		if (node->config != NULL && node->config->has_recorder)
			return node->config->recorder;
	}
	return (struct recorder_rule){ 0 };
}

struct recorder_rule lease_recorder(const struct tree *tree, const struct lease *lease)
{
	return recorder_of(tree, lease->node);
}

struct recorder_rule tree_recorder(const struct tree *tree, struct span name)
{
	return recorder_of(tree, node_of_path(tree, logger_name_canonical(name)));
}
