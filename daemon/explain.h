/**
 * explain: what becomes of a record that is given to a logger, and why, without giving one.
 *
 * It asks the same functions as a record does, so that it says what happens.
 */
#ifndef LOGFWD_EXPLAIN_H
#define LOGFWD_EXPLAIN_H

#include <jansson.h>

#include "forward.h"

/**
 * {"name","level","exists","effective":{...},"verdict","reason","path":[{"logger","propagate",
 * "handlers":[{"handler","target","verdict","datagram","parts"}]}]}.
 * verdict: "delivered", "filtered", "rate_limited" or "no_handler", as the record would be
 * counted, or "oversize" when every delivery would be dropped for its size; of a handler "takes",
 * "rate_limited", "oversize", "level" or "filter". datagram: with "takes", the first of so many
 * parts if there are several.
 * The record is one without a lease: its context is what the configuration gives.
 * Owned; NULL without memory.
 */
json_t *explain(const struct forward *forward, struct span name, uint8_t level, struct span text);

#endif
