/**
 * connection: one request to logfwdd's control socket, and its reply.
 *
 * The protocol is one line of JSON each way: {"verb":"stats"}, answered by
 * {"status":"ok","result":{...}} or {"status":"error","code":"denied","error":"why"}. Before it,
 * an answer in slices has lines that say {"status":"more","result":{...}}.
 */
#ifndef LOGFWD_CTL_CONNECTION_H
#define LOGFWD_CTL_CONNECTION_H

#include <jansson.h>
#include <stdbool.h>

#define CONNECTION_TIMEOUT_MS 30000

/**
 * Asks the daemon, and says to stderr what went wrong, if anything did.
 *
 * socket_path: of the control socket.
 * request:     taken; NULL is an error: a text that was to go into it is not UTF-8, or no memory.
 * timeout_ms:  > 0, for the whole exchange.
 * result_out:  the "result" of the reply, owned by the caller, on success only.
 * Returns EXIT_SUCCESS; EXIT_FAILURE when there is no daemon, no answer in time, or the daemon
 * could or would not; EXIT_USAGE when it did not understand, or could not be asked.
 */
int connection_ask(const char *socket_path, json_t *request, int timeout_ms, json_t **result_out);

/** Takes the "result" of one line, borrowed for the call; false: that was enough. */
typedef bool connection_part(json_t *result, void *arg);

/**
 * The same for an answer in slices. timeout_ms: > 0, until the first line has come. patience_ms:
 * for each line after it; 0: for ever. EXIT_FAILURE also when the last line does not come.
 */
int connection_follow(const char *socket_path, json_t *request, int timeout_ms, int patience_ms,
		      connection_part *part, void *arg);

#endif
