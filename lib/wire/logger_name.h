/**
 * logger_name: the syntax of dotted logger names, exactly as CPython's logging reads them.
 *
 * "" and "root" are the root. Empty components ("a..b", ".a", "a.") are legal. Pure.
 */
#ifndef LOGFWD_WIRE_LOGGER_NAME_H
#define LOGFWD_WIRE_LOGGER_NAME_H

#include "base/span.h"

#define LOGGER_NAME_MAX	      255 /* bytes */
#define LOGGER_NAME_DEPTH_MAX 32  /* components */

enum logger_name_error {
	LOGGER_NAME_OK,
	LOGGER_NAME_TOO_LONG, /* more than LOGGER_NAME_MAX bytes */
	LOGGER_NAME_TOO_DEEP, /* more than LOGGER_NAME_DEPTH_MAX components */
	LOGGER_NAME_HAS_NUL,
};

/** Checks the bounds of a name; any other byte than NUL is allowed. */
enum logger_name_error logger_name_check(struct span name);

/** What to tell the user: "longer than 255 bytes"; static storage. */
const char *logger_name_error_text(enum logger_name_error error);

/** The root's name is empty: "root" becomes "", all else stays. Borrows name. */
struct span logger_name_canonical(struct span name);

/**
 * The next candidate for the parent of a logger, nearest first, in the order in which
 * CPython's Manager._fixupParents() asks for them.
 *
 * name:   the logger's full name.
 * length: of the previous candidate, or name.len for the first call.
 * Returns the length of the candidate, a prefix of name, or 0 for the root.
 *
 * CPython looks for the next dot from two bytes before the last one, so of two adjacent
 * dots only the right one is a border: the candidates of "a..b" are "a." and the root, not "a".
 */
size_t logger_name_ancestor(struct span name, size_t length);

/** True when a component in the middle of the name is empty ("a..b"): see logger_name_ancestor(). */
bool logger_name_is_irregular(struct span name);

/** True when name is prefix or below it, as Python's logging.Filter(prefix); "" holds all. */
bool logger_name_is_under(struct span name, struct span prefix);

#endif
