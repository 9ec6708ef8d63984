#include "route/tree_internal.h"

const char *level_source_name(enum level_source source)
{
	static const char *const names[] = {
		[LEVEL_FROM_NOBODY] = "nobody",
		[LEVEL_FROM_CONFIG] = "config",
		[LEVEL_FROM_LEASE] = "lease",
		[LEVEL_FROM_OVERRIDE] = "override",
	};

	return names[source];
}

/* What an override gives to a name; node: the one of that name, or NULL. */
static const struct override_entry *override_of(const struct tree *tree, const struct node *node,
						struct span name)
{
	if (node != NULL && node->override != LEVEL_NOTSET)
		return overrides_find(&tree->overrides, name, false);
	return overrides_prefix_of(&tree->overrides, name);
}

/* The own level of a name, and whose it is; node: the one of that name, or NULL. */
static struct level_view own_view(const struct tree *tree, const struct node *node,
				  struct span name)
{
	const struct override_entry *entry = override_of(tree, node, name);
	struct level_view view = { .logger = name, .until_ms = OVERRIDE_FOR_EVER };

	if (entry != NULL) {
		view.level = entry->what.level;
		view.source = LEVEL_FROM_OVERRIDE;
		view.pattern = entry->what.name;
		view.pattern_is_prefix = entry->what.is_prefix;
		view.until_ms = entry->what.until_ms;
	} else if (node != NULL) {
		view.level = node_own_level(tree, node);
		if (view.level != LEVEL_NOTSET)
			view.source = node->levels != NULL ? LEVEL_FROM_LEASE : LEVEL_FROM_CONFIG;
	}
	return view;
}

/* The own level of a name if it has one, else that of the nearest above it, from parent on. */
static struct level_view effective_view(const struct tree *tree, struct level_view own,
					const struct node *parent)
{
	for (; own.level == LEVEL_NOTSET && parent != NULL; parent = node_parent(parent))
		own = own_view(tree, parent, node_name(parent));
	return own;
}

static void visit_node(const struct tree *tree, const struct node *node, logger_visitor *visit,
		       void *arg)
{
	const struct node *above = node->above;
	struct span name = node_name(node);
	struct level_view own = own_view(tree, node, name);
	struct logger_view view = {
		.name = name,
		.own = own,
		.effective = effective_view(tree, own, node_parent(node)),
		.configured = node_is_configured(node),
		.leases = node->n_leases,
		.children = node->n_below,
		.records = node->records,
		.placeholder = !node_is_real(node),
		.propagate = node->config == NULL || node->config->propagate,
		.many_siblings =
			above != NULL && node->n_below == 0 && above->n_below > LOGGER_FOLD,
		.parent = above == NULL ? span_of("") : node_name(above),
	};

	visit(&view, arg);
}

void tree_view(const struct tree *tree, struct span name, logger_visitor *visit, void *arg)
{
	const struct node *node, *parent;
	struct logger_view view = { .placeholder = true, .propagate = true };

	name = logger_name_canonical(name);
	node = node_find(tree, name);
	if (node != NULL) {
		visit_node(tree, node, visit, arg);
		return;
	}
	parent = node_of_path(tree, name);
	view.name = name;
	view.own = own_view(tree, NULL, name);
	view.effective = effective_view(tree, view.own, parent);
	view.parent = node_name(parent);
	visit(&view, arg);
}

struct logger_walk tree_walk_begin(const struct tree *tree)
{
	return (struct logger_walk){ .classes = hash_table_classes(&tree->nodes) };
}

bool tree_walk(const struct tree *tree, struct logger_walk *walk, size_t count,
	       logger_visitor *visit, void *arg)
{
	if (!walk->begun)
		visit_node(tree, tree->root, visit, arg);
	walk->begun = true;
	while (walk->next < walk->classes && count > 0) {
		struct hash_link *link = NULL;
		uint32_t class = walk->next++;

		count--;
		while ((link = hash_table_in_class(&tree->nodes, walk->classes, class, link)) !=
		       NULL) {
			visit_node(tree, hash_entry(link, struct node, link), visit, arg);
			count -= count > 0;
		}
	}
	return walk->next < walk->classes;
}

size_t tree_path(const struct tree *tree, struct span name,
		 struct path_step steps_out[static PATH_STEPS_MAX])
{
	const struct node *node = node_of_path(tree, logger_name_canonical(name));
	size_t count = 0;

	for (; node != NULL; node = node_parent(node)) {
		const struct node_config *config = node->config;

		steps_out[count++] = (struct path_step){
			.name = node_name(node),
			.propagate = config == NULL || config->propagate,
			.n_handlers = config == NULL ? 0 : config->n_handlers,
			.handlers = config == NULL ? NULL : config->handlers,
		};
		if (!steps_out[count - 1].propagate)
			break;
	}
	return count;
}
