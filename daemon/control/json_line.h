/**
 * json_line: an object as one line of an answer.
 */
#ifndef LOGFWD_CONTROL_JSON_LINE_H
#define LOGFWD_CONTROL_JSON_LINE_H

#include <event2/buffer.h>
#include <jansson.h>

/**
 * Appends value and a newline to output. cap: bytes that it may have without the newline.
 * Errors: -EFBIG (above cap; nothing was appended), -ENOMEM (also for a value of NULL).
 */
int json_line_add(struct evbuffer *output, const json_t *value, size_t cap);

#endif
