#include "route/tree_internal.h"

/* The level of an entry has changed, begun, or (LEVEL_NOTSET) ended. */
static void override_apply(struct tree *tree, struct override_entry *entry, uint8_t level)
{
	struct node *node = entry->node;

	tree->level_generation++;
	if (node != NULL) {
		bool was_real = node_is_real(node);

		node->override = level;
		tree_count_node(tree, node, was_real);
	}
}

/* Gives an exact override its node. Errors: -ENOMEM. */
static int override_attach(struct tree *tree, struct override_entry *entry)
{
	struct node *chain;
	int result = node_chain_new(tree, entry->what.name, true, &chain);

	if (result == 0)
		entry->node = node_chain_attach(tree, entry->what.name, chain);
	return result;
}

int tree_set_override(struct tree *tree, const struct level_override *override)
{
	struct level_override what = *override;
	struct override_entry *entry;
	int result = 0;

	if (!what.is_prefix) /* the beginning of names is no name: "root*" is not the root */
		what.name = logger_name_canonical(what.name);
	entry = overrides_find(&tree->overrides, what.name, what.is_prefix);
	if (entry == NULL) {
		result = overrides_add(&tree->overrides, &what, &entry);
		if (result == 0 && !what.is_prefix)
			result = override_attach(tree, entry);
		if (result < 0 && entry != NULL)
			overrides_remove(&tree->overrides, entry);
		if (result < 0)
			return result;
	}
	entry->what.level = what.level;
	entry->what.until_ms = what.until_ms;
	override_apply(tree, entry, what.level);
	return 0;
}

static void override_end(struct tree *tree, struct override_entry *entry)
{
	struct node *node = entry->node;

	override_apply(tree, entry, LEVEL_NOTSET);
	overrides_remove(&tree->overrides, entry);
	if (node != NULL)
		node_reclaim(tree, node);
}

bool tree_unset_override(struct tree *tree, struct span name, bool is_prefix)
{
	struct override_entry *entry;

	if (!is_prefix)
		name = logger_name_canonical(name);
	entry = overrides_find(&tree->overrides, name, is_prefix);
	if (entry != NULL)
		override_end(tree, entry);
	return entry != NULL;
}

int64_t tree_expire_overrides(struct tree *tree, int64_t now_ms)
{
	struct override_entry *entry;
	int64_t next_ms;

	while ((entry = overrides_expired(&tree->overrides, now_ms, &next_ms)) != NULL)
		override_end(tree, entry);
	return next_ms;
}

void tree_each_override(const struct tree *tree, override_visitor *visit, void *arg)
{
	for (size_t i = 0; i < tree->overrides.count; i++)
		visit(&tree->overrides.entries[i]->what, arg);
}

void tree_drop_overrides(struct tree *tree)
{
	while (tree->overrides.count > 0)
		override_end(tree, tree->overrides.entries[0]);
}
