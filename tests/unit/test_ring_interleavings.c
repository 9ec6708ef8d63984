/*
 * Proves that producer and consumer of a ring miss no waking, that each byte is consumed or taken
 * back once, and that a producer learns of a consumer that has left, whoever runs when. The two are coroutines that may change places before each access to a
 * word that they share; every order is tried in which a side that could go on is interrupted so many
 * times at most. That both see what happens in one order is what sequentially consistent operations
 * promise, and not tried here.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "base/span.h"
#include "support/length.h"
#include "support/suite.h"

static void step(void);

#undef atomic_load
#undef atomic_store
#undef atomic_exchange
#undef atomic_fetch_or
#undef atomic_compare_exchange_strong
#define atomic_load(at)		(step(), atomic_load_explicit((at), memory_order_seq_cst))
#define atomic_store(at, value) (step(), atomic_store_explicit((at), (value), memory_order_seq_cst))
#define atomic_exchange(at, value)                                                                 \
	(step(), atomic_exchange_explicit((at), (value), memory_order_seq_cst))
#define atomic_fetch_or(at, value)                                                                 \
	(step(), atomic_fetch_or_explicit((at), (value), memory_order_seq_cst))
#define atomic_compare_exchange_strong(at, was, value)                                             \
	(step(),                                                                                   \
	 atomic_compare_exchange_strong_explicit((at), (was), (value), memory_order_seq_cst,       \
						 memory_order_seq_cst))
#include "ring/ring.c" /* so that it is made of the operations above */

#define STACK_BYTES  (64 * 1024)
#define STEPS_MAX    1000
#define CAPACITY_MAX 4

enum side { PRODUCER, CONSUMER, SIDES, NOBODY = SIDES };

/* One coroutine. It is done when it has nothing to do any more, or waits for what never comes. */
struct coroutine {
	ucontext_t context;
	char stack[STACK_BYTES];
	unsigned told; /* wakings that wait for it: packets in its socket */
	bool waits;    /* for one */
	bool is_done;
};

static const struct plan {
	size_t capacity, length; /* of the ring, and of each frame */
	uint64_t frames;
	bool takes_back;  /* the producer ends with that */
	unsigned changes; /* how often a side is interrupted at most that could go on */
	unsigned changes_long;
} plans[] = {
	{ 1, 1, 2, false, 5, 8 }, { 2, 1, 3, false, 4, 6 },    { 4, 2, 3, false, 4, 6 },
	{ 4, 1, 6, false, 3, 5 }, { 1, 1, 1, true, 100, 100 }, { 2, 1, 2, true, 6, 8 },
	{ 4, 2, 3, true, 4, 6 },
};

/* All fits the ring; the consumer does not wait for it. */
static const struct plan ending = { 4, 1, 4, true, 100, 100 };

static const struct plan *plan;
static ucontext_t scheduler;
static struct coroutine sides[SIDES];
static enum side running;

/* The order of this run: at which steps sides are changed; the next order is found from it. */
static bool changes_at[STEPS_MAX], could_change_at[STEPS_MAX];
static size_t steps;

static alignas(RING_CACHE_LINE) uint8_t memory[RING_HEADER_BYTES + CAPACITY_MAX];
static struct ring_producer producer;
static struct ring_consumer consumer;
static uint64_t taken, taken_back; /* bytes */
static bool is_left_alone;	   /* the producer, by what it has found out */

static void step(void)
{
	if (running != NOBODY)
		swapcontext(&sides[running].context, &scheduler);
}

static void tell(enum side side)
{
	sides[side].told++;
}

static void wait_until_told(void)
{
	struct coroutine *self = &sides[running];

	self->waits = true;
	step();
	self->waits = false;
	self->told = 0;
}

static void produce(void)
{
	uint8_t frame[CAPACITY_MAX], rest[CAPACITY_MAX];

	for (uint64_t i = 0; i < plan->frames; i++) {
		for (size_t of = 0; of < plan->length; of++)
			frame[of] = (uint8_t)(i * plan->length + of);
		while (ring_put(&producer, span_of_bytes(frame, plan->length)) < 0) {
			if (ring_wait_for_room(&producer, plan->length))
				wait_until_told();
		}
		if (ring_commit(&producer))
			tell(CONSUMER);
	}
	if (plan->takes_back) {
		taken_back = (uint64_t)ring_take_back(&producer, rest);
		for (size_t i = 0; i < taken_back; i++)
			ck_assert_uint_eq(rest[i], plan->frames * plan->length - taken_back + i);
	}
	sides[PRODUCER].is_done = true;
	step();
}

/* Ends with the first commit that has to wake somebody: there is nobody. */
static void produce_until_left_alone(void)
{
	uint8_t rest[CAPACITY_MAX];

	for (uint64_t i = 0; i < plan->frames && !is_left_alone; i++) {
		uint8_t frame = (uint8_t)i;

		ck_assert_int_eq(ring_put(&producer, span_of_bytes(&frame, 1)), 0);
		is_left_alone = ring_commit(&producer);
	}
	if (is_left_alone)
		taken_back = (uint64_t)ring_take_back(&producer, rest);
	sides[PRODUCER].is_done = true;
	step();
}

/* Returns false when the ring was taken back. */
static bool consume(const uint8_t *bytes, size_t length)
{
	bool has_room;
	int error = ring_consume(&consumer, length, &has_room);

	if (error < 0) {
		ck_assert(plan->takes_back);
		ck_assert_int_eq(error, -ECANCELED);
		return false;
	}
	for (size_t i = 0; i < length; i++)
		ck_assert_uint_eq(bytes[i], taken + i);
	taken += length;
	if (has_room)
		tell(PRODUCER);
	return true;
}

static void consume_all(void)
{
	uint8_t bytes[CAPACITY_MAX];
	bool goes_on = true;

	while (goes_on && taken < plan->frames * plan->length) {
		int64_t there;

		step(); /* ring_peek() loads its word by itself */
		there = ring_peek(&consumer, bytes, plan->length);
		if (there > 0)
			goes_on = consume(bytes, (size_t)there);
		else if (ring_sleep(&consumer))
			wait_until_told();
	}
	sides[CONSUMER].is_done = true;
	step();
}

static void consume_once_more(void)
{
	uint8_t bytes[CAPACITY_MAX];
	int64_t there;

	ring_resign(&consumer);
	step();
	there = ring_peek(&consumer, bytes, sizeof(bytes));
	if (there > 0)
		consume(bytes, (size_t)there);
	sides[CONSUMER].is_done = true;
	step();
}

static void begin(enum side side, void (*run)(void))
{
	struct coroutine *self = &sides[side];

	self->told = 0;
	self->waits = self->is_done = false;
	getcontext(&self->context);
	self->context.uc_stack.ss_sp = self->stack;
	self->context.uc_stack.ss_size = sizeof(self->stack);
	makecontext(&self->context, run, 0);
}

static bool can_run(enum side side)
{
	return !sides[side].is_done && (!sides[side].waits || sides[side].told > 0);
}

/* Runs both until neither can: in the order of changes_at, and behind its end without changes. */
static void run_order(void (*produce_run)(void), void (*consume_run)(void))
{
	running = NOBODY;
	memset(memory, 0, sizeof(memory));
	producer = ring_producer_over(memory, plan->capacity);
	consumer = ring_consumer_over(memory, plan->capacity);
	taken = taken_back = 0;
	is_left_alone = false;
	begin(PRODUCER, produce_run);
	begin(CONSUMER, consume_run);
	running = PRODUCER;
	for (steps = 0; can_run(PRODUCER) || can_run(CONSUMER); steps++) {
		enum side other = running == PRODUCER ? CONSUMER : PRODUCER;

		ck_assert_uint_lt(steps, STEPS_MAX);
		could_change_at[steps] = can_run(PRODUCER) && can_run(CONSUMER);
		if (!can_run(running) || (could_change_at[steps] && changes_at[steps]))
			running = other;
		swapcontext(&scheduler, &sides[running].context);
	}
}

/* The next order, with so many changes at most; false: that was the last one. */
static bool find_next_order(unsigned changes)
{
	unsigned before = 0;
	size_t last = steps;

	for (size_t i = 0; i < steps; i++)
		before += changes_at[i];
	while (last-- > 0) {
		before -= changes_at[last];
		if (could_change_at[last] && !changes_at[last] && before < changes) {
			changes_at[last] = true;
			return true;
		}
		changes_at[last] = false;
	}
	return false;
}

START_TEST(ring_misses_no_waking_in_any_order)
{
	unsigned changes;
	size_t orders = 0;

	plan = &plans[_i];
	changes = (unsigned)test_steps(plan->changes, plan->changes_long);
	memset(changes_at, 0, sizeof(changes_at));
	do {
		run_order(produce, consume_all);
		orders++;
		ck_assert(sides[PRODUCER].is_done);
		ck_assert_uint_eq(taken + taken_back, plan->frames * plan->length);
	} while (find_next_order(changes));
	ck_assert_uint_gt(orders, 10);
	printf("# plan %d: %zu orders\n", _i, orders);
}
END_TEST

START_TEST(ring_that_nobody_reads_any_more_says_so_in_any_order)
{
	size_t orders = 0;

	plan = &ending;
	memset(changes_at, 0, sizeof(changes_at));
	do {
		run_order(produce_until_left_alone, consume_once_more);
		orders++;
		ck_assert(sides[PRODUCER].is_done && sides[CONSUMER].is_done);
		ck_assert_uint_eq(taken + taken_back, producer.committed);
		ck_assert(is_left_alone || taken == plan->frames);
	} while (find_next_order(plan->changes));
	ck_assert_uint_gt(orders, 10);
	printf("# the end: %zu orders\n", orders);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("ring_interleavings");
	TCase *all = tcase_create("all");

	tcase_set_tags(all, LONG_TAG);
	tcase_add_loop_test(all, ring_misses_no_waking_in_any_order, 0, ARRAY_LEN(plans));
	tcase_add_test(all, ring_that_nobody_reads_any_more_says_so_in_any_order);
	suite_add_tcase(suite, all);
	return suite;
}
