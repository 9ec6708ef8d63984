/**
 * tree_internal: what the files of the tree share; nobody else includes it.
 *
 * node.c       names: nodes, their parents, placeholders, reclaim
 * tree.c       life of tree and leases
 * lease_level.c levels of leases, floors, effective levels
 * tree_override.c levels of operators
 * tree_view.c  what people are told
 * context.c    pairs of leases and of the configuration
 * tree_config.c generations
 * route.c      where a record goes
 *
 * A node stands below the name before its last dot, whether that is a logger or a placeholder,
 * so all prefixes of a name that end before a dot have nodes: all candidates for its parent
 * (logger_name_ancestor()) are met on the way up, and nothing has to be looked up. Only in an
 * irregular name (with "..") some nodes on the way are no candidates.
 */
#ifndef LOGFWD_ROUTE_TREE_INTERNAL_H
#define LOGFWD_ROUTE_TREE_INTERNAL_H

#include "route/hash_table.h"
#include "route/override.h"
#include "route/siphash.h"
#include "route/slab.h"
#include "route/tree.h"

#define LEVEL_COUNT (LEVEL_MAX + 1)

struct node {
	struct hash_link link;		  /* in tree.nodes by name; before: the chain's next */
	struct node *above;		  /* the name before the last dot; NULL for the root */
	struct lease *levels;		  /* those that set a level, newest first */
	const struct node_config *config; /* of the current generation; NULL: none */
	uint64_t records;		  /* given to it, and folded into it */
	uint32_t n_leases;
	uint32_t n_below;    /* nodes right below, and holds of a running commit */
	uint8_t name_length; /* 0: the root */
	bool irregular;	     /* the name has ".." */
	uint8_t override;    /* by its own name; 0: none */
	uint8_t name[];
};

/** What a client set on one lease: string8 key, string16 value, each key once. */
struct lease_context {
	struct hash_link link;	      /* in tree.contexts by lease */
	struct hash_link newest_link; /* in tree.newest by node and owner, while newer is NULL */
	struct lease_context *newer, *older; /* of the same node and owner, as they changed */
	const struct lease *lease;
	size_t length;
	uint8_t pairs[];
};

struct lease {
	struct node *node;
	struct owner *owner;
	struct lease *newer, *older; /* in node.levels, while level is not 0 */
	uint8_t level;
	bool has_context; /* in tree.contexts */
};

/** All that one owner has leased. */
struct owner {
	struct hash_link link; /* in tree.owners by key */
	const void *key;
	uint32_t n_leases;
	uint32_t n_contexts;	      /* leases that have one */
	uint32_t levels[LEVEL_COUNT]; /* leases that set each level */
};

struct node_config {
	struct node *chain; /* until the commit: nodes for the name and all above it */
	struct node *node;  /* since the commit */
	uint8_t *context;   /* as lease_context.pairs; owned */
	size_t context_length;
	uint16_t handlers[ROUTE_HANDLERS_MAX];
	size_t n_handlers;
	uint8_t level;
	bool propagate;
	bool has_recorder;
	struct recorder_rule recorder;
};

struct tree_generation {
	struct tree *tree;
	struct node_config *configs;
	size_t n_configs;
	struct handler_rule handlers[ROUTE_HANDLERS_MAX];
	size_t n_handlers;
	bool has_recorders;
};

struct tree {
	uint8_t hash_key[SIPHASH_KEY_BYTES];
	struct slab slab; /* nodes and leases */
	struct node *root;
	struct hash_table nodes; /* without the root */
	struct hash_table owners;
	struct hash_table contexts;
	struct hash_table newest;	    /* contexts, one of each node and owner */
	struct tree_generation *generation; /* NULL before the first commit */
	struct overrides overrides;
	struct tree_counts counts;     /* all but placeholders */
	uint32_t setters[LEVEL_COUNT]; /* owners that set each level on a lease */
	uint64_t level_generation;
};

/* node.c */

static inline struct span node_name(const struct node *node)
{
	return span_of_bytes(node->name, node->name_length);
}

/** A logger, in Python's words; else a placeholder. */
static inline bool node_is_real(const struct node *node)
{
	return node->n_leases > 0 || node->config != NULL || node->override != LEVEL_NOTSET ||
	       node->above == NULL;
}

/** Counts are folded into such a node; the root always is one. */
static inline bool node_is_configured(const struct node *node)
{
	return node->config != NULL || node->above == NULL;
}

/** The root's node, in no table; NULL when out of memory. */
struct node *node_new_root(struct tree *tree);

/** The node of a name as it stands ("root" is no alias here), or NULL. */
struct node *node_find(const struct tree *tree, struct span name);

/**
 * Nodes for a name and for all above it, nearest first; with only_missing up to the first
 * that the tree has. chain_out: NULL for the root. Errors: -ENOMEM.
 */
int node_chain_new(struct tree *tree, struct span name, bool only_missing, struct node **chain_out);
void node_chain_free(struct tree *tree, struct node *chain);

/** Takes name's chain: adds to the tree what it lacks, frees the rest; returns the name's node. */
struct node *node_chain_attach(struct tree *tree, struct span name, struct node *chain);

/** The nearest logger among the candidates, as CPython's Logger.parent; NULL for the root. */
struct node *node_parent(const struct node *node);

/** The logger of that name, or else what would be its parent; name as it stands. */
struct node *node_of_path(const struct tree *tree, struct span name);

/** Lets node go unless something needs it, and so those above it. */
void node_reclaim(struct tree *tree, struct node *node);

/* tree.c */

/** To be called after every change of n_leases, config or override; keeps count of live nodes. */
void tree_count_node(struct tree *tree, const struct node *node, bool was_real);

/** The owner behind a key, or NULL when it has no lease. */
struct owner *owner_find(const struct tree *tree, const void *key);

/* lease_level.c */

/** 0: none. */
uint8_t node_own_level(const struct tree *tree, const struct node *node);
/** 0: everything passes. */
uint8_t node_effective_level(const struct tree *tree, const struct node *node);

/* context.c */

/** Packs checked pairs. packed_out: owned, NULL for none. Errors: -ENOMEM. */
int context_pack(const struct context_pair *pairs, size_t count, uint8_t **packed_out,
		 size_t *length_out);
/** Ends a lease's context. */
void lease_drop_context(struct tree *tree, struct lease *lease);

/* tree_override.c */

/** Ends all, whatever their time. */
void tree_drop_overrides(struct tree *tree);

/* tree_config.c */

/** Leaves the tree as tree_new() made it, but for the leases. */
void tree_drop_configuration(struct tree *tree);

#endif
