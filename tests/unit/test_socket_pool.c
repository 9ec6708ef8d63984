/*
 * Proves, by the descriptors that the process really holds, that the pool never has more
 * sockets than its bound, that the least recently used one goes first, and that whoever
 * borrowed it is told.
 */
#include "output/socket_pool.h"

#include <arpa/inet.h>
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
static struct sockaddr_in collector;
static int collector_fd;
static size_t sockets_before;

struct borrower {
	struct pool_socket *socket;
	unsigned gone, readable, writable;
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
	socklen_t length = sizeof(collector);

	memset(borrowers, 0, sizeof(borrowers));
	collector = (struct sockaddr_in){ .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	collector_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(collector_fd, (struct sockaddr *)&collector, length), 0);
	ck_assert_int_eq(getsockname(collector_fd, (struct sockaddr *)&collector, &length), 0);
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

static void on_gone(void *arg)
{
	struct borrower *borrower = arg;

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
	int result = socket_pool_open(pool, (struct sockaddr *)&collector, sizeof(collector),
				      on_ready, on_gone, &borrowers[i], &borrowers[i].socket);

	if (result == 0)
		pool_socket_use(pool, borrowers[i].socket, now_ms);
	return result;
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
	pool_socket_use(pool, borrowers[0].socket, 10);
	ck_assert_int_eq(borrow(3, 11), 0);
	check_bound(BOUND);
	ck_assert_uint_eq(borrowers[1].gone, 1);
	ck_assert_ptr_null(borrowers[1].socket);
	ck_assert_int_eq(borrow(4, 12), 0);
	ck_assert_uint_eq(borrowers[2].gone, 1);
	ck_assert_int_eq(borrow(5, 13), 0);
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
	pool_socket_use(pool, borrowers[2].socket, IDLE_S * 1000);
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
	ck_assert_int_eq(send(pool_socket_fd(borrowers[0].socket), "x", 1, 0), 1);
	while (borrowers[0].readable == 0)
		event_base_loop(base, EVLOOP_ONCE);
	collector_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}
END_TEST

START_TEST(pool_counts_what_cannot_be_opened)
{
	collector.sin_family = AF_UNSPEC + 200;
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
	tcase_add_test(all, pool_counts_what_cannot_be_opened);
	suite_add_tcase(suite, all);
	return suite;
}
