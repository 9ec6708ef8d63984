/*
 * Proves that the datagram socket takes whatever arrives, with the sender as the kernel knows
 * it, keeps the length of what was cut, counts what holds nothing, and keeps no descriptor
 * that somebody slips in.
 */
#include "intake/syslog_socket.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "support/fake_intake.h"
#include "support/suite.h"

#define LOOP_TURNS 100

static struct fake_intake fake;
static struct event_base *base;
static struct syslog_socket *intake;
static int sender;

static void setup(void)
{
	const int on = 1;
	const int size = 4 * 1024 * 1024;
	struct intake_ops ops;
	int fds[2];

	fake_intake_init(&fake);
	ops = fake_intake_ops(&fake);
	base = event_base_new();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	sender = fds[0];
	ck_assert_int_eq(syslog_socket_new(base, fds[1], &ops, &intake), 0);
}

static void teardown(void)
{
	syslog_socket_free(intake);
	close(sender);
	event_base_free(base);
	libevent_global_shutdown();
}

static void send_bytes(const void *bytes, size_t length)
{
	ck_assert_int_eq(send(sender, bytes, length, 0), (ssize_t)length);
}

static void serve(void)
{
	for (int i = 0; i < LOOP_TURNS; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

START_TEST(datagram_becomes_a_record_of_its_sender)
{
	send_bytes("<11>Oct 11 22:14:15 prog[1]: it failed", 38);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "record - 40 it failed\n");
	ck_assert_str_eq(fake.last_logger, "syslog.prog");
	ck_assert_str_eq(fake.last_app, "prog");
	ck_assert_int_eq(fake.last.pid, getpid()); /* not the 1 that it claims */
	ck_assert_uint_eq(fake.last.uid, getuid());
	ck_assert_int_gt(fake.last.time_us, INT64_C(1700000000000000));
	ck_assert_uint_eq(fake.last.original_length, 9);
	ck_assert_uint_ge(fake.flushes, 1);
}
END_TEST

START_TEST(sender_is_who_wrote_not_who_opened)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(send(sender, "x", 1, 0) == 1 ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	serve();
	ck_assert_int_eq(fake.last.pid, child);
}
END_TEST

START_TEST(empty_datagram_is_counted_and_nothing_else)
{
	send_bytes("", 0);
	send_bytes("next", 4);
	send_bytes("\n", 1);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake),
			 "reject malformed\nrecord - 25 next\nrecord - 25 \n");
}
END_TEST

START_TEST(datagram_beyond_the_largest_keeps_its_length)
{
	static char bytes[200000];

	memset(bytes, 'x', sizeof(bytes));
	send_bytes(bytes, sizeof(bytes));
	send_bytes("next", 4);
	serve();
	ck_assert_uint_eq(fake.records, 2);
	ck_assert_uint_eq(fake.last.original_length, 4);
	send_bytes(bytes, sizeof(bytes));
	serve();
	ck_assert_uint_eq(fake.last.original_length, sizeof(bytes));
	ck_assert_uint_ge(fake.last.text.len, WIRE_RECORD_MAX);
	ck_assert_uint_lt(fake.last.text.len, sizeof(bytes));
}
END_TEST

START_TEST(structured_data_becomes_context)
{
	const char message[] = "<13>1 - h app - - [x a=\"1\" b=\"q\\\"\"] text";

	send_bytes(message, sizeof(message) - 1);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "record - 25 text\n");
	ck_assert_uint_eq(fake.last.n_context, 2);
}
END_TEST

START_TEST(drain_takes_no_more_than_it_is_asked_to)
{
	unsigned sent = 0;

	while (sent < 200 && send(sender, "x", 1, 0) == 1)
		sent++;
	ck_assert_uint_gt(sent, 1);
	if (sent > 64) /* net.unix.max_dgram_qlen decides */
		ck_assert(!syslog_socket_drain(intake, 1));
	ck_assert(syslog_socket_drain(intake, 10));
	ck_assert_uint_eq(fake.records, sent);
}
END_TEST

static size_t open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

START_TEST(descriptors_that_come_along_are_not_kept)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	char text[] = "with a gift";
	struct iovec part = { text, sizeof(text) - 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	size_t before = open_descriptors();

	memcpy(CMSG_DATA(&control.header), &sender, sizeof(sender));
	ck_assert_int_eq(sendmsg(sender, &message, 0), 11);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "record - 25 with a gift\n");
	ck_assert_int_eq(fake.last.pid, getpid());
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("syslog_socket");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, datagram_becomes_a_record_of_its_sender);
	tcase_add_test(all, sender_is_who_wrote_not_who_opened);
	tcase_add_test(all, empty_datagram_is_counted_and_nothing_else);
	tcase_add_test(all, datagram_beyond_the_largest_keeps_its_length);
	tcase_add_test(all, structured_data_becomes_context);
	tcase_add_test(all, drain_takes_no_more_than_it_is_asked_to);
	tcase_add_test(all, descriptors_that_come_along_are_not_kept);
	suite_add_tcase(suite, all);
	return suite;
}
