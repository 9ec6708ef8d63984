#include "output/channel.h"

#include <errno.h>

#include "os/clock.h"
#include "output/refusals.h"
#include "output/segments.h"
#include "output/server_state.h"

/* Reads of an error queue in one turn; more than its buffer can hold. */
#define ERRORS_BUDGET 256

struct channel {
	struct channel_env env;
	struct pool_socket *socket;
	size_t segment_bytes; /* of a datagram that may share a message; 0: none, on this socket */
	struct refusals refusals;
	uint64_t too_large;	  /* datagrams that a router on the way had no room for */
	struct queue *window;	  /* marked, as they would be sent again; NULL: none is kept */
	int64_t sent_ms;	  /* of the batch at hand */
	int64_t doubted_since_ms; /* see channel_doubt() */
	int64_t refused_since_ms; /* see channel_refused_since() */
};

/* Whether a quote is how a datagram begins; an error that quotes nothing is of none. */
static bool begins_alike(struct span datagram, struct span quote)
{
	size_t length = datagram.len < quote.len ? datagram.len : quote.len;

	return length > 0 && memcmp(datagram.ptr, quote.ptr, length) == 0;
}

/* The same for the datagram as it was before it was marked. */
static bool begins_unmarked(struct span datagram, struct datagram_traits traits, struct span quote)
{
	size_t mark_bytes = datagram_mark((enum format_kind)traits.mark_kind).len;

	if (!begins_alike(span_first(datagram, traits.mark_at), quote))
		return false;
	return quote.len <= traits.mark_at ||
	       begins_alike(span_drop(datagram, traits.mark_at + mark_bytes),
			    span_drop(quote, traits.mark_at));
}

/* The quote is of what was handed over. */
static bool is_quoted(struct span datagram, struct datagram_traits traits, const void *quote)
{
	return traits.sent_again ? begins_alike(datagram, *(const struct span *)quote)
				 : begins_unmarked(datagram, traits, *(const struct span *)quote);
}

/* The quote is of this record, at whatever time it was handed over. */
static bool was_quoted(struct span datagram, struct datagram_traits traits, const void *quote)
{
	return begins_alike(datagram, *(const struct span *)quote) ||
	       begins_unmarked(datagram, traits, *(const struct span *)quote);
}

static bool was_sent_since(struct span datagram, struct datagram_traits traits,
			   const void *since_ms)
{
	(void)datagram;
	return traits.sent_ms >= *(const int64_t *)since_ms;
}

/* The oldest, or SIZE_MAX. */
static size_t channel_find_since(const struct channel *channel, int64_t since_ms)
{
	if (since_ms == INT64_MAX) /* as nearly always: nothing is looked through */
		return SIZE_MAX;
	return queue_find(channel->window, was_sent_since, &since_ms);
}

void channel_take_back(struct channel *channel, int64_t since_ms)
{
	size_t first = channel->window != NULL ? channel_find_since(channel, since_ms) : SIZE_MAX;

	if (first != SIZE_MAX)
		queue_put_back(channel->env.returned, channel->window, first);
}

void channel_doubt(struct channel *channel, int64_t since_ms)
{
	channel->doubted_since_ms = since_ms;
}

/*
 * What an error quotes, and all that was handed over behind it, is to be sent again; all of the
 * window, when the quoted record has left it, or when nobody answered for the host: the kernel
 * keeps a few of the datagrams that wait for that, and throws the older ones away without a word.
 * But news of a record that was taken back before says nothing new.
 * refused: records that the error is about. Returns how many of them are lost.
 */
static size_t channel_take_back_quoted(struct channel *channel, const struct pool_error *error,
				       size_t refused)
{
	const struct channel_env *env = &channel->env;
	struct span quote = span_of_bytes(error->quote, error->quoted);
	size_t first = queue_find(channel->window, is_quoted, &quote);
	size_t doubted = channel_find_since(channel, channel->doubted_since_ms);
	int64_t sent_ms;

	if (first == SIZE_MAX) {
		if (queue_find(env->again, was_quoted, &quote) != SIZE_MAX ||
		    queue_find(env->returned, was_quoted, &quote) != SIZE_MAX ||
		    queue_find(channel->window, was_quoted, &quote) != SIZE_MAX)
			return 0;
		queue_put_back(env->returned, channel->window, 0);
		return refused;
	}
	if (error->unanswered)
		first = 0;
	else if (doubted < first)
		first = doubted;
	sent_ms = queue_traits(channel->window, first).sent_ms;
	if (sent_ms < channel->refused_since_ms)
		channel->refused_since_ms = sent_ms;
	queue_put_back(env->returned, channel->window, first);
	/* what is older has arrived, or the error would be about it */
	queue_consume(channel->window, first);
	return 0;
}

/* A message that the kernel did not take; NULL: it took all. And the one before it, or NULL. */
struct not_taken {
	const struct msghdr *message, *before;
};

static bool message_begins(const struct msghdr *message, struct span quote)
{
	for (size_t i = 0; i < message->msg_iovlen && quote.len > 0; i++) {
		const struct iovec *part = &message->msg_iov[i];
		size_t length = part->iov_len < quote.len ? part->iov_len : quote.len;

		if (length > 0 && memcmp(part->iov_base, quote.ptr, length) != 0)
			return false;
		quote = span_drop(quote, length);
	}
	return quote.len == 0;
}

/*
 * A firewall of this host that rejects (iptables, nft) has sendmmsg(2) fail, and tells the sender by
 * ICMP as well: of what was never sent nothing is lost, and nothing to be sent again.
 */
static bool is_of_not_taken(const struct pool_error *error, struct not_taken not_taken)
{
	struct span quote = span_of_bytes(error->quote, error->quoted);

	return not_taken.message != NULL && quote.len > 0 &&
	       message_begins(not_taken.message, quote) &&
	       (not_taken.before == NULL || !message_begins(not_taken.before, quote));
}

/* It is lost, but the kernel knows the way better now: the next of its size goes in fragments. */
static bool is_too_large_for_path(const struct pool_error *error)
{
	return error->by_icmp && send_verdict(error->error) == SEND_TOO_LARGE;
}

static int read_errors(struct channel *channel, struct not_taken not_taken)
{
	struct server_account *account = channel->env.account;
	struct pool_error error;
	int last = 0;

	channel->refused_since_ms = INT64_MAX;
	for (int i = 0; i < ERRORS_BUDGET && pool_socket_read_error(channel->socket, &error); i++) {
		bool of_server = send_verdict_is_of_server(send_verdict(error.error));
		size_t refused;

		if (error.error == 0 || is_of_not_taken(&error, not_taken))
			continue;
		server_account_error(account, error.error, clock_monotonic_ms());
		if (!of_server && !is_too_large_for_path(&error))
			continue;
		channel->too_large += of_server ? 0 : 1;
		last = of_server ? error.error : last;
		refused = refusals_told(&channel->refusals, error.quoted);
		if (channel->window != NULL)
			refused = channel_take_back_quoted(channel, &error, refused);
		account->refused += refused;
	}
	return last;
}

int channel_read_errors(struct channel *channel)
{
	return read_errors(channel, (struct not_taken){ 0 });
}

int64_t channel_refused_since(const struct channel *channel)
{
	return channel->refused_since_ms;
}

/* Something is to be sent again. */
static bool channel_took_back(const struct channel *channel)
{
	return channel->window != NULL && queue_records(channel->env.returned) > 0;
}

static void on_socket_ready(struct pool_socket *socket, short what, void *arg)
{
	struct channel *channel = arg;
	int error = 0;

	if ((what & EV_READ) != 0) {
		error = channel_read_errors(channel);
		if (error == 0)
			pool_socket_discard(socket);
	}
	if (error != 0 || (what & EV_WRITE) != 0 || channel_took_back(channel))
		channel->env.news(channel, error, channel->env.arg);
}

static void channel_free(struct channel *channel)
{
	queue_free(channel->window);
	free(channel);
}

static void on_socket_gone(struct pool_socket *socket, bool evicted, void *arg)
{
	struct channel *channel = arg;
	int error = channel_read_errors(channel);

	(void)socket;
	channel->env.account->evicted += evicted ? 1 : 0;
	channel->env.gone(channel, error, channel->env.arg);
	channel_free(channel);
}

static int channel_new(const struct channel_env *env, struct channel **channel_out)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return -ENOMEM;
	channel->env = *env;
	channel->doubted_since_ms = INT64_MAX;
	channel->refused_since_ms = INT64_MAX;
	if (env->again != NULL) {
		channel->window = queue_new(&(struct queue_limits){ .bytes = env->window_bytes });
		if (channel->window == NULL) {
			free(channel);
			return -ENOMEM;
		}
	}
	*channel_out = channel;
	return 0;
}

int channel_open(const struct channel_env *env, const struct socket_address *address,
		 const struct socket_options *options, int64_t now_ms, struct channel **channel_out,
		 const char **what_out)
{
	struct channel *channel = NULL;
	struct pool_request request = {
		.address = address,
		.options = options,
		.ready = on_socket_ready,
		.gone = on_socket_gone,
		.now_ms = now_ms,
	};
	int result = channel_new(env, &channel);

	*what_out = "socket";
	if (result < 0)
		return result;
	request.arg = channel;
	result = socket_pool_open(env->pool, &request, &channel->socket, what_out);
	if (result < 0) {
		channel_free(channel);
		return result;
	}
	channel->segment_bytes = pool_socket_segment_bytes(channel->socket);
	refusals_init(&channel->refusals, channel->segment_bytes);
	*channel_out = channel;
	return 0;
}

void channel_close(struct channel *channel)
{
	if (channel == NULL)
		return;
	channel_read_errors(channel);
	socket_pool_close(channel->env.pool, channel->socket);
	channel_free(channel);
}

/* Keeps a copy of what was handed over, as it would be sent again. */
static void channel_keep(struct channel *channel, const struct msghdr *datagram,
			 struct datagram_traits traits, bool again)
{
	const struct iovec *parts = datagram->msg_iov;
	struct span mark = datagram_mark((enum format_kind)traits.mark_kind);
	uint8_t *first = parts[0].iov_base;
	struct iovec marked[SEGMENTS_PARTS + 2] = {
		{ first, traits.mark_at },
		{ (void *)mark.ptr, mark.len },
		{ first + traits.mark_at, parts[0].iov_len - traits.mark_at },
	};

	traits.sent_again = again;
	traits.sent_ms = channel->sent_ms;
	for (size_t i = 1; i < datagram->msg_iovlen; i++)
		marked[i + 2] = parts[i];
	if (again)
		queue_push(channel->window, parts, datagram->msg_iovlen, traits);
	else
		queue_push(channel->window, marked, datagram->msg_iovlen + 2, traits);
	if (queue_records(channel->window) > channel->env.window_records)
		queue_consume(channel->window, 1);
}

/*
 * Whether datagrams may still share messages on this socket, after an error of one message.
 * Returns true when that message is to go as single datagrams now: it was shared, nothing of
 * it was sent, and the error says nothing of the server yet.
 */
static bool channel_unshare(struct channel *channel, int error, bool shared)
{
	switch (error) {
	case EINVAL: /* the path has a smaller MTU now; kernels differ in which of the two they say */
	case EMSGSIZE:
	case EIO: /* the network card makes no checksums */
	case EOPNOTSUPP:
	case ENOMEM:
		if (shared)
			channel->segment_bytes = 0;
		return shared;
	case ENOBUFS: /* tc-tbf(8) cuts messages itself, and drops what has no room without a word */
		channel->segment_bytes = 0;
		return shared;
	default:
		return false;
	}
}

/* What the kernel took of a plan from a message on. */
static void channel_sent(struct channel *channel, const struct channel_batch *batch,
			 const struct segments *plan, size_t first_message, size_t messages,
			 struct channel_result *result)
{
	size_t datagrams = segments_datagrams(plan, first_message, messages);

	refusals_sent(&channel->refusals, plan->shapes + first_message, messages);
	if (channel->window != NULL) {
		for (size_t i = result->sent; i < result->sent + datagrams; i++)
			channel_keep(channel, &batch->datagrams[i].msg_hdr, batch->traits[i],
				     batch->again);
	}
	result->sent += datagrams;
}

static struct not_taken not_taken_of(const struct segments *plan, size_t message)
{
	return (struct not_taken){
		.message = &plan->messages[message].msg_hdr,
		.before = message > 0 ? &plan->messages[message - 1].msg_hdr : NULL,
	};
}

/* Why a message was not taken, and what the error queue tells beside it. */
static void channel_failed(struct channel *channel, int error, struct not_taken not_taken,
			   struct channel_result *result)
{
	const uint64_t too_large = channel->too_large;

	result->failed = error;
	switch (send_verdict(error)) {
	case SEND_PATH:
		result->told = read_errors(channel, not_taken);
		return;
	case SEND_REFUSED: /* that was of one before it */
		result->told = channel_read_errors(channel);
		return;
	case SEND_TOO_LARGE: /* was it? */
		result->told = channel_read_errors(channel);
		if (result->told != 0 || channel->too_large != too_large)
			result->failed = 0;
		return;
	case SEND_REPEAT:
	case SEND_WAIT:
	case SEND_PAUSE:
		return;
	}
}

struct channel_result channel_send(struct channel *channel, const struct channel_batch *batch,
				   int64_t now_ms)
{
	struct channel_result result = { 0 };
	struct segments plan;
	size_t done = 0;

	channel->sent_ms = now_ms;
	segments_plan(&plan, batch->datagrams, batch->count, channel->segment_bytes);
	while (done < plan.n_messages) {
		int taken = pool_socket_send(channel->env.pool, channel->socket,
					     plan.messages + done, plan.n_messages - done, now_ms);

		if (taken < 0) {
			if (!channel_unshare(channel, -taken, plan.shapes[done].datagrams > 1))
				channel_failed(channel, -taken, not_taken_of(&plan, done), &result);
			return result;
		}
		channel_sent(channel, batch, &plan, done, (size_t)taken, &result);
		done += (size_t)taken;
		result.told = done < plan.n_messages
				      ? read_errors(channel, not_taken_of(&plan, done))
				      : 0;
		if (result.told != 0)
			return result;
	}
	return result;
}

void channel_want_write(struct channel *channel)
{
	pool_socket_want_write(channel->socket, true);
}

void channel_hold(struct channel *channel, int64_t until_ms)
{
	pool_socket_hold(channel->socket, until_ms);
}
