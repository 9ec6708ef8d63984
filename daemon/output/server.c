#include "output/server.h"

#include <errno.h>
#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "output/segments.h"

#define NO_TURN INT64_MAX

struct server {
	struct server_env env;
	struct server_owner owner;
	struct server_options options;
	char *text;
	struct address_text name;
	struct address_list addresses;
	size_t at;		   /* of addresses, the one in use */
	size_t failed_addresses;   /* in a row, that failed before it */
	struct question *question; /* NULL for a numeric address */
	struct server_state state;
	uint32_t doubts;			      /* of the host, that were heeded */
	int64_t turn;				      /* to be probed; NO_TURN: none was taken */
	struct channel *channels[SERVER_SOCKETS_MAX]; /* NULL: not open */
	struct server_account account;
	struct log_limit complaint;
};

void server_close(struct server *server)
{
	for (size_t i = 0; i < SERVER_SOCKETS_MAX; i++) {
		struct channel *channel = move_ptr(server->channels[i]);

		channel_close(channel);
	}
}

int server_new(const struct server_env *env, const char *text, struct server **server_out)
{
	CLEANUP(server_free) struct server *server = calloc(1, sizeof(*server));
	struct socket_address address;

	if (server == NULL)
		return -ENOMEM;
	server->env = *env;
	server->turn = NO_TURN;
	if (!address_parse(text, &server->name))
		return -EINVAL;
	server->text = strdup(text);
	if (server->text == NULL)
		return -ENOMEM;
	if (address_of(server->name.host, server->name.port, &address)) {
		address_list_add(&server->addresses, &address.any, address.length);
		server_state_resolved(&server->state);
	}
	*server_out = move_ptr(server);
	return 0;
}

void server_free(struct server *server)
{
	if (server == NULL)
		return;
	server_close(server);
	question_free(server->question);
	free(server->text);
	free(server);
}

/* Only addresses of the family that the sockets are bound to can be reached. */
static void keep_reachable(const struct server *server, const struct address_list *found,
			   struct address_list *kept_out)
{
	const struct socket_address *bind = &server->options.socket.bind;

	kept_out->n = 0;
	for (size_t i = 0; i < found->n; i++) {
		const struct socket_address *address = &found->addresses[i];

		if (bind->length == 0 || bind->any.sa_family == address->any.sa_family)
			address_list_add(kept_out, &address->any, address->length);
	}
}

/* The address in use stays in use while the name has it. */
static void on_answer(const struct address_list *found, void *arg)
{
	struct server *server = arg;
	struct address_list addresses;
	size_t at;

	keep_reachable(server, found, &addresses);
	if (addresses.n == 0) {
		if (server->addresses.n == 0)
			log_limited(&server->complaint, LOG_LEVEL_WARNING, "output",
				    "%s: the name has no address%s now; asking again, records wait",
				    server->text,
				    found->n > 0 ? " of the family of bind-address" : "");
		return;
	}
	at = server->addresses.n > 0
		     ? address_list_find(&addresses, &server->addresses.addresses[server->at])
		     : addresses.n;
	server->addresses = addresses;
	if (at < addresses.n) {
		server->at = at;
		return;
	}
	server->at = 0;
	server->failed_addresses = 0;
	server_close(server);
	server_state_resolved(&server->state);
	server->owner.changed(server->owner.arg);
}

static void server_ask(struct server *server)
{
	if (server->name.numeric)
		return;
	if (server->question != NULL) {
		question_set_interval(server->question, server->options.resolve_interval);
		/* the interval may be shorter now, or other addresses of the name reachable */
		question_hurry(server->question);
	} else if (resolver_ask(server->env.resolver, &server->name,
				server->options.resolve_interval, on_answer, server,
				&server->question) < 0) {
		log_limited(&server->complaint, LOG_LEVEL_ERROR, "output",
			    "%s: no memory to ask for its address; a reload tries again",
			    server->text);
	}
}

/* A window of another size, or one that another queue takes from. */
static bool same_windows(const struct server_owner *a, const struct server_owner *b)
{
	return a->again == b->again && a->returned == b->returned &&
	       a->window_records == b->window_records && a->window_bytes == b->window_bytes;
}

void server_configure(struct server *server, const struct server_owner *owner,
		      const struct server_options *options)
{
	bool other_sockets = !socket_options_equal(&server->options.socket, &options->socket);

	if (other_sockets || server->options.sockets != options->sockets ||
	    !same_windows(&server->owner, owner))
		server_close(server);
	if (other_sockets && server->addresses.n > 0) /* what failed may go well now */
		server_state_resolved(&server->state);
	server->owner = *owner;
	server->options = *options;
	server_ask(server);
}

/* The one in use. */
static const struct socket_address *server_address(const struct server *server)
{
	return &server->addresses.addresses[server->at];
}

/* True when the name has an address that was not tried since one was good; it is in use then. */
static bool server_next_address(struct server *server)
{
	bool another = server->failed_addresses + 1 < server->addresses.n;

	server->failed_addresses = another ? server->failed_addresses + 1 : 0;
	if (server->addresses.n > 1) {
		server->at = (server->at + 1) % server->addresses.n;
		server_close(server);
	}
	return another;
}

struct failure {
	int error;
	const char *what; /* of ours, that failed; "": the network said so */
	enum server_trouble trouble;
	int64_t since_ms; /* as channel_refused_since() */
};

/* The port was closed by then: what other source ports sent since is lost as well. */
static void server_take_back(struct server *server, int64_t since_ms)
{
	for (size_t i = 0; i < SERVER_SOCKETS_MAX; i++) {
		if (server->channels[i] != NULL)
			channel_take_back(server->channels[i], since_ms);
	}
}

/* The other servers of its host are told; probes that went before it were refused as well. */
static void server_refused(struct server *server, struct failure *failure, int64_t now_ms)
{
	const struct socket_address *address = server_address(server);
	int64_t tried_since_ms = server_state_tried_since(&server->state);

	if (tried_since_ms < failure->since_ms)
		failure->since_ms = tried_since_ms;
	probe_turns_refused(server->env.turns, address, now_ms);
	if (server->state.phase == SERVER_UP)
		server->doubts =
			probe_turns_doubt(server->env.turns, address, failure->since_ms, now_ms);
}

/* The one place where a server's phase gets worse; says so once in a while. */
static void server_fail(struct server *server, struct failure failure, int64_t now_ms)
{
	bool again = server->state.phase == SERVER_DUE || server->state.phase == SERVER_PROBING ||
		     (server->state.phase == SERVER_UP && failure.trouble != TROUBLE_LOCAL);

	if (failure.trouble == TROUBLE_REFUSED)
		server_refused(server, &failure, now_ms);
	server_take_back(server, failure.since_ms);
	if (server->state.phase != SERVER_DOWN)
		server->turn = NO_TURN; /* it was that of what failed */
	/* a connected socket never recovers from an address change */
	if (send_verdict(failure.error) == SEND_PATH) {
		server_close(server);
		if (server->question != NULL)
			question_hurry(server->question);
	}
	if (server->state.phase == SERVER_UP)
		server->failed_addresses = 0;
	if (again && server_next_address(server)) {
		server_state_moved(&server->state);
		return;
	}
	server_state_failed(&server->state, failure.trouble, now_ms);
	if (server->state.phase == SERVER_DOWN)
		log_limited(&server->complaint, LOG_LEVEL_WARNING, "output",
			    "%s: %s%s%s; trying again in %lld ms, records go elsewhere or wait",
			    server->text, failure.what, failure.what[0] != '\0' ? ": " : "",
			    strerror(failure.error), (long long)server->state.backoff_ms);
}

/* By the error queue. */
static struct failure told(const struct server *server, const struct channel *channel, int error)
{
	enum server_trouble trouble = TROUBLE_UNREACHABLE;

	if (send_verdict(error) == SEND_REFUSED)
		trouble = address_is_loopback(server_address(server)) ? TROUBLE_REFUSED_HERE
								      : TROUBLE_REFUSED;
	return (struct failure){ error, "", trouble, channel_refused_since(channel) };
}

static void on_channel_news(struct channel *channel, int error, void *arg)
{
	struct server *server = arg;

	if (error != 0)
		server_fail(server, told(server, channel, error), clock_monotonic_ms());
	server->owner.changed(server->owner.arg);
}

/* It may have been waited for: nothing else would tell the owner that another can be opened. */
static void on_channel_gone(struct channel *channel, int error, void *arg)
{
	struct server *server = arg;

	for (size_t i = 0; i < SERVER_SOCKETS_MAX; i++) {
		if (server->channels[i] == channel)
			server->channels[i] = NULL;
	}
	if (error != 0)
		server_fail(server, told(server, channel, error), clock_monotonic_ms());
	server->owner.changed(server->owner.arg);
}

/* What to do when there is no socket to send by. */
static struct server_result server_open_failed(struct server *server, int error, const char *what,
					       int64_t now_ms)
{
	const struct server_result pause = { .blocked = true, .pause_ms = SEND_PAUSE_MS };

	if (error == EBUSY) /* all are watched for a moment, for other servers */
		return pause;
	server_account_error(&server->account, error, now_ms);
	/* out of descriptors or memory is our trouble, not the collector's */
	if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS)
		return pause;
	server_fail(server, (struct failure){ error, what, TROUBLE_LOCAL, INT64_MAX }, now_ms);
	return (struct server_result){ 0 };
}

/* Opens a channel. Returns 0, or an errno with what failed. */
static int server_open_channel(struct server *server, size_t index, int64_t now_ms,
			       const char **what_out)
{
	const struct channel_env env = {
		.pool = server->env.pool,
		.account = &server->account,
		.again = server->owner.again,
		.returned = server->owner.returned,
		.window_records = server->owner.window_records,
		.window_bytes = server->owner.window_bytes,
		.news = on_channel_news,
		.gone = on_channel_gone,
		.arg = server,
	};

	size_t at = server->at;
	int result = channel_open(&env, &server->addresses.addresses[at], &server->options.socket,
				  now_ms, &server->channels[index], what_out);

	if (server->at != at) /* one that made room for it moved us to another address */
		server_close(server);
	return -result;
}

/* What to do about an error of sendmmsg(2), which took nothing. */
static void server_send_failed(struct server *server, struct channel *channel,
			       const struct channel_result *done, int64_t now_ms,
			       struct server_result *result)
{
	enum send_verdict verdict = send_verdict(done->failed);
	struct failure failure = told(server, channel, done->failed);

	/* News of a datagram sent before stand in the error queue as well, and count once. */
	if (!send_verdict_is_of_server(verdict) || done->told == 0) {
		server_account_error(&server->account, done->failed, now_ms);
		if (verdict == SEND_PATH)
			failure.trouble = TROUBLE_LOCAL;
	}
	switch (verdict) {
	case SEND_REPEAT:
		break;
	case SEND_WAIT:
		result->blocked = true;
		channel_want_write(channel);
		break;
	case SEND_PAUSE:
		result->blocked = true;
		result->pause_ms = SEND_PAUSE_MS;
		break;
	case SEND_TOO_LARGE:
		server->account.too_large++;
		result->first_too_large = true;
		break;
	case SEND_REFUSED:
	case SEND_PATH:
		server_fail(server, failure, now_ms);
		break;
	}
}

/* The probe is out: what the kernel can tell at once it tells now. */
static void server_watch(struct server *server, struct channel *channel, int64_t now_ms)
{
	int error;

	server_state_probe_sent(&server->state, now_ms);
	channel_doubt(channel, server_state_tried_since(&server->state));
	channel_hold(channel, server->state.until_ms);
	error = channel_read_errors(channel);
	if (error != 0)
		server_fail(server, told(server, channel, error), now_ms);
}

size_t server_channel_of(const struct server *server, uint32_t flow)
{
	return server->options.sockets > 1 ? flow % server->options.sockets : 0;
}

struct server_result server_send(struct server *server, size_t channel,
				 const struct channel_batch *batch, int64_t now_ms)
{
	struct channel_batch admitted = *batch;
	struct server_result result = { 0 };
	struct channel_result done;
	const char *what = "";
	int error = server->channels[channel] != NULL
			    ? 0
			    : server_open_channel(server, channel, now_ms, &what);
	bool probe = server->state.phase == SERVER_DUE;

	if (error != 0)
		return server_open_failed(server, error, what, now_ms);
	/* a channel of its own may have told its last news to make room for this one */
	admitted.count = server_state_admits(&server->state, batch->count);
	if (admitted.count == 0 || server->channels[channel] == NULL)
		return result;
	admitted.count = admitted.count < SEGMENTS_BATCH ? admitted.count : SEGMENTS_BATCH;
	done = channel_send(server->channels[channel], &admitted, now_ms);
	result.sent = done.sent;
	*(batch->again ? &server->account.resent : &server->account.sent) += done.sent;
	if (done.failed != 0)
		server_send_failed(server, server->channels[channel], &done, now_ms, &result);
	else if (done.told != 0)
		server_fail(server, told(server, server->channels[channel], done.told), now_ms);
	else if (probe && done.sent > 0)
		server_watch(server, server->channels[channel], now_ms);
	return result;
}

/*
 * A neighbour at the host was up and refused, just now. What was sent here since may have been
 * refused without a word: sent again it may come twice, marked, but it comes.
 */
static void server_heed(struct server *server, const struct probe_turn *turn, int64_t now_ms)
{
	if (server->doubts == turn->doubts)
		return;
	server->doubts = turn->doubts;
	if (server->state.phase != SERVER_UP || now_ms > turn->doubted_ms + PROBE_TURNS_REFUSED_MS)
		return;
	server_state_doubt(&server->state);
	server->turn = NO_TURN;
	server_take_back(server, turn->since_ms);
}

/* Time passes; what was sent to a server that has proved itself has arrived. */
static void server_tick(struct server *server, int64_t now_ms)
{
	if (server->state.phase == SERVER_UP)
		return;
	server_state_tick(&server->state, now_ms);
	for (size_t i = 0; i < SERVER_SOCKETS_MAX && server->state.phase == SERVER_UP; i++) {
		if (server->channels[i] != NULL)
			channel_doubt(server->channels[i], INT64_MAX);
	}
}

/* Waits for its turn, which may have been put off. */
static void server_queue_up(struct server *server, const struct probe_turn *turn, int64_t now_ms)
{
	int64_t turn_ms;

	if (server->turn == NO_TURN)
		server->turn = probe_turns_take(server->env.turns, server_address(server), now_ms);
	turn_ms = probe_turn_ms(turn, server->turn);
	if (turn_ms > now_ms)
		server_state_postpone(&server->state, now_ms, turn_ms);
}

size_t server_admits(struct server *server, size_t count, int64_t now_ms)
{
	const struct probe_turn *turn = probe_turns_of(server->env.turns, server_address(server));

	server_tick(server, now_ms);
	server_heed(server, turn, now_ms);
	if (server_state_is_retrying(&server->state))
		server_queue_up(server, turn, now_ms);
	return server_state_admits(&server->state, count);
}

void server_needed(struct server *server, int64_t max_ms)
{
	server_state_needed(&server->state, max_ms);
}

int64_t server_deadline(const struct server *server)
{
	return server_state_deadline(&server->state);
}

struct server_view server_view(const struct server *server)
{
	struct server_view view = {
		.text = server->text,
		.state = server_state_name(&server->state),
		.addresses = server->addresses.n,
		.account = &server->account,
	};

	if (server->addresses.n > 0)
		address_write(server_address(server), view.address);
	for (size_t i = 0; i < SERVER_SOCKETS_MAX; i++)
		view.sockets += server->channels[i] != NULL ? 1 : 0;
	return view;
}

const char *server_text(const struct server *server)
{
	return server->text;
}

const struct server_account *server_account(const struct server *server)
{
	return &server->account;
}
