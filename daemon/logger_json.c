#include "logger_json.h"

#include <stdlib.h>

json_t *count_json(uint64_t count)
{
	return json_integer(count < INT64_MAX ? (json_int_t)count : INT64_MAX);
}

json_t *text_json(struct span bytes)
{
	json_t *string = json_stringn((const char *)bytes.ptr, bytes.len);
	char *copy;

	if (string != NULL || bytes.len == 0)
		return string != NULL ? string : json_string("");
	copy = malloc(bytes.len);
	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < bytes.len; i++)
		copy[i] = (char)(bytes.ptr[i] < 0x80 ? bytes.ptr[i] : '?');
	string = json_stringn(copy, bytes.len);
	free(copy);
	return string;
}

json_t *logger_name_json(struct span name)
{
	return name.len == 0 ? json_string("root") : text_json(name);
}

json_t *pattern_json(struct span name, bool is_prefix)
{
	uint8_t bytes[LOGGER_NAME_MAX + 1];

	if (!is_prefix)
		return logger_name_json(name);
	if (name.len > 0)
		memcpy(bytes, name.ptr, name.len);
	bytes[name.len] = '*';
	return text_json(span_of_bytes(bytes, name.len + 1));
}

json_t *seconds_left_json(int64_t until_ms, int64_t now_ms)
{
	if (until_ms == OVERRIDE_FOR_EVER)
		return json_null();
	return json_real(until_ms > now_ms ? (double)(until_ms - now_ms) / 1000.0 : 0.0);
}

json_t *level_view_json(const struct level_view *view, int64_t now_ms)
{
	json_t *object = json_pack("{s:i, s:s}", "level", (int)view->level, "source",
				   level_source_name(view->source));

	if (view->source != LEVEL_FROM_NOBODY)
		json_object_set_new(object, "logger", logger_name_json(view->logger));
	if (view->source != LEVEL_FROM_OVERRIDE)
		return object;
	json_object_set_new(object, "pattern",
			    pattern_json(view->pattern, view->pattern_is_prefix));
	json_object_set_new(object, "seconds_left", seconds_left_json(view->until_ms, now_ms));
	return object;
}
