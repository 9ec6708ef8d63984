/*
 * Proves, by the descriptors that the process really holds, that the pool never has more
 * sockets than its bound, that the least recently used one goes first, and that whoever
 * borrowed it is told.
 */
#include "output/socket_pool.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"
#include "support/suite.h"

#define BOUND	  3
#define BORROWERS 6
#define IDLE_S	  5

static struct event_base *base;
static struct socket_pool *pool;
static struct socket_address collector;
static int collector_fd;
static size_t sockets_before;

struct borrower {
	struct pool_socket *socket;
	unsigned gone, evicted, told, readable, writable;
};

static struct borrower borrowers[BORROWERS];

/* Sockets that this process has open, whoever opened them. */
static size_t open_sockets(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(folder)) != NULL) {
		char path[300], link[64];
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		length = readlink(path, link, sizeof(link));
		count += length > 7 && memcmp(link, "socket:", 7) == 0;
	}
	closedir(folder);
	return count;
}

static void setup(void)
{
	const struct pool_options options = { .sockets = BOUND, .idle_timeout = IDLE_S };

	memset(borrowers, 0, sizeof(borrowers));
	ck_assert(address_of("127.0.0.1", 0, &collector));
	collector_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(collector_fd, &collector.any, collector.length), 0);
	ck_assert_int_eq(getsockname(collector_fd, &collector.any, &collector.length), 0);
	base = event_base_new();
	ck_assert_int_eq(socket_pool_new(base, &options, &pool), 0);
	sockets_before = open_sockets();
}

static void teardown(void)
{
	for (size_t i = 0; i < BORROWERS; i++) {
		if (borrowers[i].socket != NULL)
			socket_pool_close(pool, borrowers[i].socket);
	}
	ck_assert_uint_eq(open_sockets(), sockets_before);
	socket_pool_free(pool);
	event_base_free(base);
	close(collector_fd);
	libevent_global_shutdown();
}

static void on_ready(struct pool_socket *socket, short what, void *arg)
{
	struct borrower *borrower = arg;

	ck_assert_ptr_eq(socket, borrower->socket);
	borrower->readable += (what & EV_READ) != 0;
	borrower->writable += (what & EV_WRITE) != 0;
}

static void on_gone(struct pool_socket *socket, bool evicted, void *arg)
{
	struct borrower *borrower = arg;
	struct pool_error error;

	/* it can still tell its news */
	borrower->told += pool_socket_read_error(socket, &error) && error.error == ECONNREFUSED;
	borrower->evicted += evicted;

	borrower->socket = NULL;
	borrower->gone++;
}

static void check_bound(uint32_t open)
{
	struct pool_counts counts = socket_pool_counts(pool);

	ck_assert_uint_eq(counts.open, open);
	ck_assert_uint_eq(open_sockets() - sockets_before, open);
	ck_assert_uint_le(counts.peak, BOUND);
}

static int borrow(size_t i, int64_t now_ms)
{
	const struct socket_options options = { .send_buffer = 65536 };
	const struct pool_request request = {
		.address = &collector,
		.options = &options,
		.ready = on_ready,
		.gone = on_gone,
		.arg = &borrowers[i],
		.now_ms = now_ms,
	};
	const char *what;

	return socket_pool_open(pool, &request, &borrowers[i].socket, &what);
}

static int send_text(size_t i, const char *text, int64_t now_ms)
{
	struct iovec part = { (void *)text, strlen(text) };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &part, .msg_iovlen = 1 } };

	return pool_socket_send(pool, borrowers[i].socket, &message, 1, now_ms);
}

static void borrow_all(void)
{
	for (size_t i = 0; i < BOUND; i++)
		ck_assert_int_eq(borrow(i, (int64_t)i), 0);
	check_bound(BOUND);
}

START_TEST(pool_closes_the_least_recently_used_to_open_another)
{
	borrow_all();
	ck_assert_int_eq(send_text(0, "x", 10), 1);
	ck_assert_int_eq(borrow(3, 13), 0);
	check_bound(BOUND);
	ck_assert_uint_eq(borrowers[1].gone, 1);
	ck_assert_ptr_null(borrowers[1].socket);
	ck_assert_int_eq(borrow(4, 14), 0);
	ck_assert_uint_eq(borrowers[2].gone, 1);
	ck_assert_int_eq(borrow(5, 15), 0);
	ck_assert_uint_eq(borrowers[0].gone, 1);
	check_bound(BOUND);
	ck_assert_uint_eq(socket_pool_counts(pool).evicted, 3);
	ck_assert_uint_eq(socket_pool_counts(pool).opened, 6);
}
END_TEST

START_TEST(pool_closes_what_is_idle)
{
	borrow_all();
	socket_pool_close_idle(pool, IDLE_S * 1000);
	check_bound(2);
	ck_assert_uint_eq(borrowers[0].gone, 1);
	socket_pool_close_idle(pool, IDLE_S * 1000 + 1);
	check_bound(1);
	ck_assert_int_eq(send_text(2, "x", IDLE_S * 1000), 1);
	socket_pool_close_idle(pool, IDLE_S * 1000 + 2);
	check_bound(1);
	ck_assert_uint_eq(socket_pool_counts(pool).idle_closed, 2);
	ck_assert_uint_eq(socket_pool_counts(pool).evicted, 0);
}
END_TEST

START_TEST(pool_makes_room_for_others_under_the_same_bound)
{
	borrow_all();
	ck_assert(socket_pool_reserve(pool, 2));
	check_bound(1);
	ck_assert_int_eq(borrow(3, 20), 0);
	check_bound(1);
	ck_assert(!socket_pool_reserve(pool, BOUND + 1));
	check_bound(1); /* nobody had to go for what cannot be */
	ck_assert(socket_pool_reserve(pool, BOUND));
	check_bound(0);
	ck_assert_int_eq(borrow(4, 21), -EMFILE);
	check_bound(0);
	ck_assert(socket_pool_reserve(pool, 0));
	ck_assert_int_eq(borrow(4, 22), 0);
	check_bound(1);
}
END_TEST

START_TEST(pool_closes_at_once_what_a_lower_bound_forbids)
{
	const struct pool_options lower = { .sockets = 1, .idle_timeout = IDLE_S };

	borrow_all();
	socket_pool_set_options(pool, &lower);
	check_bound(1);
	ck_assert_ptr_nonnull(borrowers[2].socket);
	ck_assert_uint_eq(socket_pool_counts(pool).limit, 1);
}
END_TEST

START_TEST(pool_tells_when_a_socket_is_ready)
{
	ck_assert_int_eq(borrow(0, 0), 0);
	pool_socket_want_write(borrowers[0].socket, true);
	event_base_loop(base, EVLOOP_ONCE);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(borrowers[0].writable, 1); /* asked once, told once */
	pool_socket_want_write(borrowers[0].socket, true);
	pool_socket_want_write(borrowers[0].socket, false);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(borrowers[0].writable, 1);
	close(collector_fd); /* the next datagram is refused */
	ck_assert_int_eq(send_text(0, "x", 0), 1);
	while (borrowers[0].readable == 0)
		event_base_loop(base, EVLOOP_ONCE);
	collector_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}
END_TEST

START_TEST(pool_leaves_alone_what_is_watched)
{
	borrow_all();
	for (size_t i = 0; i < BOUND; i++)
		pool_socket_hold(borrowers[i].socket, 100);
	ck_assert_int_eq(borrow(3, 99), -EBUSY);
	check_bound(BOUND);
	pool_socket_hold(borrowers[1].socket, 0);
	ck_assert_int_eq(borrow(3, 99), 0);
	ck_assert_uint_eq(borrowers[1].gone, 1);
	ck_assert_int_eq(borrow(4, 100), 0);
	ck_assert_uint_eq(borrowers[0].gone, 1);
	check_bound(BOUND);
}
END_TEST

START_TEST(pool_leaves_alone_what_is_new)
{
	borrow_all();
	for (size_t i = 0; i < BOUND; i++)
		ck_assert_int_eq(send_text(i, "x", 4), 1);
	ck_assert_int_eq(borrow(3, POOL_NEWS_MS - 1), -EBUSY);
	check_bound(BOUND);
	/* the oldest may go, however busy it is: nobody waits for ever */
	ck_assert_int_eq(send_text(0, "x", POOL_NEWS_MS), 1);
	ck_assert_int_eq(borrow(3, POOL_NEWS_MS), 0);
	ck_assert_uint_eq(borrowers[0].gone, 1);
	ck_assert(socket_pool_reserve(pool, BOUND)); /* names do not wait */
	check_bound(0);
}
END_TEST

START_TEST(pool_lets_a_socket_tell_its_last_news)
{
	borrow_all();
	close(collector_fd);
	ck_assert_int_eq(send_text(0, "x", 0), 1);
	for (size_t i = 1; i < BOUND; i++)
		ck_assert_int_eq(send_text(i, "x", 1), 1);
	ck_assert_int_eq(borrow(3, POOL_NEWS_MS), 0);
	ck_assert_uint_eq(borrowers[0].gone, 1);
	ck_assert_uint_eq(borrowers[0].evicted, 1);
	ck_assert_uint_eq(borrowers[0].told, 1);
	socket_pool_close_idle(pool, IDLE_S * 1000 + 1);
	ck_assert_uint_eq(borrowers[1].told, 1);
	ck_assert_uint_eq(borrowers[1].evicted, 0);
	collector_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}
END_TEST

static void check_option(int fd, int level, int name, int expected)
{
	int value = 0;
	socklen_t length = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &length), 0);
	ck_assert_int_eq(value, expected);
}

START_TEST(pool_makes_sockets_as_they_are_wanted)
{
	struct socket_options options = { .dscp = 46, .send_buffer = 8192, .bind_device = "lo" };
	struct pool_request request = {
		.address = &collector,
		.options = &options,
		.ready = on_ready,
		.gone = on_gone,
		.arg = &borrowers[0],
	};
	struct socket_address local = { .length = sizeof(local.v4) };
	const char *what;
	int fd = dup(collector_fd); /* the next free one is the socket's */

	close(fd);
	ck_assert(address_of("127.0.0.2", 0, &options.bind));
	ck_assert_int_eq(socket_pool_open(pool, &request, &borrowers[0].socket, &what), 0);
	check_option(fd, IPPROTO_IP, IP_TOS, 46 << 2);
	check_option(fd, SOL_SOCKET, SO_SNDBUF, 2 * 8192);
	ck_assert_int_eq(getsockname(fd, &local.any, &local.length), 0);
	ck_assert_uint_eq(local.v4.sin_addr.s_addr, htonl(0x7f000002));
	ck_assert(address_of("192.0.2.1", 0, &options.bind));
	request.arg = &borrowers[1];
	ck_assert_int_eq(socket_pool_open(pool, &request, &borrowers[1].socket, &what),
			 -EADDRNOTAVAIL);
	ck_assert_str_eq(what, "bind-address");
	memcpy(options.bind_device, "nowhere", 8);
	ck_assert_int_eq(socket_pool_open(pool, &request, &borrowers[1].socket, &what), -ENODEV);
	ck_assert_str_eq(what, "bind-device");
	check_bound(1);
	ck_assert_uint_eq(socket_pool_counts(pool).failed, 2);
}
END_TEST

START_TEST(pool_counts_what_cannot_be_opened)
{
	collector.any.sa_family = AF_UNSPEC + 200;
	ck_assert_int_lt(borrow(0, 0), 0);
	check_bound(0);
	ck_assert_uint_eq(socket_pool_counts(pool).failed, 1);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("socket_pool");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, pool_closes_the_least_recently_used_to_open_another);
	tcase_add_test(all, pool_closes_what_is_idle);
	tcase_add_test(all, pool_makes_room_for_others_under_the_same_bound);
	tcase_add_test(all, pool_closes_at_once_what_a_lower_bound_forbids);
	tcase_add_test(all, pool_tells_when_a_socket_is_ready);
	tcase_add_test(all, pool_leaves_alone_what_is_watched);
	tcase_add_test(all, pool_leaves_alone_what_is_new);
	tcase_add_test(all, pool_lets_a_socket_tell_its_last_news);
	tcase_add_test(all, pool_makes_sockets_as_they_are_wanted);
	tcase_add_test(all, pool_counts_what_cannot_be_opened);
	suite_add_tcase(suite, all);
	return suite;
}
