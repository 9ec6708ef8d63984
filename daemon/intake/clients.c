#include "intake/clients.h"

#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "os/clock.h"
#include "os/log.h"

/* How long the listener rests when the process is out of descriptors. */
#define ACCEPT_PAUSE_MS 100
#define HELLO_MS	10000
/* Clients that are told of changed levels in one turn: at most a few milliseconds. */
#define PUSH_SLICE 256
/* As many as a listener holds. */
#define ACCEPTED_AT_END 4096

struct clients {
	struct client_env env;
	struct evconnlistener *listener;
	struct event *accept_again;
	int reserve_fd; /* given up for a moment to tell a newcomer that there is no descriptor left */
	struct client_counts counts;
	struct event *push_timer;
	struct level_push push;
	bool push_sent;		      /* in the running round, a map */
	bool push_left;		      /* and who needs one, but later */
	struct client_levels counted; /* as of the last round, of those whom no map reaches */
	struct log_limit complaint;
};

static int reserve_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Tells a connection that it is not served, and why, closes it, and counts it. */
static void clients_turn_away(struct clients *clients, int fd, enum refusal refusal)
{
	uint8_t bytes[512];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	const struct frame_error error = {
		.code = (uint16_t)refusal_code(REFUSED_CLIENT, refusal),
		.reason = span_of(refusal_text(REFUSED_CLIENT, refusal)),
	};

	clients->env.refusals.of[REFUSED_CLIENT][refusal]++;
	frame_write_error(&writer, FRAME_BYE, &error);
	send(fd, bytes, writer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static int clients_add(struct clients *clients, int fd, const struct ucred *peer)
{
	struct client *client;
	int result = client_new(&clients->env, fd, peer->pid, peer->uid, &client);

	if (result < 0)
		return result;
	clients->counts.connected++;
	if (clients->env.live > clients->counts.peak)
		clients->counts.peak = clients->env.live;
	return 0;
}

static void clients_on_accept(struct evconnlistener *listener, evutil_socket_t fd,
			      struct sockaddr *address, int length, void *arg)
{
	struct clients *clients = arg;
	enum refusal refused;
	struct ucred peer;
	socklen_t peer_length = sizeof(peer);

	(void)listener;
	(void)address;
	(void)length;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_length) < 0) {
		close(fd);
		return;
	}
	refused = refusal_of_quota(quota_take(clients->env.quota, QUOTA_CLIENTS, peer.uid, 1));
	if (refused != REFUSAL_NONE) {
		log_limited(&clients->complaint, LOG_LEVEL_WARNING, "intake",
			    "client pid %d uid %u: refused: %s", (int)peer.pid, (unsigned)peer.uid,
			    refusal_text(REFUSED_CLIENT, refused));
		clients_turn_away(clients, fd, refused);
	} else if (clients_add(clients, fd, &peer) < 0) {
		quota_release(clients->env.quota, QUOTA_CLIENTS, peer.uid, 1);
		clients_turn_away(clients, fd, REFUSAL_MEMORY);
	}
}

/*
 * Out of descriptors, accept() fails and the listener stays readable: a busy loop. One
 * connection is taken with the reserve and turned away, then the listener rests.
 */
static void clients_on_accept_error(struct evconnlistener *listener, void *arg)
{
	const struct timeval pause = { .tv_usec = ACCEPT_PAUSE_MS * 1000 };
	struct clients *clients = arg;
	int error = EVUTIL_SOCKET_ERROR();
	int fd;

	log_limited(&clients->complaint, LOG_LEVEL_ERROR, "intake",
		    "cannot accept clients: %s; those connected are served on", strerror(error));
	if ((error == EMFILE || error == ENFILE) && clients->reserve_fd >= 0) {
		close(clients->reserve_fd);
		fd = accept4(evconnlistener_get_fd(listener), NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			clients_turn_away(clients, fd, REFUSAL_DESCRIPTORS);
		clients->reserve_fd = reserve_open();
	}
	evconnlistener_disable(listener);
	event_add(clients->accept_again, &pause);
}

static void clients_schedule_push(struct clients *clients)
{
	int64_t due_ms = level_push_due_ms(&clients->push);
	int64_t wait_ms = due_ms - clock_monotonic_ms();
	struct timeval wait = { 0 };

	if (due_ms == LEVEL_PUSH_NEVER || clients->env.stopping)
		return;
	if (wait_ms > 0) {
		wait.tv_sec = wait_ms / 1000;
		wait.tv_usec = wait_ms % 1000 * 1000;
	}
	event_add(clients->push_timer, &wait);
}

/*
 * Who takes itself for a client but has lost its socket, as when its program closed all that it
 * had open, gets no map, and looks for one only when the page says that there may be news.
 */
static bool clients_have_lost_news(struct clients *clients)
{
	const struct intake_ops *ops = &clients->env.ops;
	struct client_levels now = ops->client_levels(ops->arg, NULL);
	enum level_need need = level_need(clients->counted, now, false);

	clients->counted = now;
	return need == LEVEL_NEED_MAP;
}

/* Tells a slice of the clients. Those that come meanwhile are told by their welcome. */
static void clients_push_levels(struct clients *clients)
{
	struct client_env *env = &clients->env;
	bool lost;

	for (int i = 0; i < PUSH_SLICE && env->push_next != NULL; i++) {
		struct client *client = env->push_next;
		enum level_need need = client_update_levels(client, clients->push.thorough);

		clients->push_sent |= need == LEVEL_NEED_MAP;
		clients->push_left |= need == LEVEL_NEED_LATER;
		env->push_next = client_next(client);
	}
	if (env->push_next != NULL)
		return;
	level_push_end(&clients->push, clock_monotonic_ms(), clients->push_left);
	lost = clients_have_lost_news(clients);
	if (clients->push_sent || lost) /* all of it is in their sockets now */
		level_page_count(env->level_page);
}

static void clients_on_push(evutil_socket_t fd, short what, void *arg)
{
	struct clients *clients = arg;
	int64_t now_ms = clock_monotonic_ms();

	(void)fd;
	(void)what;
	if (!clients->push.running && now_ms >= level_push_due_ms(&clients->push)) {
		level_push_begin(&clients->push, now_ms, clients->env.live);
		clients->env.push_next = clients->env.list.first;
		clients->push_sent = false;
		clients->push_left = false;
	}
	if (clients->push.running)
		clients_push_levels(clients);
	clients_schedule_push(clients);
}

static void clients_on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct clients *clients = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(clients->listener);
}

static int clients_listen(struct clients *clients, struct event_base *base, int fd)
{
	/* backlog 0: the socket listens already; the fd is closed with the listener */
	clients->listener =
		evconnlistener_new(base, clients_on_accept, clients,
				   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (clients->listener == NULL)
		return -ENOMEM;
	evconnlistener_set_error_cb(clients->listener, clients_on_accept_error);
	return 0;
}

/* Without it clients look into their sockets, a little later and for a little more. */
static void clients_offer_level_page(struct clients *clients)
{
	int result = level_page_new(&clients->env.level_page);

	if (result < 0)
		log_notice("intake", "no level page for clients: %s; they hear of levels by socket",
			   strerror(-result));
}

/* A kernel without the page has not the seals that a ring needs either (Linux 5.1). */
static bool can_offer_rings(const struct client_env *env, const struct limits *limits)
{
	return env->level_page != NULL && limits->ring_bytes >= CLIENT_RING_BYTES;
}

int clients_new(struct event_base *base, int fd, const struct intake_ops *ops,
		const struct limits *limits, uint32_t seed, struct clients **clients_out)
{
	CLEANUP(clients_free) struct clients *clients = calloc(1, sizeof(*clients));
	int result;

	if (clients == NULL)
		return -ENOMEM;
	clients->reserve_fd = reserve_open();
	clients->env = (struct client_env){
		.base = base,
		.ops = *ops,
		.quota = quota_new(limits),
		.record_bytes = limits->record_bytes,
		.hello_ms = HELLO_MS,
		.seed = seed,
		.arena = malloc(CLIENT_ARENA_BYTES),
		.reply = malloc(WIRE_PACKET_MAX),
		.ended = TAILQ_HEAD_INITIALIZER(clients->env.ended),
	};
	level_push_init(&clients->push);
	clients->accept_again = evtimer_new(base, clients_on_accept_again, clients);
	clients->push_timer = evtimer_new(base, clients_on_push, clients);
	if (clients->env.quota == NULL || clients->env.arena == NULL ||
	    clients->env.reply == NULL || clients->accept_again == NULL ||
	    clients->push_timer == NULL)
		return -ENOMEM;
	clients->counted = ops->client_levels(ops->arg, NULL);
	clients_offer_level_page(clients);
	clients->env.offers_rings = can_offer_rings(&clients->env, limits);
	result = clients_listen(clients, base, fd);
	if (result < 0)
		return result;
	*clients_out = move_ptr(clients);
	return 0;
}

void clients_stop(struct clients *clients)
{
	if (clients->accept_again != NULL)
		event_free(clients->accept_again);
	clients->accept_again = NULL;
	for (struct client *each = clients->env.list.first; each != NULL; each = client_next(each))
		client_finish(each);
	if (clients->push_timer != NULL)
		event_free(clients->push_timer);
	clients->push_timer = NULL;
	/* closed, so that nobody connects to a daemon that will not listen */
	if (clients->listener != NULL)
		evconnlistener_free(clients->listener);
	clients->listener = NULL;
	clients->env.stopping = true;
	while (clients->env.list.first != NULL) {
		struct client *client = clients->env.list.first;

		client_end(client, FRAME_ERROR_SHUTDOWN, "the daemon stops; connect again later");
		client_free(client);
	}
	/* Only now, so that whoever looks because of it finds what was just said. */
	level_page_free(clients->env.level_page);
	clients->env.level_page = NULL;
}

void clients_free(struct clients *clients)
{
	if (clients == NULL)
		return;
	clients_stop(clients);
	if (clients->reserve_fd >= 0)
		close(clients->reserve_fd);
	quota_free(clients->env.quota);
	free(clients->env.arena);
	free(clients->env.reply);
	free(clients);
}

void clients_set_limits(struct clients *clients, const struct limits *limits)
{
	quota_set_limits(clients->env.quota, limits);
	clients->env.record_bytes = limits->record_bytes;
	clients->env.offers_rings = can_offer_rings(&clients->env, limits);
}

void clients_levels_changed(struct clients *clients)
{
	level_push_note(&clients->push);
	clients_schedule_push(clients);
}

/* Those who connected before the end may have said something before the end too. */
static void clients_accept_waiting(struct clients *clients)
{
	int listener = evconnlistener_get_fd(clients->listener);

	for (unsigned most = ACCEPTED_AT_END; most > 0; most--) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		clients_on_accept(clients->listener, fd, NULL, 0, clients);
	}
}

bool clients_drain(struct clients *clients, int64_t until_ms)
{
	struct client *client;
	bool more;

	evconnlistener_disable(clients->listener);
	event_del(clients->accept_again);
	clients_accept_waiting(clients);
	do {
		more = false;
		for (client = clients->env.list.first; client != NULL;
		     client = client_next(client)) {
			if (clock_monotonic_ms() >= until_ms)
				return false;
			if (!client_view(client).ended && client_drain(client))
				more = true;
		}
	} while (more);
	return true;
}

struct client_counts clients_counts(const struct clients *clients)
{
	struct client_counts counts = clients->counts;

	counts.live = clients->env.live;
	counts.violations = clients->env.violations;
	counts.refusals = clients->env.refusals;
	counts.rings = clients->env.rings;
	counts.ring_bytes = quota_held(clients->env.quota, QUOTA_RING_BYTES);
	counts.context_bytes = quota_held(clients->env.quota, QUOTA_CONTEXT_BYTES);
	return counts;
}

bool clients_walk(const struct clients *clients, struct clients_walk *walk, size_t most,
		  client_visitor *visit, void *arg)
{
	const struct client *client;

	for (client = clients->env.list.first; client != NULL; client = client_next(client)) {
		struct client_view view = client_view(client);

		if (walk->last != 0 && view.number >= walk->last)
			continue;
		if (most-- == 0)
			return true;
		visit(&view, arg);
		walk->last = view.number;
	}
	return false;
}
