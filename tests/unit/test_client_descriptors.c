/*
 * Proves that the library's one descriptor is its own, and that no other ever gets its bytes, by
 * socket and through a ring.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/played_ring.h"
#include "support/scripted_daemon.h"
#include "support/suite.h"
#include "wire/level.h"

#define MAX_FD 256

enum transport { BY_SOCKET, BY_RING, TRANSPORTS };

static struct scripted_daemon played;
static struct played_ring ring;
static struct logfwd_client *client;
static struct logfwd_logger *logger;

static void set_up(void)
{
	daemon_init(&played, true);
	played_ring_make(&ring, ring_bytes(PLAYED_RING_CAPACITY), PLAYED_RING_SEALS);
}

static void tear_down(void)
{
	logfwd_client_close(client);
	client = NULL;
	played_ring_unmake(&ring);
	daemon_deinit(&played);
}

/* A client with a logger that the daemon has heard of; a ring is in use, and the daemon sleeps. */
static void connect_client(enum transport transport)
{
	struct frame frame;

	client = daemon_client(&played, (struct logfwd_options){ 0 });
	logger = open_logger(client, "a");
	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "a");
	if (transport == BY_RING)
		daemon_welcome_with(&played, FEATURE_RING, &ring.fd, 1);
	else
		daemon_welcome(&played, WIRE_RECORD_MAX);
	daemon_say_levels(&played, LEVEL_MAX + 1, NULL, 0);
	logfwd_flush(client, 0);
	while (transport == BY_RING && played_ring_take(&ring, &frame))
		;
	ck_assert(transport == BY_SOCKET || ring_sleep(&ring.consumer));
	ck_assert_uint_eq(ring.consumer.consumed > 0, transport == BY_RING);
}

/* The client's end of its connection; -1 when there is none. */
static int library_fd(void)
{
	for (int fd = 0; fd < MAX_FD; fd++) {
		struct sockaddr_un address = { 0 };
		socklen_t length = sizeof(address);

		if (getpeername(fd, (struct sockaddr *)&address, &length) == 0 &&
		    strcmp(address.sun_path, played.path) == 0)
			return fd;
	}
	return -1;
}

static size_t open_fds(void)
{
	size_t count = 0;

	for (int fd = 0; fd < MAX_FD; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

START_TEST(descriptor_is_one_for_all_loggers_and_not_inherited)
{
	size_t before = open_fds();

	client = daemon_client(&played, (struct logfwd_options){ 0 });
	for (int i = 0; i < 100; i++)
		logfwd_log(open_logger(client, "a"), LOGFWD_INFO, "x");
	ck_assert_uint_eq(open_fds(), before + 1);
	ck_assert_int_eq(fcntl(library_fd(), F_GETFD), FD_CLOEXEC);
	logfwd_client_close(client);
	client = NULL;
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(descriptor_is_none_of_the_standard_three)
{
	int saved[STDERR_FILENO + 1];
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(fd);
	}
	client = daemon_client(&played, (struct logfwd_options){ 0 });
	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
		dup2(saved[fd], fd);
		close(saved[fd]);
	}
	ck_assert_int_gt(library_fd(), STDERR_FILENO);
	ck_assert_int_eq(fcntl(library_fd(), F_GETFD), FD_CLOEXEC);
}
END_TEST

/* What a program does that "closes all descriptors" and then opens its own. */
START_TEST(descriptor_that_was_taken_over_is_left_alone)
{
	int pair[2], fd;
	char byte;

	connect_client((enum transport)_i);
	fd = library_fd();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(dup2(pair[0], fd), fd);
	while (client_stats(client).connected == 1)
		ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "mine"), 0);
	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "a");
	daemon_expect_record(&played, 1, "mine");
	ck_assert_int_eq(recv(pair[1], &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN); /* nothing came, and it is still open */
	close(fd);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(descriptor_may_be_closed_by_the_application)
{
	connect_client((enum transport)_i);
	close(library_fd());
	while (client_stats(client).connected == 1)
		ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "again"), 0);
	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "a");
	daemon_expect_record(&played, 1, "again");
}
END_TEST

START_TEST(descriptor_may_not_be_had)
{
	struct rlimit old, none;

	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit){ 0, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	client = daemon_client(&played, (struct logfwd_options){ 0 });
	logger = open_logger(client, "a");
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "waits"), 0);
	ck_assert_uint_eq(client_stats(client).buffered, 1);
	setrlimit(RLIMIT_NOFILE, &old);
	while (client_stats(client).connected == 0)
		logfwd_flush(client, 10);
	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "a");
	daemon_expect_record(&played, 1, "waits");
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_descriptors");
	TCase *descriptors = tcase_create("descriptors");

	tcase_set_timeout(descriptors, 30);
	tcase_add_checked_fixture(descriptors, set_up, tear_down);
	tcase_add_test(descriptors, descriptor_is_one_for_all_loggers_and_not_inherited);
	tcase_add_test(descriptors, descriptor_is_none_of_the_standard_three);
	tcase_add_loop_test(descriptors, descriptor_that_was_taken_over_is_left_alone, 0,
			    TRANSPORTS);
	tcase_add_loop_test(descriptors, descriptor_may_be_closed_by_the_application, 0,
			    TRANSPORTS);
	tcase_add_test(descriptors, descriptor_may_not_be_had);
	suite_add_tcase(suite, descriptors);
	return suite;
}
