#include "route/tree_internal.h"

#include <assert.h>
#include <errno.h>

static uint32_t name_hash(const struct tree *tree, struct span name)
{
	return (uint32_t)siphash13(tree->hash_key, name);
}

static struct node *node_of(struct hash_link *link)
{
	return link == NULL ? NULL : hash_entry(link, struct node, link);
}

static struct node *node_new(struct tree *tree, struct span name)
{
	/* not less than the struct: its tail padding may belong to the name */
	size_t size = offsetof(struct node, name) + name.len;
	struct node *node = slab_alloc(&tree->slab, size > sizeof(*node) ? size : sizeof(*node));

	if (node == NULL)
		return NULL;
	assert(name.len <= LOGGER_NAME_MAX);
	node->name_length = (uint8_t)name.len;
	node->irregular = logger_name_is_irregular(name);
	if (name.len > 0)
		memcpy(node->name, name.ptr, name.len);
	return node;
}

struct node *node_new_root(struct tree *tree)
{
	return node_new(tree, span_of(""));
}

static struct node *node_find_hashed(const struct tree *tree, struct span name, uint32_t hash)
{
	struct hash_link *link;

	if (name.len == 0)
		return tree->root;
	for (link = hash_table_find(&tree->nodes, hash); link != NULL;
	     link = hash_link_next(link)) {
		if (span_equal(node_name(node_of(link)), name))
			break;
	}
	return node_of(link);
}

struct node *node_find(const struct tree *tree, struct span name)
{
	return node_find_hashed(tree, name, name.len == 0 ? 0 : name_hash(tree, name));
}

/* The name before the last dot, or the root's. */
static struct span name_above(struct span name)
{
	return span_first(name, logger_name_ancestor(name, name.len));
}

/* A chain hangs together by the links of its nodes, which are in no table yet. */
static struct node *chain_next(const struct node *node)
{
	return node_of(node->link.next);
}

void node_chain_free(struct tree *tree, struct node *chain)
{
	while (chain != NULL) {
		struct node *next = chain_next(chain);

		slab_free(&tree->slab, chain);
		chain = next;
	}
}

int node_chain_new(struct tree *tree, struct span name, bool only_missing, struct node **chain_out)
{
	struct node *chain = NULL;
	struct hash_link **end = NULL;

	for (; name.len > 0; name = name_above(name)) {
		uint32_t hash = name_hash(tree, name);
		struct node *node;

		if (only_missing && node_find_hashed(tree, name, hash) != NULL)
			break;
		node = node_new(tree, name);
		if (node == NULL) {
			node_chain_free(tree, chain);
			return -ENOMEM;
		}
		node->link.hash = hash;
		if (end == NULL)
			chain = node;
		else
			*end = &node->link;
		end = &node->link.next;
	}
	*chain_out = chain;
	return 0;
}

struct node *node_chain_attach(struct tree *tree, struct span name, struct node *chain)
{
	struct node *lowest = NULL;
	struct node *below = NULL;
	bool found;

	do {
		struct node *node = node_find(tree, name);

		found = node != NULL;
		if (!found) {
			node = chain;
			chain = chain_next(chain);
			hash_table_add(&tree->nodes, &node->link);
		}
		if (below != NULL) {
			below->above = node;
			node->n_below++;
		}
		lowest = lowest == NULL ? node : lowest;
		below = node;
		name = name_above(node_name(node));
	} while (!found); /* the root is, at the latest */
	node_chain_free(tree, chain);
	return lowest;
}

struct node *node_parent(const struct node *node)
{
	struct node *above = node->above;
	size_t length = node->name_length;

	if (above == NULL)
		return NULL;
	if (!node->irregular) {
		while (!node_is_real(above))
			above = above->above;
		return above;
	}
	for (;;) {
		length = logger_name_ancestor(node_name(node), length);
		while (above->name_length > length)
			above = above->above;
		if (node_is_real(above))
			return above;
	}
}

struct node *node_of_path(const struct tree *tree, struct span name)
{
	size_t length = name.len;

	for (;;) {
		struct node *node = node_find(tree, span_first(name, length));

		if (node != NULL && node_is_real(node))
			return node;
		length = logger_name_ancestor(name, length);
	}
}

/* Its counts go on in its nearest configured ancestor, so that totals never shrink. */
static void node_fold(const struct node *node)
{
	struct node *heir = node_parent(node);

	while (!node_is_configured(heir))
		heir = node_parent(heir);
	heir->records += node->records;
}

void node_reclaim(struct tree *tree, struct node *node)
{
	while (!node_is_real(node) && node->n_below == 0) {
		struct node *above = node->above;

		node_fold(node);
		hash_table_remove(&tree->nodes, &node->link);
		slab_free(&tree->slab, node);
		above->n_below--;
		node = above;
	}
}
