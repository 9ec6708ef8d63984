/*
 * Proves that a client with a level page hears of a changed level at its very next call, that it
 * notices the end of its daemon there, that whatever is no such page leaves it as it would be
 * without, that threads may read while pages come and go, and that neither descriptors nor mappings
 * stay behind.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"
#include "wire/level.h"
#include "wire/level_page.h"

#define NO_FLOOR (LEVEL_MAX + 1)
#define MAX_FD	 256

/* A page as a daemon makes it. */
struct played_page {
	int fd;
	union level_page_shared *shared;
};

static struct scripted_daemon played;
static struct logfwd_client *client;
static struct logfwd_logger *logger;
static struct played_page page;

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void page_make(struct played_page *made, size_t bytes, int seals)
{
	made->fd = memfd_create("played", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_ge(made->fd, 0);
	ck_assert_int_eq(ftruncate(made->fd, (off_t)bytes), 0);
	made->shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, made->fd, 0);
	ck_assert_ptr_ne(made->shared, MAP_FAILED);
	ck_assert_int_eq(fcntl(made->fd, F_ADD_SEALS, seals), 0);
	atomic_store(&made->shared->holder, (uint32_t)gettid());
}

static void page_unmake(struct played_page *made)
{
	munmap(made->shared, page_bytes());
	close(made->fd);
}

static void say_level(uint8_t level)
{
	struct level_map_entry root = { span_of(""), LEVEL_MAP_CONFIGURED, level };

	daemon_say_levels(&played, NO_FLOOR, &root, 1);
}

/* The client has the page, has taken what was said, and the level is warning. */
static void welcome_with_page(void)
{
	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "a");
	daemon_welcome_with(&played, FEATURE_LEVEL_PAGE, &page.fd, 1);
	say_level(LEVEL_WARNING);
	logfwd_flush(client, 0);
	daemon_expect_flush(&played);
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
}

static void set_up(void)
{
	daemon_init(&played, true);
	page_make(&page, page_bytes(), LEVEL_PAGE_SEALS);
	client = daemon_client(&played, (struct logfwd_options){ 0 });
	logger = open_logger(client, "a");
}

static void tear_down(void)
{
	logfwd_client_close(client);
	page_unmake(&page);
	daemon_deinit(&played);
}

static size_t open_fds(void)
{
	size_t count = 0;

	for (int fd = 0; fd < MAX_FD; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* The client's end of its connection. */
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

/* Mappings of this process: all, or those of a page that clients have. at_out: the last; or NULL. */
static size_t mappings(bool of_clients, void **at_out)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	size_t count = 0;

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		bool is_page = strstr(line, " r--s ") != NULL && strstr(line, "/memfd:played");

		count += !of_clients || is_page;
		if (is_page && at_out != NULL)
			ck_assert_int_eq(sscanf(line, "%p", at_out), 1);
	}
	fclose(maps);
	return count;
}

START_TEST(page_brings_a_change_to_the_very_next_call)
{
	welcome_with_page();
	ck_assert_uint_eq(mappings(true, NULL), 1);
	for (int i = 0; i < 100; i++) {
		say_level(LEVEL_INFO);
		atomic_fetch_add(&page.shared->generation, 1);
		ck_assert(logfwd_enabled(logger, LEVEL_INFO));
		say_level(LEVEL_WARNING);
		atomic_fetch_add(&page.shared->generation, 1);
		ck_assert_int_eq(logfwd_log(logger, LEVEL_INFO, "filtered"), 0);
	}
	ck_assert(!daemon_has_next(&played, 0));
	ck_assert_uint_eq(client_stats(client).filtered, 100);
}
END_TEST

START_TEST(page_without_news_costs_no_look)
{
	welcome_with_page();
	say_level(LEVEL_INFO);
	for (int i = 0; i < 100000; i++)
		ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	atomic_fetch_add(&page.shared->generation, 1);
	ck_assert(logfwd_enabled(logger, LEVEL_INFO));
}
END_TEST

/* More than a call takes at once: the calls after it take the rest, and no news is missed. */
START_TEST(page_is_not_seen_before_all_has_been_read)
{
	int calls = 0;

	welcome_with_page();
	for (int i = 0; i < 40; i++)
		say_level(LEVEL_ERROR);
	say_level(LEVEL_INFO);
	atomic_fetch_add(&page.shared->generation, 1);
	while (!logfwd_enabled(logger, LEVEL_INFO))
		ck_assert_int_lt(++calls, 10);
}
END_TEST

START_TEST(page_shows_the_end_of_the_daemon)
{
	welcome_with_page();
	atomic_store(&page.shared->holder, LEVEL_PAGE_ABANDONED);
	daemon_die(&played);
	daemon_listen(&played);
	while (client_stats(client).connected == 1)
		ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	ck_assert_uint_eq(mappings(true, NULL), 0);
	page_unmake(&page);
	page_make(&page, page_bytes(), LEVEL_PAGE_SEALS);
	welcome_with_page();
	ck_assert_uint_eq(mappings(true, NULL), 1);
	say_level(LEVEL_INFO);
	atomic_fetch_add(&page.shared->generation, 1);
	ck_assert(logfwd_enabled(logger, LEVEL_INFO));
}
END_TEST

/* The kernel marks the page before it closes the sockets of a process that ends. */
START_TEST(page_of_a_daemon_that_is_gone_is_not_relied_on)
{
	welcome_with_page();
	atomic_store(&page.shared->holder, LEVEL_PAGE_ABANDONED);
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	say_level(LEVEL_INFO);
	while (!logfwd_enabled(logger, LEVEL_INFO)) /* by the clock */
		ck_assert(!daemon_is_left_alone(&played));
}
END_TEST

static void *keep_looking(void *arg)
{
	const atomic_bool *ended = arg;

	while (!atomic_load(ended))
		logfwd_enabled(logger, LEVEL_INFO);
	return NULL;
}

/* Who looks meanwhile is the first to see a daemon's end, and finds some page at any time. */
START_TEST(page_comes_and_goes_under_threads_that_look)
{
	enum { LOOKING = 3, DAEMONS = 5 };
	pthread_t threads[LOOKING];
	atomic_bool ended = false;

	for (size_t i = 0; i < LOOKING; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, keep_looking, &ended), 0);
	for (int i = 0; i < DAEMONS; i++) {
		welcome_with_page();
		say_level(LEVEL_INFO);
		atomic_fetch_add(&page.shared->generation, 1);
		ck_assert(logfwd_enabled(logger, LEVEL_INFO));
		atomic_store(&page.shared->holder, LEVEL_PAGE_ABANDONED);
		daemon_die(&played);
		daemon_listen(&played);
		page_unmake(&page); /* the next daemon has its own */
		page_make(&page, page_bytes(), LEVEL_PAGE_SEALS);
	}
	daemon_accept(&played, NULL);
	atomic_store(&ended, true);
	for (size_t i = 0; i < LOOKING; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(client_stats(client).connected, DAEMONS + 1);
}
END_TEST

/* What comes with a welcome, and what it agrees to. */
static const struct {
	const char *what;
	size_t pages; /* of their size; 0: no memory at all, but a socket */
	int seals;
	size_t descriptors;
	uint32_t features;
} no_pages[] = {
	{ "no descriptor", 1, LEVEL_PAGE_SEALS, 0, FEATURE_LEVEL_PAGE },
	{ "two descriptors", 1, LEVEL_PAGE_SEALS, 2, FEATURE_LEVEL_PAGE },
	{ "four descriptors", 1, LEVEL_PAGE_SEALS, 4, FEATURE_LEVEL_PAGE },
	{ "no agreement", 1, LEVEL_PAGE_SEALS, 1, 0 },
	{ "no seals", 1, 0, 1, FEATURE_LEVEL_PAGE },
	{ "could shrink", 1, LEVEL_PAGE_SEALS & ~F_SEAL_SHRINK, 1, FEATURE_LEVEL_PAGE },
	{ "could be written", 1, LEVEL_PAGE_SEALS & ~F_SEAL_FUTURE_WRITE, 1, FEATURE_LEVEL_PAGE },
	{ "too long", 2, LEVEL_PAGE_SEALS, 1, FEATURE_LEVEL_PAGE },
	{ "no memory", 0, LEVEL_PAGE_SEALS, 1, FEATURE_LEVEL_PAGE },
};

START_TEST(page_that_is_none_leaves_the_client_as_without)
{
	size_t pages = no_pages[_i].pages, before = open_fds();
	struct played_page other;
	int fds[4];

	page_make(&other, (pages > 0 ? pages : 1) * page_bytes(), no_pages[_i].seals);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = pages > 0 ? other.fd : played.listener;
	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "a");
	daemon_welcome_with(&played, no_pages[_i].features, fds, no_pages[_i].descriptors);
	say_level(LEVEL_WARNING);
	logfwd_flush(client, 0);
	daemon_expect_flush(&played);
	ck_assert_msg(mappings(true, NULL) == 0, "%s", no_pages[_i].what);
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	say_level(LEVEL_INFO);
	while (!logfwd_enabled(logger, LEVEL_INFO))
		ck_assert(!daemon_is_left_alone(&played));
	ck_assert_uint_eq(client_stats(client).connected, 1);
	page_unmake(&other);
	ck_assert_uint_eq(open_fds(), before + 1); /* the daemon's end of the connection */
}
END_TEST

START_TEST(page_whose_descriptor_finds_no_number_is_done_without)
{
	struct rlimit old, full;

	daemon_accept(&played, NULL);
	daemon_expect_open(&played, "a");
	daemon_welcome_with(&played, FEATURE_LEVEL_PAGE, &page.fd, 1);
	say_level(LEVEL_WARNING);
	getrlimit(RLIMIT_NOFILE, &old);
	full = (struct rlimit){ 0, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &full);
	logfwd_flush(client, 0);
	setrlimit(RLIMIT_NOFILE, &old);
	daemon_expect_flush(&played);
	ck_assert_uint_eq(mappings(true, NULL), 0);
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	say_level(LEVEL_INFO);
	while (!logfwd_enabled(logger, LEVEL_INFO))
		ck_assert(!daemon_is_left_alone(&played));
}
END_TEST

START_TEST(page_cannot_be_written_by_the_client)
{
	void *at = NULL;

	welcome_with_page();
	ck_assert_uint_eq(mappings(true, &at), 1);
	ck_assert_int_eq(mprotect(at, page_bytes(), PROT_READ | PROT_WRITE), -1);
	ck_assert_int_eq(errno, EACCES);
}
END_TEST

START_TEST(page_is_left_to_the_parent_by_a_child)
{
	int status;
	pid_t child;

	welcome_with_page();
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		alarm(20);
		logfwd_flush(client, 0);
		_exit(mappings(true, NULL) != 0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(mappings(true, NULL), 1);
	say_level(LEVEL_INFO);
	atomic_fetch_add(&page.shared->generation, 1);
	ck_assert(logfwd_enabled(logger, LEVEL_INFO));
	ck_assert_uint_eq(client_stats(client).connected, 1);
}
END_TEST

/* The word in the child's memory is that of its parent's daemon until the child is used. */
START_TEST(page_does_not_keep_a_child_from_its_own_connection)
{
	int status;
	pid_t child;

	welcome_with_page();
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct logfwd_client_stats stats = { .size = sizeof(stats) };

		alarm(20);
		while (stats.connected == 0) {
			logfwd_enabled(logger, LEVEL_INFO);
			logfwd_client_stats(client, &stats);
		}
		_exit(0);
	}
	daemon_accept(&played, NULL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(page_outlives_the_descriptor_that_the_application_closed)
{
	welcome_with_page();
	close(library_fd());
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	atomic_fetch_add(&page.shared->generation, 1);
	ck_assert(!logfwd_enabled(logger, LEVEL_INFO));
	while (client_stats(client).connected == 1)
		logfwd_enabled(logger, LEVEL_INFO);
	welcome_with_page();
}
END_TEST

START_TEST(page_leaves_nothing_behind)
{
	enum { CLIENTS = 1000 };
	size_t fds, maps;

	welcome_with_page();
	logfwd_client_close(client);
	client = NULL;
	fds = open_fds();
	maps = mappings(false, NULL);
	for (int i = 0; i < CLIENTS; i++) {
		client = daemon_client(&played, (struct logfwd_options){ 0 });
		logger = open_logger(client, "a");
		welcome_with_page();
		logfwd_client_close(client);
		client = NULL;
	}
	ck_assert_uint_eq(open_fds(), fds);
	/* The heap's own may have become some more, not one for each client. */
	ck_assert_uint_lt(mappings(false, NULL), maps + CLIENTS / 2);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_level_page");
	TCase *all = tcase_create("all");
	TCase *limits = tcase_create("limits");

	tcase_set_timeout(all, 30);
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, page_brings_a_change_to_the_very_next_call);
	tcase_add_test(all, page_without_news_costs_no_look);
	tcase_add_test(all, page_is_not_seen_before_all_has_been_read);
	tcase_add_test(all, page_shows_the_end_of_the_daemon);
	tcase_add_test(all, page_of_a_daemon_that_is_gone_is_not_relied_on);
	tcase_add_test(all, page_comes_and_goes_under_threads_that_look);
	tcase_add_loop_test(all, page_that_is_none_leaves_the_client_as_without, 0,
			    ARRAY_LEN(no_pages));
	tcase_add_test(all, page_cannot_be_written_by_the_client);
	tcase_add_test(all, page_is_left_to_the_parent_by_a_child);
	tcase_add_test(all, page_does_not_keep_a_child_from_its_own_connection);
	tcase_add_test(all, page_outlives_the_descriptor_that_the_application_closed);
	tcase_add_test(all, page_leaves_nothing_behind);
	suite_add_tcase(suite, all);
	tcase_set_tags(limits, LIMITS_TAG);
	tcase_add_checked_fixture(limits, set_up, tear_down);
	tcase_add_test(limits, page_whose_descriptor_finds_no_number_is_done_without);
	suite_add_tcase(suite, limits);
	return suite;
}
