#include "route/tree.h"

#include <assert.h>
#include <errno.h>

#include "route/tree_internal.h"

struct tree *tree_new(const uint8_t hash_key[static SIPHASH_KEY_BYTES])
{
	CLEANUP(tree_free) struct tree *tree = calloc(1, sizeof(*tree));

	if (tree == NULL)
		return NULL;
	memcpy(tree->hash_key, hash_key, sizeof(tree->hash_key));
	tree->root = node_new_root(tree);
	if (tree->root == NULL || hash_table_init(&tree->nodes) < 0 ||
	    hash_table_init(&tree->owners) < 0 || hash_table_init(&tree->contexts) < 0 ||
	    hash_table_init(&tree->newest) < 0)
		return NULL;
	return move_ptr(tree);
}

void tree_free(struct tree *tree)
{
	if (tree == NULL)
		return;
	assert(tree->counts.leases == 0);
	tree_drop_overrides(tree);
	tree_drop_configuration(tree);
	assert(tree->nodes.count == 0);
	hash_table_deinit(&tree->nodes);
	hash_table_deinit(&tree->owners);
	hash_table_deinit(&tree->contexts);
	hash_table_deinit(&tree->newest);
	slab_free(&tree->slab, tree->root);
	slab_deinit(&tree->slab);
	free(tree);
}

void tree_count_node(struct tree *tree, const struct node *node, bool was_real)
{
	bool is_real = node_is_real(node);

	if (is_real && !was_real)
		tree->counts.live++;
	if (!is_real && was_real)
		tree->counts.live--;
	if (tree->counts.live > tree->counts.peak)
		tree->counts.peak = tree->counts.live;
}

static uint32_t owner_hash(const void *key)
{
	/* a pointer of ours: nobody outside chooses it */
	return (uint32_t)(((uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

struct owner *owner_find(const struct tree *tree, const void *key)
{
	struct hash_link *link = hash_table_find(&tree->owners, owner_hash(key));

	for (; link != NULL; link = hash_link_next(link)) {
		struct owner *owner = hash_entry(link, struct owner, link);

		if (owner->key == key)
			return owner;
	}
	return NULL;
}

/* Returns the owner, new if need be, or NULL when out of memory. */
static struct owner *owner_obtain(struct tree *tree, const void *key)
{
	struct owner *owner = owner_find(tree, key);

	if (owner != NULL)
		return owner;
	owner = calloc(1, sizeof(*owner));
	if (owner == NULL)
		return NULL;
	owner->key = key;
	owner->link.hash = owner_hash(key);
	hash_table_add(&tree->owners, &owner->link);
	return owner;
}

/* Lets go of an owner that has no lease; NULL is fine. */
static void owner_release(struct tree *tree, struct owner *owner)
{
	if (owner == NULL || owner->n_leases > 0)
		return;
	hash_table_remove(&tree->owners, &owner->link);
	free(owner);
}

/* Makes the lease one of node and owner; nothing can fail any more. */
static void lease_attach(struct tree *tree, struct lease *lease, struct node *node,
			 struct owner *owner)
{
	bool was_real = node_is_real(node);

	lease->node = node;
	lease->owner = owner;
	owner->n_leases++;
	node->n_leases++;
	tree_count_node(tree, node, was_real);
	tree->counts.leased += node->n_leases == 1;
	tree->counts.leases++;
	tree->counts.opened++;
}

int tree_open(struct tree *tree, struct span name, const void *owner_key, struct lease **lease_out)
{
	struct owner *owner = owner_obtain(tree, owner_key);
	struct lease *lease = slab_alloc(&tree->slab, sizeof(*lease));
	struct node *chain;

	name = logger_name_canonical(name);
	if (owner == NULL || lease == NULL || node_chain_new(tree, name, true, &chain) < 0) {
		slab_free(&tree->slab, lease);
		owner_release(tree, owner);
		return -ENOMEM;
	}
	lease_attach(tree, lease, node_chain_attach(tree, name, chain), owner);
	*lease_out = lease;
	return 0;
}

void tree_close(struct tree *tree, struct lease *lease, enum lease_end how)
{
	struct node *node = lease->node;
	struct owner *owner = lease->owner;
	bool was_real = node_is_real(node);

	lease_set_level(tree, lease, LEVEL_NOTSET);
	lease_drop_context(tree, lease);
	slab_free(&tree->slab, lease);
	owner->n_leases--;
	owner_release(tree, owner);
	node->n_leases--;
	tree_count_node(tree, node, was_real);
	tree->counts.leased -= node->n_leases == 0;
	tree->counts.leases--;
	if (how == LEASE_CLIENT_EXIT)
		tree->counts.client_exit++;
	else
		tree->counts.released++;
	node_reclaim(tree, node);
}

struct span lease_name(const struct lease *lease)
{
	return node_name(lease->node);
}

struct tree_counts tree_counts(const struct tree *tree)
{
	struct tree_counts counts = tree->counts;

	counts.overrides = tree->overrides.count;
	counts.placeholders = tree->nodes.count - counts.live;
	return counts;
}
