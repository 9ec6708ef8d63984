/*
 * What the tree must do, said in the plainest way: arrays, and loops over all of them.
 *
 * Names are indices into model_names[], which holds with each name all that stand above it;
 * index 0 is the root.
 */
#ifndef LOGFWD_TESTS_TREE_MODEL_H
#define LOGFWD_TESTS_TREE_MODEL_H

#include "route/tree.h"

#define MODEL_NAMES    50
#define MODEL_PREFIXES 12 /* beginnings of names that an operator may give a level */
#define MODEL_DEPTH    6  /* candidates of a name, with the root */
#define MODEL_LEASES   24
#define MODEL_OWNERS   4
#define MODEL_HANDLERS 4
#define MODEL_KEYS     3

extern const char *const model_names[MODEL_NAMES];
extern const char *const model_prefixes[MODEL_PREFIXES];

struct model_lease {
	bool open;
	size_t name;
	size_t owner;
	uint8_t level;	     /* 0: none */
	uint64_t level_time; /* when it was set */
	uint64_t context_time;
	uint8_t values[MODEL_KEYS]; /* 0: unset */
};

struct model_config {
	bool configured;
	uint8_t level;
	bool propagate;
	uint16_t handlers[MODEL_HANDLERS]; /* distinct */
	size_t n_handlers;
	uint8_t values[MODEL_KEYS];
	bool has_recorder;
	struct recorder_rule recorder;
};

struct model_override {
	uint8_t level; /* 0: there is none */
	int64_t until_ms;
};

struct model {
	/* of the names alone */
	size_t above[MODEL_NAMES]; /* the name before the last dot, or the root */
	size_t candidates[MODEL_NAMES][MODEL_DEPTH];
	/* what was done */
	struct model_lease leases[MODEL_LEASES];
	struct model_config configs[MODEL_NAMES];
	struct {
		uint8_t level;
		size_t filter; /* a name; 0: none */
	} rules[MODEL_HANDLERS];
	struct model_override exact[MODEL_NAMES];
	struct model_override prefixes[MODEL_PREFIXES];
	uint64_t time; /* of the last change */
	uint64_t opened, released, client_exit;
	/* what follows from it, by model_settle() */
	uint32_t leases_of[MODEL_NAMES];
	bool is_real[MODEL_NAMES];
	size_t parent[MODEL_NAMES]; /* the nearest real candidate */
	bool exists[MODEL_NAMES];
	uint64_t records[MODEL_NAMES];
};

/** The index of a name, or MODEL_NAMES. */
size_t model_find(struct span name);

/** An empty model, settled. */
void model_init(struct model *model);

/** To be called after each change: lets nodes come and go, and folds their counts. */
void model_settle(struct model *model);

uint32_t model_children_of(const struct model *model, size_t name);
/** As tree.h says of a logger's own and effective level. */
struct level_view model_own(const struct model *model, size_t name);
struct level_view model_effective(const struct model *model, size_t name);
uint8_t model_floor(const struct model *model, size_t owner);
/** Where a record of that name goes, and who counts it. */
void model_route(struct model *model, size_t name, uint8_t level, struct route *route_out);
/** Where the record goes whatever its logger's level; nobody counts it. */
void model_route_recorded(const struct model *model, size_t name, uint8_t level,
			  struct route *route_out);
/** The loggers on the way of a record, at most MODEL_DEPTH + 1; returns how many. */
size_t model_path(const struct model *model, size_t name, size_t names_out[static MODEL_DEPTH + 1]);
enum handler_verdict model_verdict(const struct model *model, uint16_t handler, size_t name,
				   uint8_t level);
struct recorder_rule model_recorder(const struct model *model, size_t name);
/** Ends the overrides whose time has come; returns when the next one ends. */
int64_t model_expire(struct model *model, int64_t now_ms);
/** The value of each key for a record of a lease, or of a name when lease is NULL; 0: none. */
void model_context(const struct model *model, const struct model_lease *lease, size_t name,
		   uint8_t values_out[static MODEL_KEYS]);

#endif
