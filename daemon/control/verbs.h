/**
 * verbs: one request line in, one reply object or a stream of them out; what control_server speaks.
 *
 * A verb is a row of the table in verbs.c: its name, whether it needs rights, and the
 * function that runs it. Types and names of everything in a request are checked before
 * anything is done. No I/O of its own: it acts through struct control_ops.
 */
#ifndef LOGFWD_CONTROL_VERBS_H
#define LOGFWD_CONTROL_VERBS_H

#include "base/span.h"
#include "control/control_server.h"

/**
 * Answers a request. line: without its newline; any bytes. stream_out: a stream that is all zero.
 * Returns the reply, owned by the caller. NULL: stream_out was filled and is the answer, owned by
 * the caller too; or else there is no memory.
 */
json_t *verbs_answer(const struct control_ops *ops, const struct control_caller *caller,
		     struct span line, struct control_stream *stream_out);

/** {"status":"error","code":code,"error":text}; owned, NULL without memory. What is no UTF-8 becomes '?'. */
json_t *verbs_error(const char *code, const char *text);

#endif
