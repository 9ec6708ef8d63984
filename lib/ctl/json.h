/**
 * json: what the files of this folder ask of a jansson value.
 *
 * What the daemon did not send reads as 0 or "", so that a printer shows what there is.
 */
#ifndef LOGFWD_CTL_JSON_H
#define LOGFWD_CTL_JSON_H

#include <jansson.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(json_t *, json_decref)

static inline json_int_t json_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static inline const char *json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

#endif
