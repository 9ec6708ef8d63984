/**
 * tree: the logger hierarchy, exactly as Python's logging, with leases and immediate reclaim.
 *
 * A node is one name, shared by all processes. It lives while it is configured, or leased, or
 * has an override of its own, or a live descendant; otherwise it is gone at once, with its empty ancestors. A node
 * that only has descendants is a placeholder: it has no level, no handlers, and is nobody's
 * parent, as in CPython. Every prefix of a name that ends before a dot has a node. Counts of
 * a node that goes are folded into its nearest configured ancestor. Names are found by a keyed
 * hash. Pure: no clock, no I/O.
 */
#ifndef LOGFWD_ROUTE_TREE_H
#define LOGFWD_ROUTE_TREE_H

#include "base/cleanup.h"
#include "wire/context.h"
#include "wire/frame.h"
#include "wire/level.h"
#include "wire/logger_name.h"

struct tree;
struct lease;

#define ROUTE_HANDLERS_MAX 128 /* handlers of a configuration */
/* Handlers one record may reach: each on every node of its path, as often as it is met. */
#define ROUTE_HITS_MAX (ROUTE_HANDLERS_MAX * (LOGGER_NAME_DEPTH_MAX + 1))

/** What a flight recorder keeps of each lease at or below its logger. */
struct recorder_rule {
	uint32_t records; /* the last so many below the level; 0: none, also for those below */
	uint8_t trigger;  /* 1..LEVEL_MAX: a record of this level or above has them sent first */
};

/** What the configuration says of one logger. Strings are borrowed for the call. */
struct logger_options {
	const char *name; /* checked; "" or "root" for the root */
	uint8_t level;	  /* 0: inherit; for the root: everything passes */
	bool propagate;
	const uint16_t *handlers;	    /* indices into handler rules */
	size_t n_handlers;		    /* 0..ROUTE_HANDLERS_MAX */
	const struct context_pair *context; /* keys valid and distinct, values bounded */
	size_t n_context;		    /* 0..CONTEXT_PAIRS_MAX */
	bool has_recorder;		    /* false: inherit; nobody above has one: none */
	struct recorder_rule recorder;
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
	uint64_t live;	 /* nodes that are leased, configured or overridden, without the root */
	uint64_t leased; /* nodes with at least one lease; the root too */
	uint64_t leases;
	uint64_t overrides;    /* levels that operators have set, now */
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

/** Bytes of memory that the lease's context takes, 0 without one; for the bound on it. */
size_t lease_context_bytes(const struct tree *tree, const struct lease *lease);

/** The rule of the nearest logger at or above the lease's that has one; records 0: none. */
struct recorder_rule lease_recorder(const struct tree *tree, const struct lease *lease);

/** True when a record of this level would pass the effective level of the logger; counts nothing. */
bool lease_lets_pass(const struct tree *tree, const struct lease *lease, uint8_t level);

/** The rule that a lease of that name would have. */
struct recorder_rule tree_recorder(const struct tree *tree, struct span name);

/**
 * An operator's level for one logger, or for all whose name begins with a prefix, those still
 * to come included. It stands above levels of leases and of the configuration. Of several that
 * hold for a name the exact one counts, else the longest prefix. An exact one keeps its logger
 * alive, as if that were configured.
 */
struct level_override {
	struct span name; /* checked by logger_name_check(); of a prefix, what stands before '*' */
	bool is_prefix;
	uint8_t level;	  /* 1..LEVEL_MAX */
	int64_t until_ms; /* monotonic; OVERRIDE_FOR_EVER: until it is unset */
};
#define OVERRIDES_MAX	  256
#define OVERRIDE_FOR_EVER INT64_MAX

/** Sets one, in the place of one of the same name and kind. Errors: -ENOSPC, -ENOMEM. */
int tree_set_override(struct tree *tree, const struct level_override *override);
/** Ends one; false when there is none of that name and kind. */
bool tree_unset_override(struct tree *tree, struct span name, bool is_prefix);
/** Ends those whose time has come. Returns when the next one ends, OVERRIDE_FOR_EVER: never. */
int64_t tree_expire_overrides(struct tree *tree, int64_t now_ms);
/** Visits them in the order of their names, exact ones first; names are borrowed for the call. */
typedef void override_visitor(const struct level_override *override, void *arg);
void tree_each_override(const struct tree *tree, override_visitor *visit, void *arg);

/** Where one record goes. */
struct route {
	uint8_t effective_level;       /* of the logger; 0: everything passes */
	bool filtered;		       /* below it: n_hits is 0 */
	size_t n_hits;		       /* handlers met, in Python's order: own first, then upward */
	uint16_t hits[ROUTE_HITS_MAX]; /* indices into handler rules */
	struct span name; /* of the node that routed; borrowed until the tree changes */
};

/** Has the memory that tree_route() will ask for fetched; of no effect but on time. */
void tree_prefetch(const struct lease *lease);

/** Routes a record given to a lease's logger, and counts it there. level: 1..LEVEL_MAX. */
void tree_route(struct tree *tree, struct lease *lease, uint8_t level, struct route *route_out);

/** The same for a record that was filtered before: its logger's level is passed over, no count. */
void tree_route_recorded(const struct tree *tree, const struct lease *lease, uint8_t level,
			 struct route *route_out);

/**
 * Routes by name alone, and counts at the deepest logger on the name's path; creates none.
 * The filter of a handler still sees the full name given here.
 */
void tree_route_name(struct tree *tree, struct span name, uint8_t level, struct route *route_out);

/**
 * Gathers the context of a record: the lease's own pairs, then those of its owner's leases
 * on the ancestors (CONTEXT_LEASES_MAX at most) and of the configuration, nearest first, each key once.
 * lease may be NULL: then the configuration's along name's path.
 * Pairs are borrowed until the tree changes. Returns their number, <= CONTEXT_PAIRS_MAX.
 */
#define CONTEXT_LEASES_MAX 32
size_t tree_context(const struct tree *tree, const struct lease *lease, struct span name,
		    struct context_pair pairs_out[static CONTEXT_PAIRS_MAX]);

struct tree_counts tree_counts(const struct tree *tree);

/** The lowest level that a lease of another owner has set; LEVEL_MAX + 1 when there is none. */
uint8_t tree_lease_floor(const struct tree *tree, const void *owner);

/** Changes whenever what clients must know of levels has changed (level map or floor). */
uint64_t tree_level_generation(const struct tree *tree);

/** All that the level map tells clients: configured levels, overrides, recorders. */
typedef void level_visitor(const struct level_map_entry *entry, void *arg);
void tree_each_level(const struct tree *tree, level_visitor *visit, void *arg);

/** Whose a level is, weakest first. */
enum level_source { LEVEL_FROM_NOBODY, LEVEL_FROM_CONFIG, LEVEL_FROM_LEASE, LEVEL_FROM_OVERRIDE };
/** "override"; static storage. */
const char *level_source_name(enum level_source source);

/** A level, and whose it is. */
struct level_view {
	uint8_t level; /* 0: none */
	enum level_source source;
	struct span logger;	/* the one that has it; borrowed until the tree changes */
	struct span pattern;	/* of an override: its name; borrowed, too */
	bool pattern_is_prefix; /* that stands before a '*' */
	int64_t until_ms;	/* of an override; else OVERRIDE_FOR_EVER */
};

/** One logger, for people. */
struct logger_view {
	struct span name;	     /* borrowed for the call */
	struct level_view own;	     /* level 0: none */
	struct level_view effective; /* level 0: everything passes */
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

/**
 * A walk over all nodes in slices, unordered; the root comes first and its name is "". The tree
 * may change between the slices: a node that lives from begin to end is visited exactly once,
 * any other at most once.
 */
struct logger_walk {
	uint32_t classes; /* of hashes, a power of two */
	uint32_t next;	  /* the first class that was not visited */
	bool begun;	  /* the root was visited */
};
struct logger_walk tree_walk_begin(const struct tree *tree);
/** Visits count nodes or a few more; false when none is left. */
bool tree_walk(const struct tree *tree, struct logger_walk *walk, size_t count,
	       logger_visitor *visit, void *arg);

/** The logger of that name as it is; without one of that name, as it would be once leased. */
void tree_view(const struct tree *tree, struct span name, logger_visitor *visit, void *arg);

/** Why a handler that was met does not take a record. */
enum handler_verdict { HANDLER_TAKES, HANDLER_BELOW_LEVEL, HANDLER_FILTERS_NAME };

/** A logger on the way of a record up the hierarchy. */
struct path_step {
	struct span name; /* borrowed until the tree changes */
	bool propagate;	  /* false: the last one */
	size_t n_handlers;
	const uint16_t *handlers; /* indices into handler rules; borrowed, too */
};
#define PATH_STEPS_MAX (LOGGER_NAME_DEPTH_MAX + 1)

/**
 * The way of a record given to a name, as tree_route() goes it: the loggers that exist, nearest
 * first, up to the root or the first that does not propagate. Returns how many.
 */
size_t tree_path(const struct tree *tree, struct span name,
		 struct path_step steps_out[static PATH_STEPS_MAX]);

/** What a handler on the way would do with a record. name: full, as given. */
enum handler_verdict tree_handler_verdict(const struct tree *tree, uint16_t handler,
					  struct span name, uint8_t level);

#endif
