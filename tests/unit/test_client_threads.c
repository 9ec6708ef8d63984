/*
 * Proves that many threads can use one client: nothing is lost, doubled, torn or out of order, by
 * socket and through a ring.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/length.h"
#include "support/played_ring.h"
#include "support/scripted_daemon.h"
#include "support/suite.h"

#define THREADS 16
#define ROUNDS	10 /* of them between one lease and the next */

static struct scripted_daemon played;
static struct logfwd_client *client;
static struct logfwd_logger *shared;
static int records; /* of each thread */

/* Threads keep errors for themselves: an assertion of Check belongs into the main thread. */
struct worker {
	pthread_t thread;
	int number;
	int errors;
};

/* What threads do now and then beside logging, to what is theirs and to what is everybody's. */
static int take_lease(const struct worker *worker, int level, struct logfwd_logger **own)
{
	struct logfwd_client_stats stats = { .size = sizeof(stats) };
	char name[32];
	int errors = 0;

	snprintf(name, sizeof(name), "worker.%d", worker->number);
	logfwd_logger_close(*own);
	errors += logfwd_logger_open(client, name, own) != 0;
	errors += logfwd_logger_set_level(*own, level) != 0;
	errors += logfwd_logger_set_context(*own, "name", name) != 0;
	errors += logfwd_logger_set_level(shared, level) != 0;
	errors += logfwd_logger_set_context(shared, "name", name) != 0;
	errors += logfwd_client_stats(client, &stats) != 0 || stats.dropped != 0;
	return errors;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct logfwd_logger *own = NULL;

	for (int i = 0; i < records; i++) {
		if (i % ROUNDS == 0)
			worker->errors += take_lease(worker, 1 + i % 10, &own);
		worker->errors += !logfwd_enabled(own, LOGFWD_INFO);
		worker->errors += logfwd_log(i % 2 == 0 ? own : shared, LOGFWD_INFO, "%d %d",
					     worker->number, i) != 0;
	}
	logfwd_logger_close(own);
	return NULL;
}

/* Reads "WORKER NUMBER" and checks that the number is the worker's next. */
static void see_record(const struct frame_record *record, int next[THREADS])
{
	char text[32] = "";
	char *end;
	long worker;

	ck_assert_uint_lt(record->text.len, sizeof(text));
	memcpy(text, record->text.ptr, record->text.len);
	worker = strtol(text, &end, 10);
	ck_assert(worker >= 0 && worker < THREADS);
	ck_assert_int_eq(strtol(end, NULL, 10), next[worker]);
	next[worker]++;
}

/* The next frame, of the socket or else of the ring. */
static struct frame next_frame(struct played_ring *ring)
{
	struct frame frame;

	for (;;) {
		if (daemon_has_next(&played, ring == NULL ? 10 : 0))
			return daemon_next(&played);
		if (ring != NULL && played_ring_take(ring, &frame))
			return frame;
		logfwd_flush(client, 0); /* the threads may all be done, and some records wait */
	}
}

START_TEST(threads_share_a_client)
{
	struct logfwd_options options = { .wait_ms = 30000, .buffer_bytes = 16384 };
	struct played_ring *ring = NULL, made;
	struct worker workers[THREADS] = { 0 };
	int next[THREADS] = { 0 };
	struct frame_record record;

	records = (int)test_steps(500, 50000);
	daemon_init(&played, true);
	client = daemon_client(&played, options);
	daemon_accept(&played, NULL);
	if (_i == 1) {
		ring = &made;
		played_ring_make(ring, ring_bytes(PLAYED_RING_CAPACITY), PLAYED_RING_SEALS);
		daemon_welcome_with(&played, FEATURE_RING, &ring->fd, 1);
	} else {
		daemon_welcome(&played, WIRE_RECORD_MAX);
	}
	shared = open_logger(client, "shared");
	for (int i = 0; i < THREADS; i++) {
		workers[i].number = i;
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int seen = 0; seen < THREADS * records;) {
		struct frame frame = next_frame(ring);

		if (frame.type != FRAME_RECORD)
			continue;
		ck_assert(frame_parse_record(frame.body, &record));
		see_record(&record, next);
		seen++;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		ck_assert_int_eq(workers[i].errors, 0);
	}
	ck_assert_uint_eq(client_stats(client).sent, THREADS * records);
	ck_assert_uint_eq(client_stats(client).dropped, 0);
	ck_assert_uint_eq(client_stats(client).loggers, 1);
	logfwd_client_close(client);
	if (ring != NULL)
		played_ring_unmake(ring);
	daemon_deinit(&played);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_threads");
	TCase *threads = tcase_create("threads");

	tcase_set_tags(threads, LONG_TAG);
	tcase_set_timeout(threads, 60);
	tcase_add_loop_test(threads, threads_share_a_client, 0, 2);
	suite_add_tcase(suite, threads);
	return suite;
}
