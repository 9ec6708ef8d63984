/**
 * name_pattern: which loggers an operator means: one by its name, or all whose names begin so. Pure.
 */
#ifndef LOGFWD_NAME_PATTERN_H
#define LOGFWD_NAME_PATTERN_H

#include "wire/logger_name.h"

struct name_pattern {
	uint8_t name[LOGGER_NAME_MAX]; /* canonical; of a prefix, what stands before '*' */
	size_t length;
	bool is_prefix;
};

/** text: checked: a name with at most one '*' at its end; NULL: all. Copied. */
struct name_pattern name_pattern_of(const char *text);

/** name: canonical. */
bool name_pattern_holds(const struct name_pattern *pattern, struct span name);

#endif
