/*
 * Proves that a client says everything through the ring once it has one, wakes its daemon when that
 * sleeps and only then, waits for room in order, shares the ring with no child, does without where
 * what came is no ring, and leaves neither descriptors nor mappings behind.
 */
#include <check.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/played_ring.h"
#include "support/scripted_daemon.h"
#include "support/suite.h"

#define MAX_FD	      256
#define CHILD_SECONDS 20

static struct scripted_daemon played;
static struct played_ring ring;
static struct logfwd_client *client;
static struct logfwd_logger *logger;
static uint32_t id;

static void connect_client(struct logfwd_options options)
{
	client = daemon_client(&played, options);
	logger = open_logger(client, "a");
	daemon_accept(&played, NULL);
	id = daemon_expect_open(&played, "a");
}

/* The client has been given the ring and uses it; the daemon is awake. */
static void welcome_with_ring(void)
{
	daemon_welcome_with(&played, FEATURE_RING | FEATURE_LEAVE, &ring.fd, 1);
	logfwd_flush(client, 0);
	ck_assert_int_eq(daemon_next(&played).type, FRAME_RING);
	while (daemon_has_next(&played, 0)) /* who asks for an answer wakes always */
		ck_assert_int_eq(daemon_next(&played).type, FRAME_RING);
}

static struct frame ring_next(void)
{
	struct frame frame;

	ck_assert(played_ring_take(&ring, &frame));
	return frame;
}

static void expect_record(const char *text)
{
	struct frame_record record;
	struct frame frame = ring_next();

	if (frame.type == FRAME_FLUSH)
		frame = ring_next();
	ck_assert_int_eq(frame.type, FRAME_RECORD);
	ck_assert(frame_parse_record(frame.body, &record));
	ck_assert_uint_eq(record.logger_id, id);
	ck_assert(span_equal(record.text, span_of(text)));
}

static void set_up(void)
{
	daemon_init(&played, true);
	played_ring_make(&ring, ring_bytes(PLAYED_RING_CAPACITY), PLAYED_RING_SEALS);
	connect_client((struct logfwd_options){ 0 });
}

static void tear_down(void)
{
	logfwd_client_close(client);
	played_ring_unmake(&ring);
	daemon_deinit(&played);
}

/* Of rings, in this process, besides the played daemon's own. */
static size_t mapped_rings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	size_t count = 0;

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		count += strstr(line, "/memfd:played") != NULL;
	fclose(maps);
	return count - 1;
}

static size_t open_fds(void)
{
	size_t count = 0;

	for (int fd = 0; fd < MAX_FD; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

START_TEST(ring_takes_every_frame_once_it_is_there)
{
	struct frame frame;

	logfwd_log(logger, LOGFWD_INFO, "by socket");
	daemon_expect_record(&played, id, "by socket");
	welcome_with_ring();
	logfwd_log(logger, LOGFWD_INFO, "by ring");
	logfwd_logger_set_level(logger, LOGFWD_WARNING);
	logfwd_logger_set_context(logger, "k", "v");
	logfwd_logger_close(logger);
	expect_record("by ring");
	ck_assert_int_eq(ring_next().type, FRAME_SET_LEVEL);
	ck_assert_int_eq(ring_next().type, FRAME_CONTEXT);
	ck_assert_int_eq(ring_next().type, FRAME_CLOSE);
	ck_assert(!played_ring_take(&ring, &frame));
	ck_assert(!daemon_has_next(&played, 0)); /* and nothing of it by socket */
	ck_assert_uint_eq(client_stats(client).sent, 2);
}
END_TEST

START_TEST(ring_wakes_a_sleeping_daemon_once)
{
	struct frame frame;

	welcome_with_ring();
	logfwd_log(logger, LOGFWD_INFO, "awake");
	expect_record("awake");
	ck_assert(!daemon_has_next(&played, 0));
	for (int i = 0; i < 3; i++) {
		ck_assert(ring_sleep(&ring.consumer));
		logfwd_log(logger, LOGFWD_INFO, "asleep");
		ck_assert_int_eq(daemon_next(&played).type, FRAME_RING);
		logfwd_log(logger, LOGFWD_INFO, "again");
		ck_assert(!daemon_has_next(&played, 0)); /* it was told already */
		expect_record("asleep");
		expect_record("again");
		ck_assert(!played_ring_take(&ring, &frame));
	}
}
END_TEST

START_TEST(ring_has_its_answer_fetched_at_once)
{
	struct frame_flush flush;
	struct frame frame;

	welcome_with_ring();
	ck_assert(played_ring_take(&ring, &frame)); /* the question of before */
	ck_assert_int_eq(logfwd_flush(client, 0), -ETIMEDOUT);
	ck_assert_int_eq(daemon_next(&played).type, FRAME_RING); /* though the daemon is awake */
	frame = ring_next();
	ck_assert_int_eq(frame.type, FRAME_FLUSH);
	ck_assert(frame_parse_flush(frame.body, &flush));
}
END_TEST

static void log_number(int number)
{
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "%d", number), 0);
}

static void expect_numbers(int from, int to)
{
	char text[16];

	for (int number = from; number < to; number++) {
		snprintf(text, sizeof(text), "%d", number);
		expect_record(text);
	}
}

START_TEST(ring_that_is_full_keeps_the_order)
{
	int made = 0, in_ring;

	welcome_with_ring();
	while (client_stats(client).buffered < 1000)
		log_number(made++);
	in_ring = made - 1000;
	expect_numbers(0, 10);
	log_number(made++);
	ck_assert_uint_eq(client_stats(client).buffered, 1001); /* not for so little room */
	expect_numbers(10, in_ring);
	log_number(made++);
	ck_assert_uint_eq(client_stats(client).buffered, 0);
	expect_numbers(in_ring, made);
}
END_TEST

START_TEST(ring_takes_the_longest_record_into_the_smallest_ring)
{
	static char text[WIRE_RECORD_MAX];

	welcome_with_ring();
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(logfwd_write(logger, LOGFWD_INFO, text, sizeof(text)), 0);
		ck_assert_uint_eq(client_stats(client).buffered, 0);
		while (ring_next().type != FRAME_RECORD)
			continue;
	}
}
END_TEST

START_TEST(ring_room_is_waited_for_and_no_longer)
{
	struct logfwd_client_stats stats;

	logfwd_client_close(client);
	connect_client((struct logfwd_options){ .wait_ms = 50, .buffer_bytes = 4096 });
	daemon_is_left_alone(&played);
	welcome_with_ring();
	do {
		ck_assert_int_eq(ring.header->producer_waits, 0);
		stats = client_stats(client);
	} while (logfwd_log(logger, LOGFWD_INFO, "text") == 0);
	ck_assert_uint_gt(stats.sent, 1000);
	ck_assert_int_eq(ring.header->producer_waits, 1); /* it asked to be told */
	while (stats.sent-- > 0)
		expect_record("text");
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "text"), 0);
	ck_assert_uint_eq(client_stats(client).dropped, 1);
}
END_TEST

/* The index of a daemon that cannot be believed ends the connection, and no access leaves the ring. */
START_TEST(ring_believes_no_index)
{
	welcome_with_ring();
	ring.header->consumed = UINT64_MAX / 2;
	while (!daemon_is_left_alone(&played)) {
		ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "text"), 0);
		while (daemon_has_next(&played, 0))
			daemon_next(&played);
	}
	ck_assert_uint_eq(mapped_rings(), 0);
}
END_TEST

START_TEST(ring_is_the_parents_alone)
{
	int status;
	pid_t child;

	welcome_with_ring();
	ck_assert_uint_eq(mapped_rings(), 1);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		alarm(CHILD_SECONDS);
		_exit(mapped_rings() != 0 || logfwd_log(logger, LOGFWD_INFO, "child") != 0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	logfwd_log(logger, LOGFWD_INFO, "parent");
	expect_record("parent");
	daemon_accept(&played, NULL); /* the child's own connection */
	id = daemon_expect_open(&played, "a");
	daemon_expect_record(&played, id, "child");
}
END_TEST

/* What comes with a welcome, and what it agrees to. */
static const struct {
	const char *what;
	size_t bytes; /* of the memory; 0: a socket instead */
	int seals;
	size_t descriptors;
	uint32_t features;
} no_rings[] = {
	{ "no descriptor", RING_HEADER_BYTES + PLAYED_RING_CAPACITY, PLAYED_RING_SEALS, 0,
	  FEATURE_RING },
	{ "two descriptors", RING_HEADER_BYTES + PLAYED_RING_CAPACITY, PLAYED_RING_SEALS, 2,
	  FEATURE_RING },
	{ "no agreement", RING_HEADER_BYTES + PLAYED_RING_CAPACITY, PLAYED_RING_SEALS, 1, 0 },
	{ "no seals", RING_HEADER_BYTES + PLAYED_RING_CAPACITY, 0, 1, FEATURE_RING },
	{ "could shrink", RING_HEADER_BYTES + PLAYED_RING_CAPACITY,
	  PLAYED_RING_SEALS & ~F_SEAL_SHRINK, 1, FEATURE_RING },
	{ "no power of two", RING_HEADER_BYTES + 3 * PLAYED_RING_CAPACITY, PLAYED_RING_SEALS, 1,
	  FEATURE_RING },
	{ "too small", RING_HEADER_BYTES + PLAYED_RING_CAPACITY / 2, PLAYED_RING_SEALS, 1,
	  FEATURE_RING },
	{ "no header", PLAYED_RING_CAPACITY, PLAYED_RING_SEALS, 1, FEATURE_RING },
	{ "a socket", 0, PLAYED_RING_SEALS, 1, FEATURE_RING },
};

START_TEST(ring_that_is_none_is_done_without)
{
	size_t bytes = no_rings[_i].bytes, before = open_fds();
	int fds[2];

	played_ring_unmake(&ring);
	played_ring_make(&ring, bytes > 0 ? bytes : 1, no_rings[_i].seals);
	fds[0] = fds[1] = bytes > 0 ? ring.fd : played.listener;
	daemon_welcome_with(&played, no_rings[_i].features, fds, no_rings[_i].descriptors);
	logfwd_flush(client, 0);
	daemon_expect_flush(&played);
	logfwd_log(logger, LOGFWD_INFO, "by socket");
	daemon_expect_record(&played, id, "by socket");
	ck_assert_msg(mapped_rings() == 0, "%s", no_rings[_i].what);
	ck_assert_uint_eq(open_fds(), before);
	ck_assert_uint_eq(client_stats(client).connected, 1);
}
END_TEST

START_TEST(ring_leaves_nothing_behind)
{
	size_t fds;

	welcome_with_ring();
	logfwd_client_close(client);
	fds = open_fds();
	for (int i = 0; i < 100; i++) {
		played_ring_unmake(&ring);
		played_ring_make(&ring, ring_bytes(PLAYED_RING_CAPACITY), PLAYED_RING_SEALS);
		connect_client((struct logfwd_options){ 0 });
		welcome_with_ring();
		logfwd_log(logger, LOGFWD_INFO, "text");
		logfwd_client_close(client);
		expect_record("text");
		ck_assert_int_eq(ring_next().type, FRAME_LEAVE);
		ck_assert_int_eq(daemon_next(&played).type, FRAME_RING);
	}
	ck_assert_uint_eq(open_fds(), fds);
	ck_assert_uint_eq(mapped_rings(), 0);
	client = NULL;
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_shared_ring");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, ring_takes_every_frame_once_it_is_there);
	tcase_add_test(all, ring_wakes_a_sleeping_daemon_once);
	tcase_add_test(all, ring_has_its_answer_fetched_at_once);
	tcase_add_test(all, ring_that_is_full_keeps_the_order);
	tcase_add_test(all, ring_takes_the_longest_record_into_the_smallest_ring);
	tcase_add_test(all, ring_room_is_waited_for_and_no_longer);
	tcase_add_test(all, ring_believes_no_index);
	tcase_add_test(all, ring_is_the_parents_alone);
	tcase_add_loop_test(all, ring_that_is_none_is_done_without, 0, ARRAY_LEN(no_rings));
	tcase_add_test(all, ring_leaves_nothing_behind);
	suite_add_tcase(suite, all);
	return suite;
}
