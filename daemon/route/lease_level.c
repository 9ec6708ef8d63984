#include "route/tree_internal.h"

uint8_t node_own_level(const struct tree *tree, const struct node *node)
{
	if (node->override != LEVEL_NOTSET)
		return node->override;
	if (tree->overrides.n_prefixes > 0) {
		const struct override_entry *prefix =
			overrides_prefix_of(&tree->overrides, node_name(node));

		if (prefix != NULL)
			return prefix->what.level;
	}
	if (node->levels != NULL)
		return node->levels->level;
	return node->config != NULL ? node->config->level : LEVEL_NOTSET;
}

uint8_t node_effective_level(const struct tree *tree, const struct node *node)
{
	for (; node != NULL; node = node_parent(node)) {
		uint8_t level = node_own_level(tree, node);

		if (level != LEVEL_NOTSET)
			return level;
	}
	return LEVEL_NOTSET;
}

/*
 * The owners that set a level have become one more or fewer. What an owner sees is whether
 * another one does, so the step between none and one, and that between one and two, may move
 * a floor; but none is above the lowest level that two owners set.
 */
static void note_setters(struct tree *tree, uint8_t level, uint32_t before)
{
	uint32_t now = tree->setters[level];

	if (before >= 2 && now >= 2)
		return;
	for (uint8_t lower = 1; lower < level; lower++) {
		if (tree->setters[lower] >= 2)
			return;
	}
	tree->level_generation++;
}

static void owner_add_level(struct tree *tree, struct owner *owner, uint8_t level)
{
	if (owner->levels[level]++ > 0)
		return;
	tree->setters[level]++;
	note_setters(tree, level, tree->setters[level] - 1);
}

static void owner_remove_level(struct tree *tree, struct owner *owner, uint8_t level)
{
	if (--owner->levels[level] > 0)
		return;
	tree->setters[level]--;
	note_setters(tree, level, tree->setters[level] + 1);
}

static void lease_unlink(struct lease *lease)
{
	if (lease->newer != NULL)
		lease->newer->older = lease->older;
	else
		lease->node->levels = lease->older;
	if (lease->older != NULL)
		lease->older->newer = lease->newer;
	lease->newer = NULL;
	lease->older = NULL;
}

static void lease_link_newest(struct lease *lease)
{
	struct node *node = lease->node;

	lease->older = node->levels;
	if (lease->older != NULL)
		lease->older->newer = lease;
	node->levels = lease;
}

void lease_set_level(struct tree *tree, struct lease *lease, uint8_t level)
{
	uint8_t before = lease->level;

	if (before != LEVEL_NOTSET)
		lease_unlink(lease);
	lease->level = level;
	if (level != LEVEL_NOTSET)
		lease_link_newest(lease);
	if (level == before)
		return;
	if (level != LEVEL_NOTSET)
		owner_add_level(tree, lease->owner, level);
	if (before != LEVEL_NOTSET)
		owner_remove_level(tree, lease->owner, before);
}

uint8_t lease_level(const struct lease *lease)
{
	return lease->level;
}

uint8_t tree_lease_floor(const struct tree *tree, const void *owner_key)
{
	const struct owner *owner = owner_find(tree, owner_key);
	uint8_t level;

	for (level = 1; level <= LEVEL_MAX; level++) {
		uint32_t own = owner != NULL && owner->levels[level] > 0;

		if (tree->setters[level] > own)
			break;
	}
	return level;
}

uint64_t tree_level_generation(const struct tree *tree)
{
	return tree->level_generation;
}
