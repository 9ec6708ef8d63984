/*
 * Proves that frames count the same by ring as by socket, in one order over both; that what a dead
 * client had committed is taken to its end and no further; that a ring costs its user, once, and
 * nothing when it is gone; and that who writes on finds that out.
 */
#include "intake/client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "support/intake_ring_fixture.h"
#include "support/suite.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

START_TEST(ring_memory_cannot_shrink)
{
	struct client_ring own;
	struct stat status;

	ck_assert_int_eq(client_ring_init(&own, env.base, NULL, NULL), 0);
	ck_assert_int_eq(fcntl(own.fd, F_GET_SEALS) & SEALS, SEALS);
	ck_assert_int_lt(ftruncate(own.fd, 0), 0);
	ck_assert_int_eq(fstat(own.fd, &status), 0);
	ck_assert_int_ge(status.st_blocks * 512, (blkcnt_t)CLIENT_RING_BYTES); /* no hole */
	client_ring_deinit(&own);
}
END_TEST

static int punch_hole(void)
{
	return fallocate(ring_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, RING_HEADER_BYTES,
			 RING_HEADER_BYTES);
}

/* A hole would raise SIGBUS in whoever looks into it when the system has no memory to fill it. */
START_TEST(ring_in_use_keeps_its_memory)
{
	use_ring();
	ck_assert_int_lt(punch_hole(), 0);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_lt(madvise(ring_memory, CLIENT_RING_BYTES, MADV_REMOVE), 0);
	ck_assert_int_lt(pwrite(ring_fd, "x", 1, 0), 0);
	ck_assert_int_eq(fcntl(ring_fd, F_GET_SEALS) & F_SEAL_SEAL, F_SEAL_SEAL);
	peer_open(&peer, 1, "a");
	put_in_ring();
	say_ring();
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "open a\n");
}
END_TEST

START_TEST(ring_with_a_hole_is_not_used)
{
	ck_assert_int_eq(punch_hole(), 0);
	say_ring();
	serve();
	check_violation();
}
END_TEST

/* No more seals could be added, and holes be made for ever. */
START_TEST(ring_that_was_sealed_by_the_client_is_not_used)
{
	ck_assert_int_eq(fcntl(ring_fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
	say_ring();
	serve();
	check_violation();
}
END_TEST

/* It has no ring yet of which it could speak. */
START_TEST(ring_before_the_welcome_is_a_breach)
{
	int fds[2];

	peer_close(&peer);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	peer_init(&peer, fds[0]);
	ck_assert_int_eq(quota_take(env.quota, QUOTA_CLIENTS, UID, 1), QUOTA_TAKEN);
	ck_assert_int_eq(client_new(&env, fds[1], PID, UID, &client), 0);
	write_hello();
	frame_write_ring(&peer.packet, FRAME_RING);
	peer_say(&peer);
	serve();
	check_violation();
}
END_TEST

START_TEST(frames_count_the_same_in_one_order)
{
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "one");
	put_in_ring(); /* early: the daemon does not look before it is told */
	peer_open(&peer, 2, "b");
	peer_record(&peer, 2, "zero");
	peer_say(&peer);
	say_ring();
	serve();
	ck_assert_str_eq(fake_intake_take(&fake),
			 "open b\nrecord b 20 zero\nopen a\nrecord a 20 one\n");
	peer_flush(&peer, 7);
	frame_write_close(&peer.packet, &(struct frame_close){ 1 });
	put_in_ring();
	say_ring();
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "close a\n");
	ck_assert_str_eq(peer_heard(&peer), "flushed 7\n");
}
END_TEST

START_TEST(a_busy_client_wakes_nobody)
{
	use_ring();
	ck_assert_uint_eq(env.rings.wakings, 1);
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "text");
	ck_assert(put_in_ring()); /* it sleeps */
	say_ring();
	serve_records(1);
	for (size_t i = 2; i < 50; i++) {
		for (size_t of = 0; of < 8; of++)
			peer_record(&peer, 1, "text");
		ck_assert(!put_in_ring());
		serve_records((i - 1) * 8 + 1);
	}
	ck_assert_uint_eq(env.rings.wakings, 2);
	for (int i = 0; i < PATIENCE_TURNS && ring.header->consumer_sleeps == 0; i++)
		event_base_loop(env.base, EVLOOP_ONCE);
	peer_record(&peer, 1, "later");
	ck_assert(put_in_ring()); /* it sleeps again when nothing comes */
}
END_TEST

/* Puts it, and waits for room where there is none. Returns how often it had to. */
static size_t put_patiently(struct span frame, size_t records)
{
	if (ring_put(&ring, frame) == 0)
		return 0;
	ring_commit(&ring);
	ck_assert(ring_wait_for_room(&ring, frame.len));
	say_ring();
	serve_records(records);
	ck_assert_str_eq(peer_heard(&peer), "room\n");
	ck_assert_int_eq(ring_put(&ring, frame), 0);
	return 1;
}

/* Frames of all lengths, more than the ring holds many times over. */
START_TEST(a_full_ring_tells_of_room)
{
	static char text[1000];
	const size_t records = 5000;
	size_t waits = 0;

	memset(text, 'x', sizeof(text) - 1);
	use_ring();
	peer_open(&peer, 1, "a");
	put_in_ring();
	for (size_t i = 0; i < records; i++) {
		uint8_t bytes[2 * sizeof(text)];
		struct span frame;

		peer_record(&peer, 1, text + i % sizeof(text));
		frame = span_of_bytes(bytes, peer.packet.len);
		memcpy(bytes, peer.bytes, frame.len);
		peer.packet = writer_over(peer.bytes, sizeof(peer.bytes));
		waits += put_patiently(frame, i);
	}
	ring_commit(&ring);
	say_ring();
	serve_records(records);
	ck_assert_uint_gt(waits, 5);
}
END_TEST

/* Rings on and on, and has its ring full whenever it is looked at. */
START_TEST(a_flood_has_one_look_a_turn)
{
	const uint8_t *bytes = peer.bytes;
	size_t length;

	use_ring();
	peer_open(&peer, 1, "a");
	put_in_ring();
	say_ring();
	peer_record(&peer, 1, "text");
	length = peer.packet.len;
	for (int i = 0; i < 300; i++) {
		size_t before = fake.flushes;

		while (ring_put(&ring, span_of_bytes(bytes, length)) == 0)
			;
		ring_commit(&ring);
		for (int k = 0; k < i % 3; k++) {
			uint8_t doorbell[64];
			struct writer writer = writer_over(doorbell, sizeof(doorbell));

			frame_write_ring(&writer, FRAME_RING);
			ck_assert_int_gt(send(peer.fd, doorbell, writer.len, 0), 0);
		}
		event_base_loop(env.base, EVLOOP_ONCE | (i % 2 ? EVLOOP_NONBLOCK : 0));
		ck_assert_uint_le(fake.flushes - before, 1);
	}
	peer.packet.len = 0;
	ck_assert_uint_gt(fake.records, 100000);
}
END_TEST

START_TEST(the_dead_have_said_what_they_committed)
{
	fake.notes_exits = true;
	use_ring();
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "committed");
	put_in_ring();
	peer_record(&peer, 1, "half written");
	ck_assert_int_eq(ring_put(&ring, span_of_bytes(peer.bytes, peer.packet.len)), 0);
	peer_close(&peer);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "open a\nrecord a 20 committed\nexit a\n"
						  "gone 1 loggers 1 records 0 sent\n");
	ck_assert_ptr_null(env.list.first);
}
END_TEST

/* All of a full ring, though it is more than one turn takes of a client that lives. */
START_TEST(the_dead_are_heard_to_the_end)
{
	size_t records = 0;

	use_ring();
	peer_open(&peer, 1, "a");
	put_in_ring();
	for (;; records++) {
		peer_record(&peer, 1, "text");
		if (ring_put(&ring, span_of_bytes(peer.bytes, peer.packet.len)) < 0)
			break;
		peer.packet = writer_over(peer.bytes, sizeof(peer.bytes));
	}
	ring_commit(&ring);
	peer_close(&peer);
	serve();
	ck_assert_uint_eq(fake.records, records);
	ck_assert_ptr_null(env.list.first);
}
END_TEST

static void end_by_descriptor(void)
{
	peer_close(&peer);
}

static void end_by_breach(void)
{
	write_frame_of(FRAME_OPEN);
	peer_say(&peer);
}

static void end_by_daemon(void)
{
	client_end(client, FRAME_ERROR_SHUTDOWN, "it stops");
}

static void (*const ends[])(void) = { end_by_descriptor, end_by_breach, end_by_daemon };

/* An application closes the library's descriptor, or does not look: its next record must not get lost. */
START_TEST(who_commits_behind_the_end_finds_out)
{
	use_ring();
	peer_open(&peer, 1, "a");
	put_in_ring();
	say_ring();
	serve();
	ring.header->consumer_sleeps = 0; /* as between two looks, however long that turn was */
	ends[_i]();
	serve();
	ck_assert_ptr_null(env.list.first);
	peer_record(&peer, 1, "later");
	ck_assert(put_in_ring());
	ck_assert_uint_eq(fake.records, 0);
}
END_TEST

/* Its next connection brings them: the one that was theirs first must not. */
START_TEST(what_is_taken_back_is_not_handled)
{
	uint8_t bytes[CLIENT_RING_CAPACITY];

	use_ring();
	peer_open(&peer, 1, "a");
	put_in_ring();
	peer_record(&peer, 1, "one");
	put_in_ring();
	ck_assert_int_gt(ring_take_back(&ring, bytes), 0);
	say_ring();
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "");
	ck_assert_ptr_nonnull(env.list.first); /* to have taken them back is no breach */
	peer_close(&peer);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "");
	ck_assert_ptr_null(env.list.first);
}
END_TEST

static size_t lines_of(const char *text)
{
	size_t lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

/* A program opens more loggers than it may at once, and looks for answers later: that is no breach. */
START_TEST(who_asks_much_and_reads_late_is_answered)
{
	const struct limits tight = { .clients = 10, .loggers = 100, .uid_share = 1 };
	size_t asked = 0, answers = 0;
	bool fits = true;

	quota_set_limits(env.quota, &tight);
	use_ring();
	for (; fits; asked++) {
		peer_open(&peer, (uint32_t)asked + 1, "");
		fits = ring_put(&ring, span_of_bytes(peer.bytes, peer.packet.len)) == 0;
		peer.packet = writer_over(peer.bytes, sizeof(peer.bytes));
	}
	ring_commit(&ring);
	say_ring();
	serve(); /* as far as it comes while nothing is read */
	for (int i = 0; i < PATIENCE_TURNS; i++) {
		answers += lines_of(peer_heard(&peer));
		if (answers == asked - 2)
			break;
		event_base_loop(env.base, EVLOOP_ONCE);
	}
	ck_assert_uint_eq(answers, asked - 2); /* but the first, which was granted, and the last */
	ck_assert_uint_eq(env.violations, 0);
}
END_TEST

START_TEST(who_leaves_by_ring_has_left)
{
	fake.notes_exits = true;
	use_ring();
	peer_open(&peer, 1, "a");
	frame_write_leave(&peer.packet);
	put_in_ring();
	say_ring();
	serve();
	check_ended("end\n");
	ck_assert_str_eq(fake_intake_take(&fake), "open a\nclose a\n");
}
END_TEST

START_TEST(rings_are_bounded)
{
	int first = peer.fd;
	int fds[2];

	ck_assert_uint_eq(env.rings.made, 1);
	ck_assert_uint_eq(quota_held(env.quota, QUOTA_RING_BYTES), CLIENT_RING_BYTES);
	ck_assert_int_eq(quota_take(env.quota, QUOTA_RING_BYTES, UID, CLIENT_RING_BYTES),
			 QUOTA_TAKEN); /* nothing is left */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	peer_init(&peer, fds[0]);
	ck_assert_int_eq(quota_take(env.quota, QUOTA_CLIENTS, UID, 1), QUOTA_TAKEN);
	ck_assert_int_eq(client_new(&env, fds[1], PID, UID, &client), 0);
	ck_assert_int_eq(ask_for_ring(), -1);
	ck_assert_uint_eq(env.rings.refused, 1);
	peer_open(&peer, 1, "a");
	peer_record(&peer, 1, "by socket");
	peer_say(&peer);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "open a\nrecord a 20 by socket\n");
	say_ring(); /* it was not agreed to */
	serve();
	ck_assert_uint_eq(env.violations, 1);
	peer_close(&peer);
	peer.fd = first;
	quota_release(env.quota, QUOTA_RING_BYTES, UID, CLIENT_RING_BYTES);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_ring");
	TCase *all = tcase_create("all");
	TCase *waiting = tcase_create("waiting");

	tcase_add_checked_fixture(all, ring_setup, ring_teardown);
	tcase_add_test(all, ring_memory_cannot_shrink);
	tcase_add_test(all, ring_in_use_keeps_its_memory);
	tcase_add_test(all, ring_with_a_hole_is_not_used);
	tcase_add_test(all, ring_that_was_sealed_by_the_client_is_not_used);
	tcase_add_test(all, ring_before_the_welcome_is_a_breach);
	tcase_add_test(all, frames_count_the_same_in_one_order);
	tcase_add_test(all, a_busy_client_wakes_nobody);
	tcase_add_test(all, a_full_ring_tells_of_room);
	tcase_add_test(all, a_flood_has_one_look_a_turn);
	tcase_add_test(all, the_dead_have_said_what_they_committed);
	tcase_add_test(all, the_dead_are_heard_to_the_end);
	tcase_add_loop_test(all, who_commits_behind_the_end_finds_out, 0, ARRAY_LEN(ends));
	tcase_add_test(all, what_is_taken_back_is_not_handled);
	tcase_add_test(all, who_asks_much_and_reads_late_is_answered);
	tcase_add_test(all, who_leaves_by_ring_has_left);
	tcase_add_test(all, rings_are_bounded);
	suite_add_tcase(suite, all);
	tcase_add_checked_fixture(waiting, ring_setup_waiting, ring_teardown);
	tcase_add_test(waiting, frames_count_the_same_in_one_order);
	tcase_add_test(waiting, a_full_ring_tells_of_room);
	tcase_add_test(waiting, the_dead_have_said_what_they_committed);
	tcase_add_test(waiting, the_dead_are_heard_to_the_end);
	tcase_add_test(waiting, who_asks_much_and_reads_late_is_answered);
	suite_add_tcase(suite, waiting);
	return suite;
}
