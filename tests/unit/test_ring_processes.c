/*
 * Proves that a ring holds between two processes: nothing is lost, torn or out of order while both
 * sleep and wake each other; what was committed before a SIGKILL of the producer is there, and what
 * a killed consumer had not taken is too; and a process that writes over all of it moves nobody
 * outside.
 */
#include "ring/ring.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/length.h"
#include "support/suite.h"

#define CAPACITY 256
#define SEED	 21

/* What the processes of a test share: a ring, and notes beside it. */
struct shared {
	alignas(RING_CACHE_LINE) uint8_t ring[RING_HEADER_BYTES + CAPACITY];
	_Atomic uint64_t noted;
};

static struct shared *shared;
static pid_t child;

static void share(void)
{
	srand(SEED);
	child = 0;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
}

static void end_child(void)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = 0;
}

static void unshare_all(void)
{
	end_child();
	munmap(shared, sizeof(*shared));
}

static void begin_again(void)
{
	end_child();
	memset(shared, 0, sizeof(*shared));
}

/* Numbers of eight bytes stand for frames here: a torn one is none of the next. */
static bool put_number(struct ring_producer *producer, uint64_t number)
{
	return ring_put(producer, span_of_bytes(&number, sizeof(number))) == 0;
}

/* Of bytes that were copied, all are numbers that follow that one. Returns the last of them. */
static uint64_t check_numbers(const uint8_t *bytes, int64_t length, uint64_t last)
{
	ck_assert_int_ge(length, 0);
	ck_assert_int_eq(length % (int64_t)sizeof(last), 0);
	for (int64_t at = 0; at < length; at += (int64_t)sizeof(last)) {
		uint64_t number;

		memcpy(&number, bytes + at, sizeof(number));
		ck_assert_uint_eq(number, last + 1);
		last = number;
	}
	return last;
}

/* Returns whether the producer has to be told. Also in a child, where nobody may be told of failures. */
static bool consume(struct ring_consumer *consumer, int64_t length)
{
	bool tell;

	if (ring_consume(consumer, (size_t)length, &tell) < 0)
		abort();
	return tell;
}

static void wake(int pipe_end)
{
	if (write(pipe_end, "w", 1) != 1)
		_exit(EXIT_FAILURE);
}

static void wait_for_wake(int pipe_end)
{
	char byte;

	if (read(pipe_end, &byte, 1) != 1)
		_exit(EXIT_FAILURE);
}

/* Sleeps for room, and wakes the other side where it has to. */
static void produce_numbers(uint64_t count, int work, int room)
{
	struct ring_producer producer = ring_producer_over(shared->ring, CAPACITY);

	for (uint64_t number = 1; number <= count; number++) {
		while (!put_number(&producer, number)) {
			if (ring_commit(&producer))
				wake(work);
			if (ring_wait_for_room(&producer, sizeof(number)))
				wait_for_wake(room);
		}
		if (rand() % 8 == 0 && ring_commit(&producer))
			wake(work);
	}
	if (ring_commit(&producer))
		wake(work);
	_exit(EXIT_SUCCESS);
}

/* A waking that is lost, in one direction or the other, would leave both asleep for ever. */
START_TEST(ring_processes_wake_each_other)
{
	const uint64_t count = test_steps(300000, 20000000);
	struct ring_consumer consumer = ring_consumer_over(shared->ring, CAPACITY);
	uint8_t bytes[CAPACITY];
	int work[2], room[2];
	uint64_t last = 0;

	ck_assert_int_eq(pipe(work), 0);
	ck_assert_int_eq(pipe(room), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		produce_numbers(count, work[1], room[0]);
	while (last < count) {
		int64_t length = ring_peek(&consumer, bytes, sizeof(bytes));

		last = check_numbers(bytes, length, last);
		if (consume(&consumer, length))
			wake(room[1]);
		if (ring_sleep(&consumer) && last < count)
			wait_for_wake(work[0]);
	}
	for (size_t i = 0; i < 2; i++) {
		close(work[i]);
		close(room[i]);
	}
}
END_TEST

/* Until it is killed; notes what a caller would have been told. */
static void produce_for_ever(void)
{
	struct ring_producer producer = ring_producer_over(shared->ring, CAPACITY);
	uint64_t number = 1;

	for (;;) {
		if (!put_number(&producer, number)) {
			sched_yield();
			continue;
		}
		ring_commit(&producer);
		atomic_store(&shared->noted, number++);
	}
}

START_TEST(ring_processes_deliver_what_a_killed_producer_had_committed)
{
	const size_t kills = test_steps(100, 2000);

	for (size_t i = 0; i < kills; i++) {
		struct ring_consumer consumer;
		uint8_t bytes[CAPACITY];
		uint64_t last = 0, until = (uint64_t)rand() % 500;
		int64_t length;

		begin_again();
		consumer = ring_consumer_over(shared->ring, CAPACITY);
		child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0)
			produce_for_ever();
		while (last < until) {
			length = ring_peek(&consumer, bytes, sizeof(bytes));
			last = check_numbers(bytes, length, last);
			consume(&consumer, length);
			sched_yield();
		}
		end_child();
		length = ring_peek(&consumer, bytes, sizeof(bytes));
		last = check_numbers(bytes, length, last);
		ck_assert_uint_ge(last, atomic_load(&shared->noted));
	}
}
END_TEST

/* Until it is killed, or finds the ring taken back; notes what it has taken and used. */
static void consume_until_taken_back(void)
{
	struct ring_consumer consumer = ring_consumer_over(shared->ring, CAPACITY);
	uint64_t number;
	bool tell;

	for (;;) {
		if (ring_peek(&consumer, (uint8_t *)&number, sizeof(number)) <= 0) {
			sched_yield();
			continue;
		}
		if (ring_consume(&consumer, sizeof(number), &tell) < 0)
			_exit(EXIT_SUCCESS);
		atomic_store(&shared->noted, number);
	}
}

/* Starts a consumer and puts so many numbers at least. Returns the last. */
static uint64_t produce_to_consumer(struct ring_producer *producer, uint64_t until)
{
	uint64_t number = 0;

	begin_again();
	*producer = ring_producer_over(shared->ring, CAPACITY);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		consume_until_taken_back();
	while (number < until) {
		if (put_number(producer, number + 1))
			number++;
		else
			sched_yield();
		ring_commit(producer);
	}
	return number;
}

START_TEST(ring_processes_give_back_what_a_killed_consumer_had_not_taken)
{
	const size_t kills = test_steps(100, 2000);

	for (size_t i = 0; i < kills; i++) {
		struct ring_producer producer;
		uint8_t bytes[CAPACITY];
		uint64_t number = produce_to_consumer(&producer, (uint64_t)rand() % 500), used;
		int64_t length;

		end_child();
		used = atomic_load(&shared->noted);
		length = ring_take_back(&producer, bytes);
		ck_assert_int_ge(length, 0);
		/* The one in its hands when it died is lost, and no other; none comes twice. */
		ck_assert_uint_ge(number - (uint64_t)length / sizeof(number), used);
		ck_assert_uint_le(number - (uint64_t)length / sizeof(number), used + 1);
		ck_assert_uint_eq(check_numbers(bytes, length,
						number - (uint64_t)length / sizeof(number)),
				  number);
	}
}
END_TEST

START_TEST(ring_processes_give_back_what_a_living_consumer_has_not_taken)
{
	const size_t rounds = test_steps(100, 2000);

	for (size_t i = 0; i < rounds; i++) {
		struct ring_producer producer;
		uint8_t bytes[CAPACITY];
		uint64_t number = produce_to_consumer(&producer, 1 + (uint64_t)rand() % 500);
		int64_t length = ring_take_back(&producer, bytes);
		int status;

		if (length == 0) { /* it has them all, and waits for more */
			end_child();
		} else {
			ck_assert_int_eq(waitpid(child, &status, 0), child);
			child = 0;
			ck_assert_int_eq(status, 0);
		}
		/* Each number was used or came back, and none did both. */
		ck_assert_uint_eq(check_numbers(bytes, length, number - (uint64_t)length / 8),
				  number);
		if (length > 0)
			ck_assert_uint_eq(atomic_load(&shared->noted),
					  number - (uint64_t)length / 8);
	}
}
END_TEST

/* Writes over header and data, mostly with indices that are nearly right: it knows the true one. */
static void attack(void)
{
	struct ring_header *header = (struct ring_header *)shared->ring;

	for (;;) {
		uint64_t near = atomic_load(&shared->noted) + (uint64_t)(rand() % (2 * CAPACITY));

		atomic_store(&header->produced, rand() % 8 == 0 ? (uint64_t)rand() << 40 : near);
		atomic_store(&header->consumer_sleeps, (uint32_t)rand());
		atomic_store(&header->producer_waits, (uint32_t)rand());
		if (rand() % 8 == 0)
			atomic_store(&header->consumed, (uint64_t)rand());
		shared->ring[RING_HEADER_BYTES + rand() % CAPACITY] = (uint8_t)rand();
	}
}

START_TEST(ring_processes_stay_inside_whatever_the_other_writes)
{
	const size_t peeks = test_steps(300000, 20000000);
	struct ring_consumer consumer = ring_consumer_over(shared->ring, CAPACITY);
	uint8_t *bytes = malloc(CAPACITY); /* in a block of its own: ASan sees an access outside */
	struct ring_header *header = (struct ring_header *)shared->ring;
	size_t taken = 0, refused = 0;
	bool tell;

	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		attack();
	for (size_t i = 0; i < peeks || taken == 0 || refused == 0; i++) {
		int64_t length = ring_peek(&consumer, bytes, CAPACITY);

		if (length == -EPROTO) {
			refused++;
			continue;
		}
		ck_assert_int_ge(length, 0);
		ck_assert_int_le(length, CAPACITY);
		if (ring_consume(&consumer, (size_t)length, &tell) < 0) {
			refused++;
			atomic_store(&header->consumed, consumer.consumed);
			consumer.is_taken_back = false;
			continue;
		}
		ring_sleep(&consumer);
		atomic_store(&shared->noted, consumer.consumed);
		taken += length > 0;
	}
	free(bytes);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("ring_processes");
	TCase *all = tcase_create("all");

	tcase_set_tags(all, LONG_TAG);
	tcase_add_checked_fixture(all, share, unshare_all);
	tcase_add_test(all, ring_processes_wake_each_other);
	tcase_add_test(all, ring_processes_deliver_what_a_killed_producer_had_committed);
	tcase_add_test(all, ring_processes_give_back_what_a_killed_consumer_had_not_taken);
	tcase_add_test(all, ring_processes_give_back_what_a_living_consumer_has_not_taken);
	tcase_add_test(all, ring_processes_stay_inside_whatever_the_other_writes);
	suite_add_tcase(suite, all);
	return suite;
}
