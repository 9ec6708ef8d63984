#include "support/intake_client_fixture.h"

#include <check.h>
#include <sys/socket.h>

#define PROTOCOL   "bye 5 "
#define LOOP_TURNS 100

struct fake_intake fake;
struct client_env env;
struct client *client;
struct peer peer;

static const struct limits limits = {
	.clients = 10,
	.loggers = 10000,
	.record_bytes = 65536,
	.context_bytes = 65536,
	.ring_bytes = 2 * CLIENT_RING_BYTES,
	.uid_share = 100,
};

void fixture_setup(void)
{
	int fds[2];

	fake_intake_init(&fake);
	env = (struct client_env){
		.base = event_base_new(),
		.ops = fake_intake_ops(&fake),
		.quota = quota_new(&limits),
		.record_bytes = 65536,
		.hello_ms = 60000,
		.arena = malloc(CLIENT_ARENA_BYTES),
		.reply = malloc(WIRE_PACKET_MAX),
		.offers_rings = true,
		.ended = TAILQ_HEAD_INITIALIZER(env.ended),
	};
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	peer_init(&peer, fds[0]);
	ck_assert_int_eq(quota_take(env.quota, QUOTA_CLIENTS, UID, 1), QUOTA_TAKEN);
	ck_assert_int_eq(client_new(&env, fds[1], PID, UID, &client), 0);
}

void fixture_teardown(void)
{
	while (env.list.first != NULL)
		client_free(env.list.first);
	ck_assert_uint_eq(fake.leases, 0);
	ck_assert_uint_eq(env.live, 0);
	ck_assert_uint_eq(quota_held(env.quota, QUOTA_LOGGERS), 0);
	ck_assert_uint_eq(quota_held(env.quota, QUOTA_CLIENTS), 0);
	ck_assert_uint_eq(quota_held(env.quota, QUOTA_CONTEXT_BYTES), 0);
	ck_assert_uint_eq(quota_held(env.quota, QUOTA_RING_BYTES), 0);
	peer_close(&peer);
	quota_free(env.quota);
	free(env.arena);
	free(env.reply);
	event_base_free(env.base);
	libevent_global_shutdown();
}

void serve(void)
{
	for (int i = 0; i < LOOP_TURNS; i++)
		event_base_loop(env.base, EVLOOP_NONBLOCK);
}

void serve_short_turn(void)
{
	env.reclaim_asked_us = INT64_MAX; /* however long this process has waited for a processor */
	event_base_loop(env.base, EVLOOP_ONCE);
}

void greet(void)
{
	peer_hello(&peer, "shop");
	peer_say(&peer);
	serve();
	ck_assert_str_eq(peer_heard(&peer), "welcome\nmap\n");
	fake_intake_take(&fake);
}

void check_ended(const char *answers)
{
	ck_assert_str_eq(peer_heard(&peer), answers);
	ck_assert_ptr_null(env.list.first);
}

void check_violation(void)
{
	const char *heard = peer_heard(&peer);

	ck_assert_ptr_nonnull(strstr(heard, PROTOCOL));
	ck_assert_ptr_nonnull(strstr(heard, "\nend\n"));
	ck_assert_ptr_null(env.list.first);
	ck_assert_uint_eq(env.violations, 1);
}

void write_frame_of(uint16_t type)
{
	switch (type) {
	case FRAME_HELLO:
		peer_hello(&peer, "app");
		break;
	case FRAME_OPEN:
		peer_open(&peer, 1, "app");
		break;
	case FRAME_CLOSE:
		frame_write_close(&peer.packet, &(struct frame_close){ 1 });
		break;
	case FRAME_RECORD:
		peer_record(&peer, 1, "text");
		break;
	case FRAME_SET_LEVEL:
		frame_write_set_level(&peer.packet, &(struct frame_set_level){ 1, 10 });
		break;
	case FRAME_CONTEXT:
		frame_write_context(&peer.packet,
				    &(struct frame_context){ 1, false, { .key = span_of("k") } });
		break;
	case FRAME_DROPPED:
		frame_write_dropped(&peer.packet, &(struct frame_dropped){ .records = 1 });
		break;
	case FRAME_FLUSH:
		peer_flush(&peer, 1);
		break;
	default:
		writer_u16(&peer.packet, type);
		writer_u16(&peer.packet, 0);
		writer_u32(&peer.packet, 0);
		break;
	}
}
