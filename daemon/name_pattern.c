#include "name_pattern.h"

#include <assert.h>

struct name_pattern name_pattern_of(const char *text)
{
	struct span name = logger_name_canonical(span_of(text == NULL ? "*" : text));
	struct name_pattern pattern = { 0 };

	pattern.is_prefix = name.len > 0 && name.ptr[name.len - 1] == '*';
	pattern.length = name.len - pattern.is_prefix;
	assert(pattern.length <= sizeof(pattern.name));
	memcpy(pattern.name, name.ptr, pattern.length);
	return pattern;
}

bool name_pattern_holds(const struct name_pattern *pattern, struct span name)
{
	struct span wanted = span_of_bytes(pattern->name, pattern->length);

	return pattern->is_prefix ? span_starts_with(name, wanted) : span_equal(name, wanted);
}
