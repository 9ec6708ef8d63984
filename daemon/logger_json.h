/**
 * logger_json: counts, and names and levels of loggers, as JSON, the same in every answer.
 *
 * Every value is new and owned by the caller; NULL without memory.
 */
#ifndef LOGFWD_LOGGER_JSON_H
#define LOGFWD_LOGGER_JSON_H

#include <jansson.h>

#include "route/tree.h"

/** A counter; what no integer of JSON's library holds is INT64_MAX. */
json_t *count_json(uint64_t count);

/** Any bytes as text: what is no UTF-8 shows as question marks. */
json_t *text_json(struct span bytes);

/** A logger's name; "root" for the root. */
json_t *logger_name_json(struct span name);

/** The pattern of an override: a name, or what names begin with and '*'. */
json_t *pattern_json(struct span name, bool is_prefix);

/**
 * {"level":10,"source":"override","logger":"app","pattern":"app*","seconds_left":12.5}: the last
 * two of an override only, seconds_left null when it does not end by itself.
 */
json_t *level_view_json(const struct level_view *view, int64_t now_ms);

/** Seconds until then; null for OVERRIDE_FOR_EVER. */
json_t *seconds_left_json(int64_t until_ms, int64_t now_ms);

#endif
