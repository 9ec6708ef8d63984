/**
 * server: one collector address of a target: its name and address, its state, its socket.
 *
 * The state decides (server_state.h); this file carries it out on a socket that it borrows
 * from the pool, and reads what the kernel tells afterwards in the socket's error queue.
 */
#ifndef LOGFWD_OUTPUT_SERVER_H
#define LOGFWD_OUTPUT_SERVER_H

#include <sys/socket.h>

#include "base/cleanup.h"
#include "output/resolver.h"
#include "output/server_state.h"
#include "output/socket_pool.h"

#define SERVER_ERRNOS_MAX 16

struct server;

/**
 * Told that the server may be able to take records again; the owner tries, but from the loop:
 * the pool may be at work for another server when it tells.
 */
typedef void server_changed(void *arg);

struct server_env {
	struct socket_pool *pool;
	struct resolver *resolver;
	server_changed *changed;
	void *arg;
};

/**
 * A server of its configured text ("HOST:PORT", "[V6]:PORT"; copied). A numeric address is
 * there at once, a name is asked for and asked for again every resolve_interval seconds.
 * Errors: -EINVAL (text), -ENOMEM.
 */
int server_new(const struct server_env *env, const char *text, uint32_t resolve_interval,
	       struct server **server_out);
void server_free(struct server *server);
DEFINE_CLEANUP(struct server *, server_free)

void server_set_resolve_interval(struct server *server, uint32_t seconds);

/** One attempt to send. */
struct server_result {
	size_t sent;	      /* datagrams that the kernel took */
	bool blocked;	      /* the rest must wait for server_changed, or for the pause below */
	int64_t pause_ms;     /* > 0: wait that long although no event will come */
	bool first_too_large; /* the first that was not sent never can be, on this path */
};

/**
 * Sends up to count datagrams, as many as the server's state admits and SEGMENTS_BATCH at most.
 * Those of one length in a row share a message (segments.h); a message that cannot be sent as
 * one goes as single datagrams in the next call, and that is no failure.
 * now_ms: monotonic. Never blocks; a failure changes the state, so that the caller finds
 * server_admits() smaller and goes on with another server.
 */
struct server_result server_send(struct server *server, const struct mmsghdr *datagrams,
				 size_t count, int64_t now_ms);

/** How many of count records the server may be given now. */
size_t server_admits(struct server *server, size_t count, int64_t now_ms);

/** When server_admits() may answer differently without an event, or INT64_MAX. */
int64_t server_deadline(const struct server *server);

struct server_error_count {
	int error; /* an errno */
	uint64_t count;
};

struct server_view {
	const char *text;
	enum server_phase phase;
	uint64_t sent, refused;
	bool has_socket;
	int last_error; /* an errno; 0: none yet */
	struct server_error_count errors[SERVER_ERRNOS_MAX];
	size_t n_errors;
};
struct server_view server_view(const struct server *server);

#endif
