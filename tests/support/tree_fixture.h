/*
 * Trees in a few words, for tests: a configuration is text, and a route is the letters of the
 * handlers hit.
 *
 * "=20:a app.db=10:bc! x.y=0" configures the root with level 20 and handler a, app.db with
 * level 10 and handlers b and c without propagation, and x.y with nothing.
 */
#ifndef LOGFWD_TESTS_TREE_FIXTURE_H
#define LOGFWD_TESTS_TREE_FIXTURE_H

#include "route/tree.h"

#define FIXTURE_HANDLERS 26

/** What handlers a..z are from the next fixture_configure() on; all let everything pass at first. */
struct fixture {
	struct tree *tree;
	struct handler_rule rules[FIXTURE_HANDLERS];
};

/** A tree that is not configured; aborts without memory. */
void fixture_init(struct fixture *fixture);
void fixture_deinit(struct fixture *fixture);

/** Takes a configuration; aborts when the text is wrong. Errors: of tree_prepare(). */
int fixture_configure(struct fixture *fixture, const char *text);

/** Leases for an owner, which is any name; aborts when it fails. */
struct lease *fixture_open(struct fixture *fixture, const char *name, const char *owner);
void fixture_close(struct fixture *fixture, struct lease *lease);

/** The letters of the handlers that a record hits, in order; "-" when it is filtered. Static. */
const char *fixture_route(struct fixture *fixture, struct lease *lease, uint8_t level);
const char *fixture_route_name(struct fixture *fixture, const char *name, uint8_t level);

/** What the tree says of a node; false when there is none. Names in it are not to be used. */
bool fixture_view(const struct fixture *fixture, const char *name, struct logger_view *view_out);

#endif
