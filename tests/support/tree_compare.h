/*
 * Holds a tree against the model of it (tree_model.h), in everything that it can be asked.
 */
#ifndef LOGFWD_TESTS_TREE_COMPARE_H
#define LOGFWD_TESTS_TREE_COMPARE_H

#include "support/tree_model.h"

/**
 * What of the tree is not as the model says, in words, or NULL: every node, once, with levels and
 * whose they are; every name that has none; counts; overrides; the level map; ways of records.
 * slice: of the walk over the nodes. Static storage.
 */
const char *tree_difference(const struct tree *tree, const struct model *model, size_t slice);

/** A number that is another one whenever what clients are told of levels is another. */
uint64_t tree_level_digest(const struct tree *tree);

bool routes_equal(const struct route *route, const struct route *expected);

#endif
