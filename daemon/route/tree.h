/**
 * tree: the logger hierarchy, exactly as Python's logging, with leases and immediate reclaim.
 *
 * A node is one name, shared by all processes. It lives while it is configured, or leased,
 * or has a live descendant; otherwise it is gone at once, with its empty ancestors. A node
 * that only has descendants is a placeholder: it has no level, no handlers, and is nobody's
 * parent, as in CPython. Every prefix of a name that ends before a dot has a node. Counts of
 * a node that goes are folded into its nearest configured ancestor. Names are found by a keyed
 * hash. Pure: no clock, no I/O.
 */
#ifndef LOGFWD_ROUTE_TREE_H
#define LOGFWD_ROUTE_TREE_H

#include "base/cleanup.h"
#include "wire/context.h"
#include "wire/level.h"
#include "wire/logger_name.h"

struct tree;
struct lease;

#define ROUTE_HANDLERS_MAX 64 /* handlers of a configuration */
/* Handlers one record may reach: each on every node of its path, as often as it is met. */
#define ROUTE_HITS_MAX (ROUTE_HANDLERS_MAX * (LOGGER_NAME_DEPTH_MAX + 1))

/** What the configuration says of one logger. Strings are borrowed for the call. */
struct logger_options {
	const char *name; /* checked; "" or "root" for the root */
	uint8_t level;	  /* 0: inherit; for the root: everything passes */
	bool propagate;
	const uint16_t *handlers;	    /* indices into handler rules */
	size_t n_handlers;		    /* 0..ROUTE_HANDLERS_MAX */
	const struct context_pair *context; /* keys valid and distinct, values bounded */
	size_t n_context;		    /* 0..CONTEXT_PAIRS_MAX */
};

/** What routing needs to know of a handler. */
struct handler_rule {
	uint8_t level; /* records below it pass by; 0: none */
	struct span
		filter; /* logger name prefix as Python's Filter; empty: all. Borrowed while configured. */
};

/** A whole configuration for tree_prepare(). */
struct tree_options {
	const struct logger_options *loggers; /* names distinct */
	size_t n_loggers;
	const struct handler_rule *handlers; /* copied; filters borrowed until the next commit */
	size_t n_handlers;		     /* 0..ROUTE_HANDLERS_MAX */
};

/** Numbers of the tree; counters never shrink. */
struct tree_counts {
	uint64_t live;	 /* nodes that are leased or configured, without the root */
	uint64_t leased; /* nodes with at least one lease; the root too */
	uint64_t leases;
	uint64_t placeholders; /* nodes that only have descendants */
	uint64_t peak;	       /* of live */
	uint64_t opened;       /* leases ever */
	uint64_t released;     /* leases closed by their client */
	uint64_t client_exit;  /* leases reclaimed when their client went */
};

enum lease_end { LEASE_RELEASED, LEASE_CLIENT_EXIT };

/** hash_key: random per start, so that nobody can aim at one bucket. Owned; NULL without memory. */
struct tree *tree_new(const uint8_t hash_key[static 16]);
/** Every lease must have ended. */
void tree_free(struct tree *tree);
DEFINE_CLEANUP(struct tree *, tree_free)

/**
 * Reload in two steps, so that a configuration is taken whole or not at all.
 * prepare builds all that the next generation needs; -ENOMEM leaves everything as it was.
 * commit makes it current and cannot fail; discard drops it.
 */
struct tree_generation;
int tree_prepare(struct tree *tree, const struct tree_options *options,
		 struct tree_generation **generation_out);
void tree_commit(struct tree *tree, struct tree_generation *generation);
void tree_discard(struct tree *tree, struct tree_generation *generation);

/**
 * Leases a logger. name: checked by logger_name_check(). owner: whose contexts belong
 * together (a client connection); only compared.
 * lease_out: ends with tree_close(). Errors: -ENOMEM.
 */
int tree_open(struct tree *tree, struct span name, const void *owner, struct lease **lease_out);
void tree_close(struct tree *tree, struct lease *lease, enum lease_end how);

/** Sets the lease's level, which is newest from now on; 0 takes it away. */
void lease_set_level(struct tree *tree, struct lease *lease, uint8_t level);
uint8_t lease_level(const struct lease *lease);

/**
 * Sets or (set = false) unsets a key. The key is valid, the value within CONTEXT_VALUE_MAX.
 * Errors: -E2BIG (CONTEXT_PAIRS_MAX keys there already), -ENOMEM.
 */
int lease_set_context(struct tree *tree, struct lease *lease, const struct context_pair *pair,
		      bool set);

/** The full name of the lease's logger, borrowed while it lives. */
struct span lease_name(const struct lease *lease);

/** Where one record goes. */
struct route {
	uint8_t effective_level;       /* of the logger; 0: everything passes */
	bool filtered;		       /* below it: n_hits is 0 */
	size_t n_hits;		       /* handlers met, in Python's order: own first, then upward */
	uint16_t hits[ROUTE_HITS_MAX]; /* indices into handler rules */
	struct span name; /* of the node that routed; borrowed until the tree changes */
};

/** Routes a record given to a lease's logger, and counts it there. level: 1..LEVEL_MAX. */
void tree_route(struct tree *tree, struct lease *lease, uint8_t level, struct route *route_out);

/**
 * Routes by name alone, and counts at the deepest logger on the name's path; creates none.
 * The filter of a handler still sees the full name given here.
 */
void tree_route_name(struct tree *tree, struct span name, uint8_t level, struct route *route_out);

/**
 * Gathers the context of a record: the lease's own pairs, then those of its owner's leases
 * on the ancestors and of the configuration, nearest first, each key once.
 * lease may be NULL: then the configuration's along name's path.
 * Pairs are borrowed until the tree changes. Returns their number, <= CONTEXT_PAIRS_MAX.
 */
size_t tree_context(const struct tree *tree, const struct lease *lease, struct span name,
		    struct context_pair pairs_out[static CONTEXT_PAIRS_MAX]);

struct tree_counts tree_counts(const struct tree *tree);

/** The lowest level that a lease of another owner has set; LEVEL_MAX + 1 when there is none. */
uint8_t tree_lease_floor(const struct tree *tree, const void *owner);

/** Changes whenever what clients must know of levels has changed (level map or floor). */
uint64_t tree_level_generation(const struct tree *tree);

/** A configured logger that has a level, for the level map. */
typedef void level_visitor(struct span name, uint8_t level, void *arg);
void tree_each_configured_level(const struct tree *tree, level_visitor *visit, void *arg);

/** One logger, for people. */
struct logger_view {
	struct span name;	 /* borrowed for the call */
	uint8_t own_level;	 /* 0: none */
	uint8_t effective_level; /* 0: everything passes */
	bool configured;
	uint32_t leases;
	uint32_t children; /* nodes right below */
	uint64_t records;  /* given to it, all levels */
	bool placeholder;
	bool propagate;
	bool many_siblings; /* its parent has more than LOGGER_FOLD children and it has none */
	struct span parent; /* name of the node above */
};
#define LOGGER_FOLD 16
typedef void logger_visitor(const struct logger_view *view, void *arg);
/** Visits every node but unordered; the root's name is "". */
void tree_each_logger(const struct tree *tree, logger_visitor *visit, void *arg);

#endif
