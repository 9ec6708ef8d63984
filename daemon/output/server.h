/**
 * server: one collector of a target: its name and addresses, its state, its source ports.
 *
 * The state decides (server_state.h); this file carries it out on channels, of which it has as
 * many as it was told, each opened when the first record is for it. Of a name that has several
 * addresses one is in use; when it refuses the next one is tried before the server is down.
 */
#ifndef LOGFWD_OUTPUT_SERVER_H
#define LOGFWD_OUTPUT_SERVER_H

#include "output/channel.h"
#include "output/probe_turns.h"
#include "output/resolver.h"
#include "output/server_state.h"

#define SERVER_SOCKETS_MAX 64

struct server;

/**
 * Told that the server may be able to take records again; the owner tries, but from the loop:
 * the pool may be at work for another server when it tells.
 */
typedef void server_changed(void *arg);

/** What servers share; all borrowed. */
struct server_env {
	struct socket_pool *pool;
	struct resolver *resolver;
	struct probe_turns *turns;
};

/** Who a server works for. */
struct server_owner {
	server_changed *changed;
	void *arg;
	/* see struct channel_env; all 0: nothing is sent again */
	struct queue *again, *returned;
	size_t window_records, window_bytes; /* of each source port */
};

struct server_options {
	uint32_t resolve_interval; /* seconds */
	uint32_t sockets;	   /* source ports, 1..SERVER_SOCKETS_MAX */
	struct socket_options socket;
};

/**
 * A server of its configured text ("HOST:PORT", "[V6]:PORT"; copied), without owner and options:
 * it does nothing until it has both. Errors: -EINVAL (text), -ENOMEM.
 */
int server_new(const struct server_env *env, const char *text, struct server **server_out);
void server_free(struct server *server);
DEFINE_CLEANUP(struct server *, server_free)

/** Closes its sockets, once their last errors are counted. */
void server_close(struct server *server);

/**
 * A new owner, or new options. Sockets stay unless they would be made in another way, or would
 * keep another window; then they are opened anew with the next record. Errors: none; a name is
 * asked for from the loop.
 */
void server_configure(struct server *server, const struct server_owner *owner,
		      const struct server_options *options);

/** One attempt to send. */
struct server_result {
	size_t sent;	      /* datagrams that the kernel took */
	bool blocked;	      /* the rest must wait for server_changed, or for the pause below */
	int64_t pause_ms;     /* > 0: wait that long although no event will come */
	bool first_too_large; /* the first that was not sent never can be, on this path */
};

/** The source port for a flow; less than the number of sockets. */
size_t server_channel_of(const struct server *server, uint32_t flow);

/**
 * Sends datagrams by one source port, as many as the server's state admits and SEGMENTS_BATCH at
 * most; see channel_send(). now_ms: monotonic. Never blocks; a failure changes the state, so that
 * the caller finds server_admits() smaller and goes on with another server.
 */
struct server_result server_send(struct server *server, size_t channel,
				 const struct channel_batch *batch, int64_t now_ms);

/** How many of count records the server may be given now. */
size_t server_admits(struct server *server, size_t count, int64_t now_ms);

/** Records wait, and no other server of the target takes them: see server_state_needed(). */
void server_needed(struct server *server, int64_t max_ms);

/** When server_admits() may answer differently without an event, or INT64_MAX. */
int64_t server_deadline(const struct server *server);

struct server_view {
	const char *text;
	const char *state;		  /* server_state_name() */
	char address[ADDRESS_TEXT_BYTES]; /* in use; "": none is known */
	size_t addresses;
	size_t sockets; /* open now */
	const struct server_account *account;
};
struct server_view server_view(const struct server *server);

/** Its configured text, borrowed. */
const char *server_text(const struct server *server);
const struct server_account *server_account(const struct server *server);

#endif
