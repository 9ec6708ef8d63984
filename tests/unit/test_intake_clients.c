/*
 * Proves that connections are accepted within limits.clients and each user's share of it,
 * that who is turned away hears why, that running out of descriptors harms nobody who is
 * connected, and that an end takes in what was said before it.
 */
#include "intake/clients.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "intake/listener.h"
#include "support/fake_intake.h"
#include "support/intake_peer.h"
#include "support/suite.h"

#define PEERS	   8
#define LOOP_TURNS 20

static struct fake_intake fake;
static struct event_base *base;
static struct clients *clients;
static struct peer peers[PEERS];
static char folder[64];
static struct sockaddr_un address;

static struct limits limits_of(uint32_t number, uint32_t share)
{
	return (struct limits){
		.clients = number,
		.loggers = 100,
		.record_bytes = 4096,
		.uid_share = share,
	};
}

static void setup(void)
{
	const struct limits limits = limits_of(PEERS, 100);
	char error[LISTENER_ERROR_BYTES];
	struct intake_ops ops;
	int fd;

	fake_intake_init(&fake);
	ops = fake_intake_ops(&fake);
	base = event_base_new();
	strcpy(folder, "/tmp/logfwd-clients-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	fd = listener_bind(address.sun_path, SOCK_SEQPACKET, 0600, (gid_t)-1, error);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(clients_new(base, fd, &ops, &limits, 1, &clients), 0);
	for (size_t i = 0; i < PEERS; i++)
		peers[i].fd = -1;
}

static void teardown(void)
{
	clients_free(clients);
	ck_assert_uint_eq(fake.leases, 0);
	for (size_t i = 0; i < PEERS; i++)
		peer_close(&peers[i]);
	unlink(address.sun_path);
	rmdir(folder);
	event_base_free(base);
	libevent_global_shutdown();
}

static void serve(void)
{
	for (int i = 0; i < LOOP_TURNS; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Connects and says hello; whether it is served is another question. */
static struct peer *connect_peer(size_t i)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	peer_init(&peers[i], fd);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	peer_hello(&peers[i], "test");
	peer_say(&peers[i]);
	return &peers[i];
}

static void check_counts(uint64_t live, uint64_t connected, uint64_t refused)
{
	struct client_counts counts = clients_counts(clients);

	ck_assert_uint_eq(counts.live, live);
	ck_assert_uint_eq(counts.connected, connected);
	ck_assert_uint_eq(refusal_sum(&counts.refusals, REFUSED_CLIENT), refused);
	ck_assert_uint_ge(counts.peak, live);
}

static uint64_t refused_for(enum refusal refusal)
{
	return clients_counts(clients).refusals.of[REFUSED_CLIENT][refusal];
}

START_TEST(clients_beyond_the_limit_hear_why)
{
	static const char *const reasons[] = {
		"bye 6 limits.clients is reached\nend\n",
		"bye 6 this user's share of limits.clients is used up\nend\n",
	};
	const struct limits limits = _i == 0 ? limits_of(2, 100) : limits_of(4, 50);

	clients_set_limits(clients, &limits);
	for (size_t i = 0; i < 2; i++)
		connect_peer(i);
	serve();
	connect_peer(2);
	serve();
	for (size_t i = 0; i < 2; i++)
		ck_assert_str_eq(peer_heard(&peers[i]), "welcome\nmap\n");
	ck_assert_str_eq(peer_heard(&peers[2]), reasons[_i]);
	check_counts(2, 2, 1);
	ck_assert_uint_eq(refused_for(_i == 0 ? REFUSAL_LIMIT : REFUSAL_UID_SHARE), 1);
	peer_close(&peers[0]);
	serve();
	ck_assert_str_eq(peer_heard(connect_peer(3)), "");
	serve();
	ck_assert_str_eq(peer_heard(&peers[3]), "welcome\nmap\n");
	check_counts(2, 3, 1);
}
END_TEST

START_TEST(clients_all_hear_of_changed_levels_once)
{
	for (size_t i = 0; i < 3; i++)
		connect_peer(i);
	serve();
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(peer_heard(&peers[i]), "welcome\nmap\n");
	fake.levels.version++;
	clients_levels_changed(clients);
	clients_levels_changed(clients);
	serve();
	clients_levels_changed(clients);
	serve();
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(peer_heard(&peers[i]), "map\n");
}
END_TEST

START_TEST(clients_hear_at_once_of_a_lower_floor_and_later_of_a_higher_one)
{
	size_t maps;

	connect_peer(0);
	serve();
	ck_assert_str_eq(peer_heard(&peers[0]), "welcome\nmap\n");
	fake.levels.floor = 10;
	clients_levels_changed(clients);
	serve();
	ck_assert_str_eq(peer_heard(&peers[0]), "map\n");
	maps = fake.maps;
	fake.levels.floor = 20;
	clients_levels_changed(clients);
	serve();
	ck_assert_str_eq(peer_heard(&peers[0]), "");
	while (fake.maps == maps)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert_str_eq(peer_heard(&peers[0]), "map\n");
}
END_TEST

/* Connects and says hello. */
static int connect_plainly(void)
{
	uint8_t bytes[64];
	struct writer hello = writer_over(bytes, sizeof(bytes));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	frame_write_hello(&hello, &(struct frame_hello){ .version = WIRE_VERSION });
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(send(fd, bytes, hello.len, MSG_NOSIGNAL), (ssize_t)hello.len);
	return fd;
}

/* Packets that wait at a client's end. */
static size_t packets_at(int fd)
{
	size_t count = 0;
	uint8_t byte;

	while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		count++;
	return count;
}

START_TEST(clients_are_told_in_slices_and_may_end_meanwhile)
{
	enum { MANY = 400, ENDING = 5 }; /* the last that came is the first that is told */
	const struct limits limits = limits_of(MANY, 100);
	size_t before;
	int fds[MANY];

	clients_set_limits(clients, &limits);
	for (size_t i = 0; i < MANY; i++) {
		fds[i] = connect_plainly();
		serve();
		ck_assert_uint_eq(packets_at(fds[i]), 1);
	}
	before = fake.maps;
	fake.levels.version++;
	clients_levels_changed(clients);
	while (fake.maps == before)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK); /* one turn */
	ck_assert_uint_lt(fake.maps, before + MANY - ENDING);
	for (size_t i = 0; i < ENDING;
	     i++) /* among those the next one, as there is one slice left */
		close(fds[before + MANY - fake.maps - 1 - i]);
	while (clients_counts(clients).live > MANY - ENDING)
		event_base_loop(base, EVLOOP_NONBLOCK);
	serve();
	for (size_t i = 0; i < MANY; i++)
		ck_assert(packets_at(fds[i]) == 1 || fcntl(fds[i], F_GETFD) < 0);
	for (size_t i = 0; i < MANY; i++)
		close(fds[i]);
	serve();
}
END_TEST

/* The lowest number that a next descriptor would have, so that a limit can be set right there. */
static rlim_t next_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return (rlim_t)fd;
}

START_TEST(clients_are_served_on_without_descriptors)
{
	struct rlimit before, none;

	connect_peer(0);
	serve();
	connect_peer(1);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = next_descriptor();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	serve();
	ck_assert_str_eq(peer_heard(&peers[1]), "bye 6 the daemon is out of descriptors\nend\n");
	ck_assert_uint_eq(refused_for(REFUSAL_DESCRIPTORS), 1);
	peer_open(&peers[0], 1, "a");
	peer_record(&peers[0], 1, "served");
	peer_say(&peers[0]);
	serve();
	ck_assert_str_eq(fake_intake_take(&fake), "open a\nrecord a 20 served\n");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	connect_peer(2);
	while (clients_counts(clients).live < 2) /* the listener rests a moment, then goes on */
		event_base_loop(base, EVLOOP_ONCE);
	serve();
	ck_assert_str_eq(peer_heard(&peers[2]), "welcome\nmap\n");
}
END_TEST

START_TEST(clients_that_wait_at_the_end_are_read_and_told)
{
	struct sockaddr *to = (struct sockaddr *)&address;
	int late = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	connect_peer(0);
	serve();
	connect_peer(1); /* not accepted yet */
	for (size_t i = 0; i < 2; i++) {
		peer_open(&peers[i], 1, "a");
		peer_record(&peers[i], 1, "before the end");
		peer_say(&peers[i]);
	}
	clients_drain(clients, 100);
	ck_assert_uint_eq(fake.records, 2);
	clients_stop(clients);
	for (size_t i = 0; i < 2; i++)
		ck_assert_ptr_nonnull(strstr(peer_heard(&peers[i]), "bye 7 "));
	check_counts(0, 2, 0);
	ck_assert_uint_eq(fake.leases, 0);
	ck_assert_int_lt(connect(late, to, sizeof(address)), 0); /* nobody would listen */
	close(late);
}
END_TEST

static void count_views(const struct client_view *view, void *arg)
{
	ck_assert_int_eq(view->pid, getpid());
	ck_assert_uint_eq(view->uid, getuid());
	ck_assert(span_equal(view->app, span_of("test")));
	++*(size_t *)arg;
}

START_TEST(clients_can_be_listed)
{
	size_t count = 0;

	for (size_t i = 0; i < 3; i++)
		connect_peer(i);
	serve();
	clients_each(clients, count_views, &count);
	ck_assert_uint_eq(count, 3);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("intake_clients");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, clients_beyond_the_limit_hear_why, 0, 2);
	tcase_add_test(all, clients_all_hear_of_changed_levels_once);
	tcase_add_test(all, clients_hear_at_once_of_a_lower_floor_and_later_of_a_higher_one);
	tcase_add_test(all, clients_are_told_in_slices_and_may_end_meanwhile);
	tcase_add_test(all, clients_are_served_on_without_descriptors);
	tcase_add_test(all, clients_that_wait_at_the_end_are_read_and_told);
	tcase_add_test(all, clients_can_be_listed);
	suite_add_tcase(suite, all);
	return suite;
}
