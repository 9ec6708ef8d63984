/*
 * Proves that nobody but the daemon can write the page that it passes to its clients, and that
 * its end shows there, however it ends.
 */
#include "intake/level_page.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "intake/descriptors.h"
#include "support/suite.h"
#include "wire/level_page.h"

static int sockets[2];

static void set_up(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
}

static void tear_down(void)
{
	close(sockets[0]);
	close(sockets[1]);
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Sends the packet "x" with the page; -errno. */
static int send_page(const struct level_page *page)
{
	int fd = level_page_fd(page);

	return descriptors_send(sockets[0], "x", 1, &fd, 1);
}

/* Receives the packet "x" and the descriptor that comes with it; -1: none. */
static int receive_descriptor(void)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	ck_assert_int_eq(recvmsg(sockets[1], &message, MSG_CMSG_CLOEXEC), 1);
	ck_assert_int_eq(byte, 'x');
	if (CMSG_FIRSTHDR(&message) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static const union level_page_shared *map_page(int fd)
{
	const union level_page_shared *shared =
		mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(shared, MAP_FAILED);
	return shared;
}

static uint32_t generation_of(const union level_page_shared *shared)
{
	return (union level_page_word){ .both = atomic_load(&shared->word) }.generation;
}

START_TEST(page_is_read_by_others_and_not_written)
{
	const union level_page_shared *shared;
	struct level_page *page;
	int fd;

	ck_assert_int_eq(level_page_new(&page), 0);
	ck_assert_int_eq(send_page(page), 0);
	fd = receive_descriptor();
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS) & LEVEL_PAGE_SEALS, LEVEL_PAGE_SEALS);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), (off_t)page_bytes());
	ck_assert_ptr_eq(mmap(NULL, page_bytes(), PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_lt(pwrite(fd, "y", 1, 0), 0);
	ck_assert_int_lt(ftruncate(fd, 0), 0);
	ck_assert_int_lt(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				   (off_t)page_bytes()),
			 0);
	ck_assert_int_lt(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	shared = map_page(fd);
	ck_assert_int_lt(mprotect((void *)shared, page_bytes(), PROT_READ | PROT_WRITE), 0);
	ck_assert(level_page_is_held(atomic_load(&shared->word)));
	ck_assert_uint_eq(generation_of(shared), 0);
	level_page_count(page);
	ck_assert_uint_eq(generation_of(shared), 1);
	level_page_free(page);
	ck_assert(!level_page_is_held(atomic_load(&shared->word)));
	ck_assert_uint_eq(generation_of(shared), 1);
	munmap((void *)shared, page_bytes());
	close(fd);
}
END_TEST

START_TEST(page_shows_that_its_daemon_was_killed)
{
	const union level_page_shared *shared;
	struct level_page *page;
	pid_t child = fork();
	int fd, status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (level_page_new(&page) < 0 || send_page(page) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	fd = receive_descriptor();
	shared = map_page(fd);
	ck_assert(level_page_is_held(atomic_load(&shared->word)));
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(!level_page_is_held(atomic_load(&shared->word)));
	munmap((void *)shared, page_bytes());
	close(fd);
}
END_TEST

/* A child of the daemon (there is none today) must not end it in the eyes of its clients. */
START_TEST(page_is_not_abandoned_by_a_child)
{
	const union level_page_shared *shared;
	struct level_page *page;
	pid_t child;
	int fd, status;

	ck_assert_int_eq(level_page_new(&page), 0);
	ck_assert_int_eq(send_page(page), 0);
	fd = receive_descriptor();
	shared = map_page(fd);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(level_page_is_held(atomic_load(&shared->word)));
	level_page_free(page);
	munmap((void *)shared, page_bytes());
	close(fd);
}
END_TEST

static void *lock_and_end(void *arg)
{
	struct level_page *page;

	ck_assert_int_eq(level_page_new(&page), 0);
	level_page_free(page);
	pthread_mutex_lock(arg);
	return NULL;
}

/* glibc's own list serves again once the page is gone. */
START_TEST(page_gives_the_robust_list_back)
{
	pthread_mutexattr_t robust;
	pthread_mutex_t mutex;
	pthread_t thread;

	pthread_mutexattr_init(&robust);
	pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &robust);
	ck_assert_int_eq(pthread_create(&thread, NULL, lock_and_end, &mutex), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(pthread_mutex_lock(&mutex), EOWNERDEAD);
	pthread_mutex_consistent(&mutex);
	pthread_mutex_unlock(&mutex);
	pthread_mutex_destroy(&mutex);
	pthread_mutexattr_destroy(&robust);
}
END_TEST

START_TEST(page_is_not_sent_where_there_is_no_room)
{
	struct level_page *page;
	int result;

	ck_assert_int_eq(level_page_new(&page), 0);
	do {
		result = send_page(page);
	} while (result == 0);
	ck_assert_int_eq(result, -EAGAIN);
	close(receive_descriptor());
	level_page_free(page);
}
END_TEST

/* The kernel lets a user have so many descriptors on the way as a process may have open. */
START_TEST(page_is_left_out_where_too_many_are_on_the_way)
{
	const uid_t user = geteuid();
	struct rlimit before, none;
	struct level_page *page;
	int results[2];

	ck_assert_int_eq(level_page_new(&page), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert(user != 0 || seteuid(1) == 0); /* root may have more */
	for (size_t i = 0; i < 2; i++)
		results[i] = send_page(page);
	ck_assert(user != 0 || seteuid(user) == 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(results[0], 0);
	ck_assert_int_eq(results[1], 0);
	close(receive_descriptor()); /* none, where this user has others on the way */
	ck_assert_int_eq(receive_descriptor(), -1);
	level_page_free(page);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("level_page");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, page_is_read_by_others_and_not_written);
	tcase_add_test(all, page_shows_that_its_daemon_was_killed);
	tcase_add_test(all, page_is_not_abandoned_by_a_child);
	tcase_add_test(all, page_gives_the_robust_list_back);
	tcase_add_test(all, page_is_not_sent_where_there_is_no_room);
	tcase_add_test(all, page_is_left_out_where_too_many_are_on_the_way);
	suite_add_tcase(suite, all);
	return suite;
}
