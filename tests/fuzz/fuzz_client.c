/*
 * Whatever a client says, packet by packet, while levels change: it is answered in whole frames,
 * a connection that ends is told why, the others' accounts hold, and all that it leased, and the
 * memory of its contexts, is given back.
 *
 * An input is packets, each behind its length in two bytes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intake/client.h"
#include "support/fake_intake.h"
#include "support/frame_codec.h"
#include "support/fuzz_target.h"

#define UID	      1000
#define PACKETS_MAX   64
#define CONTEXT_BYTES 2000  /* few, so that inputs reach the bound */
#define TURNS_MAX     10000 /* of the loop, until a client with nothing to say is gone */

static struct fake_intake fake;

static void require(bool holds, const char *complaint)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", complaint);
	abort();
}

/* What all clients share; only what one of them leaves in it is made anew. */
static struct client_env *shared_env(void)
{
	static const struct limits limits = {
		.clients = 1,
		.loggers = 50,
		.record_bytes = 4096,
		.context_bytes = CONTEXT_BYTES,
		.recorder_bytes = 4096,
		.uid_share = 100,
	};
	static struct client_env env;

	fake_intake_init(&fake);
	if (env.base == NULL) {
		env = (struct client_env){
			.base = event_base_new(),
			.ops = fake_intake_ops(&fake),
			.quota = quota_new(&limits),
			.record_bytes = limits.record_bytes,
			.hello_ms = 60000,
			.arena = malloc(CLIENT_ARENA_BYTES),
			.reply = malloc(WIRE_PACKET_MAX),
			.ended = TAILQ_HEAD_INITIALIZER(env.ended),
		};
	}
	require(env.base != NULL && env.quota != NULL && env.arena != NULL && env.reply != NULL,
		"no memory");
	env.violations = 0;
	return &env;
}

/* Takes all answers; true when the last of them was a BYE. */
static bool hear(int peer)
{
	static uint8_t packet[WIRE_PACKET_MAX];
	static uint8_t again[WIRE_PACKET_MAX];
	bool bye = false;
	ssize_t length;

	while ((length = recv(peer, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
		struct span rest = span_of_bytes(packet, (size_t)length);
		struct frame frame;

		while (frame_take(&rest, &frame) == FRAME_TAKEN) {
			struct writer writer = writer_over(again, sizeof(again));

			require(frame.type >= FRAME_WELCOME && frame.type <= FRAME_BYE,
				"an answer that no daemon gives");
			require(frame_recode(&frame, &writer), "an answer that is no frame");
			bye = frame.type == FRAME_BYE;
		}
		require(rest.len == 0, "an answer of more than whole frames");
	}
	return bye;
}

/* Says a packet and lets it be served; false when the connection has ended. */
static bool say(struct client_env *env, int peer, struct span packet)
{
	if (send(peer, packet.ptr, packet.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return false;
	event_base_loop(env->base, EVLOOP_NONBLOCK);
	return true;
}

/* An operator sets a level: whoever is connected hears of it. */
static void change_levels(struct client_env *env)
{
	fake.levels.version++;
	if (env->list.first != NULL)
		client_update_levels(env->list.first, false);
}

static void check_nothing_is_left(struct client_env *env)
{
	for (int turn = 0; turn < TURNS_MAX && env->list.first != NULL; turn++)
		event_base_loop(env->base, EVLOOP_NONBLOCK);
	require(env->list.first == NULL && env->live == 0, "a client stays that is gone");
	require(fake.leases == 0, "a lease is not given back");
	require(quota_held(env->quota, QUOTA_LOGGERS) == 0, "a logger stays counted");
	require(quota_held(env->quota, QUOTA_CLIENTS) == 0, "a client stays counted");
	require(quota_held(env->quota, QUOTA_CONTEXT_BYTES) == 0, "a context stays counted");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader reader = reader_of(span_of_bytes(data, size));
	struct client_env *env = shared_env();
	struct client *client;
	bool bye = false;
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds) == 0, "no sockets");
	require(quota_take(env->quota, QUOTA_CLIENTS, UID, 1) == QUOTA_TAKEN, "no quota");
	require(client_new(env, fds[1], 1, UID, &client) == 0, "no client");
	for (int i = 0; i < PACKETS_MAX && !bye && reader.rest.len > 0; i++) {
		if (!say(env, fds[0], reader_string16(&reader)))
			break; /* an empty packet has ended it, as if it were closed */
		require(quota_held(env->quota, QUOTA_CONTEXT_BYTES) <= CONTEXT_BYTES,
			"contexts beyond their bound");
		change_levels(env);
		bye = hear(fds[0]);
	}
	require(bye == (env->violations == 1), "a violation without a reason, or the reverse");
	close(fds[0]);
	check_nothing_is_left(env);
	return 0;
}
