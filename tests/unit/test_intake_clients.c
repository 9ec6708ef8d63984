/*
 * Proves that connections are accepted within limits.clients and each user's share of it,
 * that who is turned away hears why, that running out of descriptors harms nobody who is
 * connected, that changed levels reach them all, and that an end takes in what was said before it.
 */
#include "intake/clients.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "intake/listener.h"
#include "support/fake_intake.h"
#include "support/intake_peer.h"
#include "support/suite.h"
#include "wire/level_page.h"

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

static int listen_at_address(void)
{
	char error[LISTENER_ERROR_BYTES];
	int fd = listener_bind(address.sun_path, SOCK_SEQPACKET, 0600, (gid_t)-1, error);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void start_clients(int listener)
{
	const struct limits limits = limits_of(PEERS, 100);
	const struct intake_ops ops = fake_intake_ops(&fake);

	ck_assert_int_eq(clients_new(base, listener, &ops, &limits, 1, &clients), 0);
}

static void setup(void)
{
	fake_intake_init(&fake);
	base = event_base_new();
	strcpy(folder, "/tmp/logfwd-clients-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	start_clients(listen_at_address());
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
static int connect_with(uint32_t features)
{
	const struct frame_hello mine = { .version = WIRE_VERSION, .features = features };
	uint8_t bytes[64];
	struct writer hello = writer_over(bytes, sizeof(bytes));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	frame_write_hello(&hello, &mine);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(send(fd, bytes, hello.len, MSG_NOSIGNAL), (ssize_t)hello.len);
	return fd;
}

/* The page that comes with a welcome. */
static const union level_page_shared *receive_page(int socket)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	uint8_t bytes[512];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	void *page;
	int fd;

	ck_assert_int_gt(recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), 0);
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&message));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	close(fd);
	return page;
}

/* Its program may have closed the socket behind its back: it must not filter as before for ever. */
START_TEST(page_tells_those_whom_no_map_reaches)
{
	int fd = connect_with(FEATURE_LEVEL_PAGE);
	const union level_page_shared *page;
	uint32_t before;

	serve();
	page = receive_page(fd);
	close(fd);
	for (int i = 0; i < 2; i++) {
		serve();
		before = page->generation;
		if (i == 0)
			fake.levels.version++;
		else
			fake.levels.floor = 10;
		clients_levels_changed(clients);
		serve();
		ck_assert_uint_eq(page->generation, before + 1);
	}
	clients_levels_changed(clients); /* without any change for it */
	serve();
	ck_assert_uint_eq(page->generation, before + 1);
	munmap((void *)page, (size_t)sysconf(_SC_PAGESIZE));
}
END_TEST

/* Packets that wait at a client's end. */
static size_t packets_at(int fd)
{
	size_t count = 0;
	uint8_t byte;

	while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		count++;
	return count;
}

/* The end of a client is read in the turn of the first slice, behind which it comes next. */
START_TEST(clients_are_told_in_slices_and_may_end_meanwhile)
{
	enum { MANY = 400, SLICE = 256, NEXT = MANY - 1 - SLICE }; /* the newest is told first */
	const struct limits limits = limits_of(MANY, 100);
	size_t before;
	int fds[MANY];

	clients_set_limits(clients, &limits);
	for (size_t i = 0; i < MANY; i++) {
		fds[i] = connect_with(0);
		serve();
		ck_assert_uint_eq(packets_at(fds[i]), 1);
	}
	before = fake.maps;
	fake.levels.version++;
	clients_levels_changed(clients);
	close(fds[NEXT]);
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK); /* one turn */
	ck_assert_uint_eq(fake.maps, before + SLICE);
	ck_assert_uint_eq(clients_counts(clients).live, MANY);
	while (fake.maps < before + MANY - 1)
		event_base_loop(base, EVLOOP_NONBLOCK);
	serve();
	ck_assert_uint_eq(fake.maps, before + MANY - 1);
	ck_assert_uint_eq(clients_counts(clients).live, MANY - 1);
	for (size_t i = 0; i < MANY; i++) {
		if (i == NEXT)
			continue;
		ck_assert_uint_eq(packets_at(fds[i]), 1);
		close(fds[i]);
	}
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

/* A client that can use a level page. page_out: its descriptor; -1: it was welcomed without. */
static int connect_for_page(int *page_out)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	uint8_t bytes[256];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = connect_with(FEATURE_LEVEL_PAGE);
	struct frame_welcome welcome;
	struct frame frame;
	struct span packet;
	ssize_t length;

	serve();
	length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	ck_assert_int_gt(length, 0);
	packet = span_of_bytes(bytes, (size_t)length);
	ck_assert_int_eq(frame_take(&packet, &frame), FRAME_TAKEN);
	ck_assert(frame_parse_welcome(frame.body, &welcome));
	*page_out = -1;
	if (CMSG_FIRSTHDR(&message) != NULL)
		memcpy(page_out, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*page_out));
	ck_assert_uint_eq(welcome.features, *page_out < 0 ? 0 : FEATURE_LEVEL_PAGE);
	return fd;
}

/* Tells of levels, which have changed or not. Returns what the level page counts then. */
static uint32_t count_after(bool change, int page)
{
	uint32_t generation;
	size_t at = offsetof(union level_page_shared, generation);

	fake.levels.version += change;
	clients_levels_changed(clients);
	serve();
	ck_assert_int_eq(pread(page, &generation, sizeof(generation), (off_t)at),
			 sizeof(generation));
	return generation;
}

START_TEST(clients_see_counted_what_they_were_sent)
{
	uint32_t counted;
	int client, page;
	size_t maps;

	client = connect_for_page(&page);
	ck_assert_uint_eq(count_after(false, page), 0);
	ck_assert_uint_eq(count_after(true, page), 1);
	ck_assert_uint_eq(packets_at(client), 1);
	fake.levels.floor++; /* which can wait */
	ck_assert_uint_eq(count_after(false, page), 1);
	do { /* until there is no room */
		maps = fake.maps;
		counted = count_after(true, page);
	} while (fake.maps > maps);
	ck_assert_uint_gt(packets_at(client), 1);
	ck_assert_uint_eq(count_after(false, page), counted + 1); /* of the one that came late */
	ck_assert_uint_eq(packets_at(client), 1);
	close(client);
	close(page);
	serve();
}
END_TEST

START_TEST(clients_are_served_without_a_level_page_where_none_can_be_made)
{
	struct rlimit before, one;
	int listener, page, client;

	clients_free(clients);
	unlink(address.sun_path);
	listener = listen_at_address();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	one = before;
	one.rlim_cur = next_descriptor() + 1; /* for the reserve, but not for the page */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &one), 0);
	start_clients(listener);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	client = connect_for_page(&page);
	ck_assert_int_eq(page, -1);
	fake.levels.version++;
	clients_levels_changed(clients);
	serve();
	ck_assert_uint_eq(packets_at(client), 1);
	close(client);
	serve();
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
	ck_assert(clients_drain(clients, INT64_MAX));
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

START_TEST(reading_at_the_end_has_an_end)
{
	connect_peer(0);
	serve();
	peer_open(&peers[0], 1, "a");
	peer_record(&peers[0], 1, "one that would never stop");
	peer_say(&peers[0]);
	ck_assert(!clients_drain(clients, 0)); /* the time is over before it began */
	ck_assert_uint_eq(fake.records, 0);
	ck_assert(clients_drain(clients, INT64_MAX));
	ck_assert_uint_eq(fake.records, 1);
}
END_TEST

/* Writes down the numbers of the connections, as they come. */
struct visits {
	uint64_t number[8];
	size_t count;
};

static void note_visit(const struct client_view *view, void *arg)
{
	struct visits *visits = arg;

	ck_assert_int_eq(view->pid, getpid());
	ck_assert_uint_eq(view->uid, getuid());
	ck_assert(span_equal(view->app, span_of("test")));
	ck_assert_uint_lt(visits->count, ARRAY_LEN(visits->number));
	visits->number[visits->count++] = view->number;
}

/* In steps of each length; between the first two one may go that would be next, and one come. */
START_TEST(clients_can_be_walked)
{
	struct clients_walk walk = { 0 };
	struct visits visits = { 0 };
	const size_t most = (size_t)_i / 2 + 1;
	const bool changes = _i % 2 == 1;

	for (size_t i = 0; i < 4; i++)
		connect_peer(i);
	serve();
	ck_assert(clients_walk(clients, &walk, most, note_visit, &visits) == (most < 4));
	ck_assert_uint_eq(visits.count, most);
	if (changes) {
		peer_close(&peers[3 - most]);
		connect_peer(4);
		serve();
	}
	while (clients_walk(clients, &walk, most, note_visit, &visits))
		;
	ck_assert_uint_eq(visits.count, changes ? 3 : 4);
	for (size_t i = 0; i < visits.count; i++)
		ck_assert_uint_eq(visits.number[i], 4 - i - (changes && i >= most));
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
	tcase_add_test(all, page_tells_those_whom_no_map_reaches);
	tcase_add_test(all, clients_are_told_in_slices_and_may_end_meanwhile);
	tcase_add_test(all, clients_are_served_on_without_descriptors);
	tcase_add_test(all, clients_see_counted_what_they_were_sent);
	tcase_add_test(all, clients_are_served_without_a_level_page_where_none_can_be_made);
	tcase_add_test(all, clients_that_wait_at_the_end_are_read_and_told);
	tcase_add_test(all, reading_at_the_end_has_an_end);
	tcase_add_loop_test(all, clients_can_be_walked, 0, 6);
	suite_add_tcase(suite, all);
	return suite;
}
