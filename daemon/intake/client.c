#include "intake/client_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "os/clock.h"
#include "os/log.h"

/* Of giving back leases in one turn of the loop, about; and the part of a longer turn before it. */
#define RECLAIM_US   1000
#define RECLAIM_PART 2

/* What a client was told that needs a map in any case: versions count from 1. */
#define NOTHING_TOLD ((struct client_levels){ .version = 0 })

static void client_on_readable(evutil_socket_t fd, short what, void *arg);
static void client_on_writable(evutil_socket_t fd, short what, void *arg);
static void client_on_slice(evutil_socket_t fd, short what, void *arg);

static void client_destroy(struct client *client)
{
	if (client == NULL)
		return;
	if (client->readable != NULL)
		event_free(client->readable); /* before close(): epoll still knows the fd */
	if (client->writable != NULL)
		event_free(client->writable);
	if (client->slice != NULL)
		event_free(client->slice);
	if (client->fd >= 0)
		close(client->fd);
	client_drop_ring(client);
	lease_table_deinit(&client->leases);
	free(client->unsent);
	free(client->put_off);
	free(client);
}

DEFINE_CLEANUP(struct client *, client_destroy)

static void client_enter_list(struct client *client)
{
	struct client_list *list = &client->env->list;

	client->next = list->first;
	client->link = &list->first;
	if (client->next != NULL)
		client->next->link = &client->next;
	list->first = client;
	client->number = ++list->entered;
	client->env->live++;
}

static void client_leave_list(struct client *client)
{
	if (client->env->push_next == client)
		client->env->push_next = client->next;
	*client->link = client->next;
	if (client->next != NULL)
		client->next->link = client->link;
	client->env->live--;
}

struct client *client_next(const struct client *client)
{
	return client->next;
}

int client_new(struct client_env *env, int fd, pid_t pid, uid_t uid, struct client **client_out)
{
	CLEANUP(client_destroy) struct client *client = calloc(1, sizeof(*client));
	const struct timeval hello = { .tv_sec = env->hello_ms / 1000,
				       .tv_usec = env->hello_ms % 1000 * 1000 };

	if (client == NULL)
		return -ENOMEM;
	client->fd = -1; /* the caller's until all is well */
	client->ring.fd = -1;
	client->env = env;
	client->pid = pid;
	client->uid = uid;
	client->leases.seed = env->seed;
	client->connected_ms = clock_monotonic_ms();
	client->readable =
		event_new(env->base, fd, EV_READ | EV_PERSIST, client_on_readable, client);
	client->writable = event_new(env->base, fd, EV_WRITE, client_on_writable, client);
	client->slice = evtimer_new(env->base, client_on_slice, client);
	if (client->readable == NULL || client->writable == NULL || client->slice == NULL ||
	    event_add(client->readable, &hello) < 0)
		return -ENOMEM;
	client->fd = fd;
	client_enter_list(client);
	*client_out = move_ptr(client);
	return 0;
}

/*
 * False when there is no room, because the client does not read. One that is gone needs no
 * answer, and what it said before may still wait to be read.
 */
static bool client_send_bytes(struct client *client, const void *bytes, size_t length)
{
	if (client->is_to_be_given && length > 0) {
		client->is_to_be_given = client_send_welcome(client, bytes, length) == -EAGAIN;
		return !client->is_to_be_given;
	}
	return length == 0 || send(client->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	       errno != EAGAIN;
}

bool client_send(struct client *client, struct writer *reply)
{
	bool good = client_send_bytes(client, reply->ptr, reply->len);

	*reply = writer_over(client->env->reply, WIRE_PACKET_MAX);
	return good;
}

void client_slice_soon(struct client *client)
{
	const struct timeval now = { 0 };

	event_add(client->slice, &now);
}

void client_watch(struct client *client)
{
	if (client->unsent == NULL && client->put_off == NULL)
		event_add(client->readable, NULL);
	else
		event_del(client->readable);
}

bool client_answer(struct client *client, struct writer *reply)
{
	struct span bytes = writer_span(reply);

	if (client_send_bytes(client, bytes.ptr, bytes.len))
		return true;
	client->unsent = malloc(bytes.len);
	if (client->unsent == NULL)
		return false;
	memcpy(client->unsent, bytes.ptr, bytes.len);
	client->unsent_length = bytes.len;
	client_watch(client);
	event_add(client->writable, NULL);
	return true;
}

bool client_catch_up(struct client *client)
{
	if (client->unsent == NULL)
		return true;
	if (!client_send_bytes(client, client->unsent, client->unsent_length))
		return false;
	free(client->unsent);
	client->unsent = NULL;
	client_watch(client);
	return true;
}

void client_write_level_map(struct client *client, struct writer *reply)
{
	const struct intake_ops *ops = &client->env->ops;

	client->told = ops->client_levels(ops->arg, client);
	ops->level_map(ops->arg, client->told, reply);
}

void client_violation(struct client *client, const char *reason)
{
	client->env->violations++;
	log_limited(&client->env->complaint, LOG_LEVEL_NOTICE, "intake",
		    "client pid %d uid %u: protocol violation: %s; disconnected", (int)client->pid,
		    (unsigned)client->uid, reason);
	client_end(client, FRAME_ERROR_PROTOCOL, reason);
}

static void client_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;

	(void)fd;
	client_drain(client); /* on a timeout too: the hello may be there, and only we were late */
	if ((what & EV_TIMEOUT) != 0 && !client->greeted && client->fd >= 0)
		client_violation(client, "no hello in time");
}

enum level_need client_update_levels(struct client *client, bool thorough)
{
	const struct intake_ops *ops = &client->env->ops;
	struct writer reply = writer_over(client->env->reply, WIRE_PACKET_MAX);
	enum level_need need;

	if (!client->greeted || client->fd < 0 || client->unsent != NULL || client->map_is_due)
		return LEVEL_NEED_NOTHING;
	need = level_need(client->told, ops->client_levels(ops->arg, client), thorough);
	if (need != LEVEL_NEED_MAP)
		return need;
	client_write_level_map(client, &reply);
	if (client_send(client, &reply))
		return LEVEL_NEED_MAP;
	/* No room: the map of the moment when there is some. A peer that died shows as readable. */
	client->map_is_due = true;
	event_add(client->writable, NULL);
	return LEVEL_NEED_NOTHING;
}

static void client_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;

	(void)fd;
	(void)what;
	if (!client_catch_up(client)) {
		event_add(client->writable, NULL);
		return;
	}
	if (client->map_is_due)
		client->told = NOTHING_TOLD;
	client->map_is_due = false;
	if (client_update_levels(client, true) == LEVEL_NEED_MAP)
		level_page_count(client->env->level_page);
	/* nobody did while answers waited */
	if (client->put_off != NULL)
		client_slice_soon(client);
	else if (client->ring.in_use)
		client_ring_look_soon(&client->ring);
}

/* Some have ended. */
static void clients_reclaim_soon(struct client_env *env)
{
	env->reclaim_asked_us = clock_monotonic_us();
	client_slice_soon(TAILQ_FIRST(&env->ended));
}

void client_end(struct client *client, enum frame_error_code code, const char *reason)
{
	if (client->fd < 0)
		return;
	if (code != 0) {
		struct writer reply = writer_over(client->env->reply, WIRE_PACKET_MAX);
		const struct frame_error error = {
			.code = (uint16_t)code,
			.reason = span_of(reason),
		};

		frame_write_error(&reply, FRAME_BYE, &error);
		client->is_to_be_given = false; /* no welcome has gone that would speak of it */
		client_send(client, &reply);
	}
	event_del(client->readable);
	event_del(client->writable);
	close(client->fd);
	client->fd = -1;
	client->has_died = !client->has_left && !client->env->stopping;
	free(client->put_off);
	client->put_off = NULL;
	client_drop_ring(client); /* not before: who rings for us has to find nobody */
	event_del(client->slice); /* there is nothing to go on with */
	TAILQ_INSERT_TAIL(&client->env->ended, client, ended);
	if (TAILQ_FIRST(&client->env->ended) == client)
		clients_reclaim_soon(client->env);
}

/*
 * For about a millisecond, however many clients have ended at once: others wait for the loop. But
 * where those keep it busy for long, not for less than a fair part of the time.
 */
static void clients_reclaim(struct client_env *env)
{
	const int64_t now_us = clock_monotonic_us();
	const int64_t part_us = (now_us - env->reclaim_asked_us) / RECLAIM_PART;
	const int64_t until_us = now_us + (part_us > RECLAIM_US ? part_us : RECLAIM_US);
	struct client *client;

	while ((client = TAILQ_FIRST(&env->ended)) != NULL && clock_monotonic_us() < until_us) {
		if (client_reclaim(client)) {
			client_free(client);
			continue;
		}
		TAILQ_REMOVE(&env->ended, client, ended);
		TAILQ_INSERT_TAIL(&env->ended, client, ended);
	}
	if (client != NULL)
		clients_reclaim_soon(env);
}

static void client_on_slice(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;

	(void)fd;
	(void)what;
	if (client->fd >= 0)
		client_drain(client);
	else
		clients_reclaim(client->env);
}

void client_free(struct client *client)
{
	if (client == NULL)
		return;
	while (!client_reclaim(client))
		;
	client_tell_exit(client);
	quota_release(client->env->quota, QUOTA_CLIENTS, client->uid, 1);
	client_leave_list(client);
	if (client->fd < 0)
		TAILQ_REMOVE(&client->env->ended, client, ended);
	client_destroy(client);
}

struct client_view client_view(const struct client *client)
{
	return (struct client_view){
		.pid = client->pid,
		.uid = client->uid,
		.number = client->number,
		.app = span_of_bytes(client->app, client->app_length),
		.loggers = client->leases.count,
		.records = client->records,
		.dropped = client->dropped,
		.connected_ms = client->connected_ms,
		.ended = client->fd < 0,
	};
}
