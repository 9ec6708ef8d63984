/**
 * template: a handler's shape for the text: literal bytes and fields in braces.
 *
 * Fields: {message} {logger} {level} {app} {pid} {uid} {host} {time} {context}
 * {context.KEY}; {{ and }} are braces. Compiled once at load; rendering allocates nothing.
 * {context} is KEY=VALUE pairs, a space between, nearest first; the root's {logger} is
 * "root"; a missing {context.KEY} is empty, an unknown {pid} is "-". Pure.
 */
#ifndef LOGFWD_FORMAT_TEMPLATE_H
#define LOGFWD_FORMAT_TEMPLATE_H

#include "base/cleanup.h"
#include "base/writer.h"
#include "format/message.h"
#include "format/timestamp.h"

struct template;

#define TEMPLATE_ERROR_BYTES 128

/**
 * Compiles a template; template_out is owned by the caller.
 * error_out: what is wrong and where ("unknown field {foo} at character 7"), on -EINVAL.
 * Errors: -EINVAL, -ENOMEM.
 */
int template_compile(const char *text, struct template **template_out,
		     char error_out[static TEMPLATE_ERROR_BYTES]);
void template_free(struct template *template);

/** Writes the shaped text, literals and fields each escaped as escape_text() does. */
void template_render(const struct template *template, const struct message *message,
		     struct timestamp_cache *cache, struct writer *writer);

/**
 * Writes as much of the shaped text as fits limit bytes, cut as escape_text_within() does.
 * Returns true when that is all of it.
 */
bool template_render_within(const struct template *template, const struct message *message,
			    struct timestamp_cache *cache, struct writer *writer, size_t limit);

DEFINE_CLEANUP(struct template *, template_free)

#endif
