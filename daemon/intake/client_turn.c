#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/reader.h"
#include "intake/client_internal.h"
#include "os/clock.h"

/* After so long no further packets are read: records can be small, and clients many. */
#define TURN_US		 1000
#define PACKETS_PER_TURN 64
/* With so many bytes of answers a turn ends: they go before more is asked. */
#define ANSWERS_PER_TURN (32 * 1024)
/*
 * So many questions are taken from a ring at once: their answers fit the buffer. The client puts them
 * in by the thousand before we look, and has had no cause yet to read what we answer.
 */
#define QUESTIONS_PER_LOOK ((WIRE_PACKET_MAX - ANSWERS_PER_TURN) / CLIENT_ANSWER_MAX - 1)
/* With so many bytes said they are answered: that is how much is asked without a look at the above. */
#define GROUP_BYTES (16 * 1024)

/*
 * Leases of a client with less than this are in the processor's caches. Of one with a million each
 * record waits for memory three times in a row, unless those of many wait at the same time.
 */
#define PREFETCH_LEASES_MIN 1024
#define PREFETCH_AT_ONCE    512

/* What one client says in one turn of the loop. */
struct turn {
	struct span packets[PACKETS_PER_TURN]; /* received and not handled yet; in the arena */
	size_t n_packets;
	size_t received;   /* packets, so far */
	size_t used;	   /* bytes of the arena */
	bool too_long;	   /* the last one is longer than the protocol allows, and was cut */
	bool empty;	   /* nothing waits any more */
	bool closed;	   /* by the other side, behind all that was received */
	size_t ring_taken; /* bytes */
	bool ring_is_read; /* to its end, behind the other side's */
};

static bool turn_has_room(const struct turn *turn)
{
	return turn->received < PACKETS_PER_TURN &&
	       CLIENT_ARENA_BYTES - turn->used >= WIRE_PACKET_MAX;
}

static bool turn_is_over(const struct turn *turn)
{
	return turn->empty || turn->closed || turn->too_long || !turn_has_room(turn);
}

/* Receives one packet, or learns that there is none. */
static void client_receive(const struct client *client, struct turn *turn)
{
	uint8_t *at = client->env->arena + turn->used;
	ssize_t length = recv(client->fd, at, WIRE_PACKET_MAX, MSG_DONTWAIT | MSG_TRUNC);

	turn->received++;
	/*
	 * A peer that went without reading all its answers leaves ECONNRESET before the packets
	 * that it had sent: said once, then they come.
	 */
	if (length < 0 && (errno == EINTR || errno == ECONNRESET))
		return;
	turn->empty = length < 0 && errno == EAGAIN;
	turn->closed =
		length == 0 || (length < 0 && !turn->empty); /* an empty one looks like the end */
	turn->too_long = length > WIRE_PACKET_MAX;
	if (length <= 0 || turn->too_long)
		return;
	turn->packets[turn->n_packets++] = span_of_bytes(at, (size_t)length);
	turn->used += (size_t)length;
}

/* Receives the next group of packets. */
static void client_receive_group(const struct client *client, struct turn *turn)
{
	size_t end = turn->used + GROUP_BYTES;

	turn->n_packets = 0;
	while (!turn_is_over(turn) && turn->used < end)
		client_receive(client, turn);
}

static void prefetch_leases(const struct client *client, const uint32_t *ids, size_t count)
{
	const struct lease_table *table = &client->leases;
	const struct intake_ops *ops = &client->env->ops;
	const struct lease *leases[PREFETCH_AT_ONCE];

	for (size_t i = 0; i < count; i++)
		lease_table_prefetch_place(table, ids[i]);
	for (size_t i = 0; i < count; i++)
		lease_table_prefetch_leaf(table, ids[i]);
	for (size_t i = 0; i < count; i++) {
		leases[i] = lease_table_find(table, ids[i]);
		__builtin_prefetch(leases[i]);
	}
	for (size_t i = 0; i < count; i++) {
		if (leases[i] != NULL)
			ops->prefetch(ops->arg, leases[i]);
	}
}

/* Of all records of a group, before the first is handled. */
static void client_prefetch(const struct client *client, const struct turn *turn)
{
	uint32_t ids[PREFETCH_AT_ONCE];
	size_t count = 0;

	if (client->leases.count < PREFETCH_LEASES_MIN)
		return;
	for (size_t i = 0; i < turn->n_packets; i++) {
		struct span packet = turn->packets[i];
		struct frame frame;

		while (frame_take(&packet, &frame) == FRAME_TAKEN) {
			struct reader body = reader_of(frame.body);

			if (frame.type != FRAME_RECORD)
				continue;
			ids[count++] = reader_u32(&body); /* one that is no record gives some id */
			if (count == PREFETCH_AT_ONCE) {
				prefetch_leases(client, ids, count);
				count = 0;
			}
		}
	}
	prefetch_leases(client, ids, count);
}

/* A turn that is gone on with later, and what was received in it and is not handled yet. */
struct put_off {
	struct turn turn; /* its packets stand in bytes */
	bool is_of_ring;
	uint8_t bytes[];
};

/* Keeps what is left of a group from one of its packets on. Returns false without memory. */
static bool client_put_off(struct client *client, const struct turn *turn, size_t first)
{
	struct put_off *put_off;
	size_t bytes = 0;

	for (size_t i = first; i < turn->n_packets; i++)
		bytes += turn->packets[i].len;
	put_off = malloc(sizeof(*put_off) + bytes);
	if (put_off == NULL)
		return false;
	put_off->turn = *turn;
	put_off->turn.n_packets = 0;
	put_off->is_of_ring = client->reads_ring;
	bytes = 0;
	for (size_t i = first; i < turn->n_packets; i++) {
		struct span packet = turn->packets[i];

		memcpy(put_off->bytes + bytes, packet.ptr, packet.len);
		put_off->turn.packets[put_off->turn.n_packets++] =
			span_of_bytes(put_off->bytes + bytes, packet.len);
		bytes += packet.len;
	}
	client->put_off = put_off;
	client_watch(client);
	client_slice_soon(client);
	return true;
}

/*
 * Returns NULL when all is well, or what the client did wrong. A record that is not taken now, and
 * all that the client said behind it, is put off; without memory the turn is as long as it takes.
 */
static const char *client_take_group(struct client *client, struct turn *turn, struct writer *reply)
{
	const struct intake_ops *ops = &client->env->ops;
	const char *wrong = NULL;

	client_prefetch(client, turn);
	for (size_t i = 0; i < turn->n_packets && wrong == NULL; i++) {
		wrong = client_take_packet(client, &turn->packets[i], reply);
		while (wrong == NULL && turn->packets[i].len > 0) {
			if (client_put_off(client, turn, i))
				return NULL;
			ops->flush(ops->arg);
			wrong = client_take_packet(client, &turn->packets[i], reply);
		}
	}
	if (wrong == NULL && turn->too_long)
		wrong = "a packet of more than 128 KiB";
	return wrong;
}

/* Goes on with the turn in which something was put off. */
static const char *client_go_on(struct client *client, struct turn *turn, struct writer *reply)
{
	CLEANUP(free) struct put_off *put_off = move_ptr(client->put_off);
	const struct intake_ops *ops = &client->env->ops;
	const char *wrong;

	*turn = put_off->turn;
	turn->empty = false; /* by now it may have said more */
	client->reads_ring = put_off->is_of_ring;
	wrong = client_take_group(client, turn, reply);
	client->reads_ring = false;
	client_watch(client);
	ops->flush(ops->arg); /* its bytes go */
	return wrong;
}

/*
 * What waits in the ring, as much as a packet holds; all of it when the other side is gone, for
 * somebody else who has it mapped could write on for ever.
 */
static const char *client_take_ring(struct client *client, struct turn *turn, struct writer *reply)
{
	const struct ring_look look = {
		.bytes = turn->closed ? CLIENT_ARENA_BYTES - turn->used : WIRE_PACKET_MAX,
		.questions = turn->closed ? SIZE_MAX : QUESTIONS_PER_LOOK,
		.is_last = turn->closed,
	};
	bool room;
	const char *wrong = client_ring_take(&client->ring, client->env->arena + turn->used, look,
					     &turn->packets[0], &room);

	turn->n_packets = 1;
	turn->used += turn->packets[0].len;
	turn->ring_taken = turn->packets[0].len;
	turn->ring_is_read =
		turn->received == 1; /* nothing but the end came by socket: all of it */
	if (wrong != NULL)
		return wrong;
	client->reads_ring = true;
	wrong = client_take_group(client, turn, reply);
	client->reads_ring = false;
	if (room)
		frame_write_ring(reply, FRAME_ROOM);
	return wrong;
}

/* It may say more in this turn. */
static bool client_may_go_on(const struct client *client, const struct writer *reply)
{
	return !client->has_left && client->put_off == NULL && reply->len < ANSWERS_PER_TURN;
}

/* What it said by socket, and if nothing more waits there, what it said through the ring. */
static const char *client_listen(struct client *client, struct turn *turn, struct writer *reply)
{
	const int64_t until_us = clock_monotonic_us() + TURN_US;
	const char *wrong = NULL;

	do {
		client_receive_group(client, turn);
		wrong = client_take_group(client, turn, reply);
	} while (wrong == NULL && client_may_go_on(client, reply) && !turn_is_over(turn) &&
		 clock_monotonic_us() < until_us);
	if (wrong == NULL && client_may_go_on(client, reply) && client->ring.in_use &&
	    turn_has_room(turn) && (turn->empty || turn->closed))
		wrong = client_take_ring(client, turn, reply);
	return wrong;
}

/* Nothing that it said is left, and nothing more comes. */
static bool client_is_done(const struct client *client, const struct turn *turn)
{
	return client->has_left || (turn->closed && (!client->ring.in_use || turn->ring_is_read));
}

bool client_drain(struct client *client)
{
	const struct client_env *env = client->env;
	struct writer reply = writer_over(env->reply, WIRE_PACKET_MAX);
	struct turn turn = { 0 };
	const char *wrong;
	bool more;

	if (!client_catch_up(client))
		return false;
	if (client->put_off != NULL)
		wrong = client_go_on(client, &turn, &reply);
	else
		wrong = client_listen(client, &turn, &reply);
	env->ops.flush(env->ops.arg);
	if (wrong == NULL && !turn.closed && !client_answer(client, &reply))
		wrong = "it does not read its answers, and there is no memory to keep them";
	more = !turn.empty;
	if (wrong != NULL) {
		env->ops.reject(env->ops.arg, REJECT_MALFORMED);
		client_violation(client, wrong);
	} else if (client->put_off != NULL) {
		more = true;
	} else if (client_is_done(client, &turn)) {
		client_end(client, 0, NULL);
	} else if (client->ring.in_use && client->unsent == NULL) {
		more |= client_ring_rest(&client->ring, turn.ring_taken);
	}
	return more && client->fd >= 0 && client->unsent == NULL;
}

void client_finish(struct client *client)
{
	while (client->put_off != NULL) {
		/* answers that it does not read are of no use any more; its records are */
		free(client->unsent);
		client->unsent = NULL;
		client_drain(client);
	}
}
