/**
 * channel: one source port towards a server: its socket, and what was handed to it lately.
 *
 * It lives as long as its socket is open. When records are to be sent again, it keeps copies of
 * the last ones in its window. What the kernel tells in the socket's error queue is counted here,
 * and with what it quotes decides from which record on the window is taken back.
 */
#ifndef LOGFWD_OUTPUT_CHANNEL_H
#define LOGFWD_OUTPUT_CHANNEL_H

#include "output/queue.h"
#include "output/server_account.h"
#include "output/socket_pool.h"

struct channel;

/**
 * Told what the error queue held (an errno that speaks against the server), or 0: it is writable, or
 * something is to be sent again.
 */
typedef void channel_news(struct channel *channel, int error, void *arg);
/** Told that the pool takes the socket; error: as above, or 0. The channel is freed behind it. */
typedef void channel_gone(struct channel *channel, int error, void *arg);

/** What a channel borrows for its life. */
struct channel_env {
	struct socket_pool *pool;
	struct server_account *account;
	/*
	 * Records that wait to be sent again, and those that were taken back since they were looked
	 * at last. NULL: nothing is sent again.
	 */
	struct queue *again, *returned;
	size_t window_records, window_bytes; /* bytes as queue_limits */
	channel_news *news;
	channel_gone *gone;
	void *arg;
};

/**
 * Opens a socket to an address. Errors and what_out: as socket_pool_open().
 */
int channel_open(const struct channel_env *env, const struct socket_address *address,
		 const struct socket_options *options, int64_t now_ms, struct channel **channel_out,
		 const char **what_out);
/** Reads the last errors, closes the socket and frees the channel; gone is not called. */
void channel_close(struct channel *channel);

/** Datagrams in order, all for one channel. Borrowed for a call. */
struct channel_batch {
	const struct mmsghdr *datagrams;
	const struct datagram_traits *traits;
	size_t count; /* 1..SEGMENTS_BATCH */
	bool again;   /* they were handed to the kernel before, and are marked */
};

struct channel_result {
	size_t sent; /* datagrams that the kernel took */
	int failed;  /* an errno: why it did not take the one behind them; 0: nothing of the kind */
	/* an errno, from the error queue, that speaks against the server; or 0. It is read when
	 * some were not taken, but for an error that says nothing of the server. */
	int told;
};

/**
 * Hands datagrams over, those of one length in a row in one message (segments.h). It stops at the
 * first error; a message that cannot be sent as one goes as single datagrams in the next call,
 * and that is no error.
 */
struct channel_result channel_send(struct channel *channel, const struct channel_batch *batch,
				   int64_t now_ms);

/** Counts what the error queue holds. Returns the last errno that speaks against the server, or 0. */
int channel_read_errors(struct channel *channel);

/**
 * When the oldest datagram was handed over that the errors read last took back; INT64_MAX when that
 * is not known.
 */
int64_t channel_refused_since(const struct channel *channel);
/**
 * What was handed over since then (INT64_MAX: nothing) proves nothing yet: it is taken back with what the next
 * error quotes, also what is older than that.
 */
void channel_doubt(struct channel *channel, int64_t since_ms);
/** Takes back what was handed over since then (INT64_MAX: nothing). */
void channel_take_back(struct channel *channel, int64_t since_ms);

/** As those of the pool. */
void channel_want_write(struct channel *channel);
void channel_hold(struct channel *channel, int64_t until_ms);

#endif
