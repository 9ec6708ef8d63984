/**
 * logger_listing: the loggers of the tree as JSON, in slices of about a millisecond.
 *
 * Between the slices the tree may change: a logger that lives from begin to end is listed once,
 * another at most once. Nothing is kept meanwhile but where the walk is.
 */
#ifndef LOGFWD_LOGGER_LISTING_H
#define LOGFWD_LOGGER_LISTING_H

#include "control/control_streams.h"
#include "route/tree.h"

/**
 * Each slice is {"loggers":[{"name","level","own_level","effective","effective_level",
 * "configured","leases","children","records","placeholder","propagate"}], "folded":[{"parent",
 * "count","leases","records"}]}, level objects as in logger_json.h. Thousands of siblings are a
 * row of "folded" in each slice that met some of them: the sums over all slices are theirs. One
 * that is configured, or has a level that an operator gave to it alone, has a row of its own.
 *
 * tree: borrowed until the stream ends. pattern: as of name_pattern_of(). all: nothing is folded,
 * and placeholders are listed too, as is the one of a pattern that is a whole name. stream_out: owned by the caller. Errors: -ENOMEM.
 */
int logger_listing(const struct tree *tree, const char *pattern, bool all,
		   struct control_stream *stream_out);

#endif
