/*
 * Proves that nothing in a ring is believed: what breaks the protocol there ends this connection
 * alone, and somebody who writes over it while it is read harms only himself.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/intake_ring_fixture.h"
#include "support/length.h"
#include "support/suite.h"

static void break_index_beyond(void)
{
	ring.header->produced = CLIENT_RING_CAPACITY + 1;
}

static void break_index_back(void)
{
	ring.header->produced = UINT64_MAX;
}

/* Not the daemon's any more, and by no word that says so. */
static void break_own_index(void)
{
	peer_record(&peer, 1, "text");
	put_in_ring();
	ring.header->consumed = 1;
}

static void break_torn(void)
{
	peer_record(&peer, 1, "text");
	peer.packet.len--;
	put_in_ring();
}

static void break_length(void)
{
	writer_u16(&peer.packet, FRAME_RECORD);
	writer_u16(&peer.packet, 0);
	writer_u32(&peer.packet, UINT32_MAX);
	put_in_ring();
}

static void break_type(void)
{
	write_frame_of(999);
	put_in_ring();
}

static void break_hello(void)
{
	write_frame_of(FRAME_HELLO);
	put_in_ring();
}

static void break_ring_in_ring(void)
{
	frame_write_ring(&peer.packet, FRAME_RING);
	put_in_ring();
}

static void break_socket(void)
{
	write_frame_of(FRAME_OPEN);
	peer_say(&peer);
}

static void break_behind_switch(void)
{
	frame_write_ring(&peer.packet, FRAME_RING);
	write_frame_of(FRAME_FLUSH);
	peer_say(&peer);
}

static void (*const breaches[])(void) = {
	break_index_beyond, break_index_back, break_own_index,	  break_torn,	break_length,
	break_type,	    break_hello,      break_ring_in_ring, break_socket, break_behind_switch,
};

START_TEST(a_breach_ends_this_connection)
{
	use_ring();
	breaches[_i]();
	say_ring();
	serve();
	check_violation();
}
END_TEST

/* Whatever it writes into the flags: it can only keep us from sleeping, or from being told. */
START_TEST(flags_are_hints)
{
	use_ring();
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "text");
	put_in_ring();
	ring.header->consumer_sleeps = UINT32_MAX;
	ring.header->producer_waits = UINT32_MAX;
	say_ring();
	serve_records(1);
	ck_assert_str_eq(peer_heard(&peer), "room\n");
}
END_TEST

/* A process that rewrites header and frames while they are read: never stops by itself. */
static void attack(unsigned seed)
{
	uint8_t *data = (uint8_t *)ring_memory + RING_HEADER_BYTES;

	srand(seed);
	for (;;) {
		size_t at = (size_t)rand() % 4096;

		data[at] = rand() % 2 == 0 ? (uint8_t)rand() : 0;
		atomic_fetch_add(&ring.header->produced, (uint64_t)(rand() % 64));
		ring.header->consumer_sleeps = (uint32_t)rand() % 2;
		if (rand() % 4096 == 0)
			ring.header->produced = (uint64_t)rand() << 20;
	}
}

/* Whatever comes of it, the connection ends as a breach or lives on, and ours is the loop. */
START_TEST(an_attacker_harms_only_itself)
{
	const int turns = (int)test_steps(3000, 300000);
	pid_t child;

	use_ring();
	for (uint32_t i = 0; i < 4096 / 64; i++)
		peer_record(&peer, i, "good frames for an attacker to begin with");
	put_in_ring();
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		attack((unsigned)_i);
	say_ring();
	for (int i = 0; i < turns && env.list.first != NULL; i++)
		event_base_loop(env.base, EVLOOP_NONBLOCK);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ck_assert_uint_eq(env.violations, env.list.first == NULL);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_ring_breaches");
	TCase *all = tcase_create("all");
	TCase *waiting = tcase_create("waiting");

	tcase_set_tags(all, LONG_TAG);
	tcase_add_checked_fixture(all, ring_setup, ring_teardown);
	tcase_add_loop_test(all, a_breach_ends_this_connection, 0, ARRAY_LEN(breaches));
	tcase_add_test(all, flags_are_hints);
	tcase_add_loop_test(all, an_attacker_harms_only_itself, 0, 20);
	suite_add_tcase(suite, all);
	tcase_add_checked_fixture(waiting, ring_setup_waiting, ring_teardown);
	tcase_add_loop_test(waiting, a_breach_ends_this_connection, 0, ARRAY_LEN(breaches));
	suite_add_tcase(suite, waiting);
	return suite;
}
