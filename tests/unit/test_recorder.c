/*
 * Proves that a recorder holds the last records of each lease and of no other, within its bound
 * on memory, and that kept = sent + forgotten + held after every operation of a random program,
 * with a plain array beside it that says what must be held.
 */
#include "route/recorder.h"

#include <stdio.h>

#include "support/failing_memory.h"
#include "support/length.h"
#include "support/suite.h"

#define LEASES	 8
#define USERS	 2
#define LIMIT	 5
#define GIVEN_US INT64_C(1700000000000000)

/* A bound for all and one for each user, as limits.recorder-bytes and uid-share are. */
static size_t bound, share;
static size_t taken, taken_by[USERS];
static bool strange; /* no assertion where memory may fail: Check needs some */

static struct recorder *recorder;
/* A recorder never looks into a lease: any address will do. */
static char leases[LEASES];

static const struct lease *lease_of(size_t number)
{
	return (const struct lease *)(const void *)&leases[number];
}

static bool room_take(void *arg, uid_t uid, size_t bytes)
{
	strange = strange || arg != &bound;
	if (taken + bytes > bound || taken_by[uid] + bytes > share)
		return false;
	taken += bytes;
	taken_by[uid] += bytes;
	return true;
}

static void room_release(void *arg, uid_t uid, size_t bytes)
{
	strange = strange || arg != &bound || bytes > taken_by[uid];
	taken -= bytes;
	taken_by[uid] -= bytes;
}

static bool room_exceeded(void *arg, uid_t uid)
{
	strange = strange || arg != &bound;
	return taken > bound || taken_by[uid] > share;
}

static void check_accounts(void)
{
	struct recorder_counts counts = recorder_counts(recorder);

	ck_assert(!strange);
	ck_assert_uint_eq(counts.kept, counts.sent + counts.forgotten + counts.held);
	ck_assert_uint_eq(counts.held_bytes, taken);
	ck_assert_uint_eq(counts.held == 0, taken == 0);
}

static void setup(void)
{
	const struct recorder_room room = { room_take, room_release, room_exceeded, &bound };

	bound = share = SIZE_MAX / 4;
	recorder = recorder_new(&room);
	ck_assert_ptr_nonnull(recorder);
	check_accounts();
}

static void teardown(void)
{
	recorder_free(recorder);
	ck_assert_uint_eq(taken, 0);
	for (size_t i = 0; i < USERS; i++)
		ck_assert_uint_eq(taken_by[i], 0);
}

/* A record that its number tells from all others; odd leases belong to the second user. */
static void keep_long(size_t lease, uint32_t limit, uint32_t number, size_t length)
{
	char app[8], text[512];
	struct recorded record = {
		.time_us = GIVEN_US + number, .level = 10, .pid = 4711, .uid = lease % USERS
	};

	memset(text, 'x', sizeof(text));
	record.app = span_of_bytes(app, (size_t)snprintf(app, sizeof(app), "app%zu", lease));
	snprintf(text, sizeof(text), "%u", number);
	record.text = span_of_bytes(text, length);
	record.original_length = length + 1;
	recorder_keep(recorder, lease_of(lease), limit, &record);
	memset(text, 0, sizeof(text)); /* it was copied */
	memset(app, 0, sizeof(app));
	check_accounts();
}

static void keep(size_t lease, uint32_t number)
{
	keep_long(lease, LIMIT, number, 16);
}

static void forget(size_t lease)
{
	recorder_forget(recorder, lease_of(lease));
	check_accounts();
}

static uint32_t sent[1024];
static size_t n_sent, n_done;

static void on_sent(const struct recorded *record, void *arg)
{
	uint32_t number = (uint32_t)(record->time_us - GIVEN_US);
	char text[16], app[16];

	snprintf(app, sizeof(app), "app%zu", *(const size_t *)arg);
	snprintf(text, sizeof(text), "%u", number);
	ck_assert_uint_eq(n_done, 0);
	ck_assert_int_eq(record->level, 10);
	ck_assert_int_eq(record->pid, 4711);
	ck_assert_uint_eq(record->uid, *(const size_t *)arg % USERS);
	ck_assert(span_equal(record->app, span_of(app)));
	ck_assert(span_starts_with(record->text, span_of_bytes(text, strlen(text) + 1)));
	ck_assert_uint_eq(record->original_length, record->text.len + 1);
	sent[n_sent++] = number;
}

static void on_done(void *arg)
{
	(void)arg;
	n_done++;
}

/* Sends the oldest that are kept of a lease into sent. */
static size_t send_some(size_t lease, size_t most)
{
	size_t count;

	n_sent = n_done = 0;
	count = recorder_send(recorder, lease_of(lease), most, on_sent, on_done, &lease);
	ck_assert_uint_eq(count, n_sent);
	ck_assert_uint_eq(n_done, count > 0);
	check_accounts();
	return count;
}

static size_t send_lease(size_t lease)
{
	size_t count = send_some(lease, SIZE_MAX);

	ck_assert(!recorder_holds(recorder, lease_of(lease)));
	return count;
}

START_TEST(recorder_sends_the_last_ones_in_order_and_once)
{
	for (uint32_t number = 0; number < 12; number++)
		keep(3, number);
	ck_assert(recorder_holds(recorder, lease_of(3)));
	ck_assert(!recorder_holds(recorder, lease_of(4)));
	ck_assert_uint_eq(send_lease(3), LIMIT);
	for (uint32_t i = 0; i < LIMIT; i++)
		ck_assert_uint_eq(sent[i], 12 - LIMIT + i);
	ck_assert_uint_eq(send_lease(3), 0);
	ck_assert_uint_eq(recorder_counts(recorder).kept, 12);
	ck_assert_uint_eq(recorder_counts(recorder).forgotten, 12 - LIMIT);
	ck_assert_uint_eq(recorder_counts(recorder).sent, LIMIT);
}
END_TEST

/* In slices, between which a newer one may come. */
START_TEST(recorder_sends_some_and_goes_on)
{
	for (uint32_t number = 0; number < 3; number++)
		keep(1, number);
	ck_assert_uint_eq(send_some(1, 2), 2);
	ck_assert_uint_eq(sent[0], 0);
	ck_assert_uint_eq(sent[1], 1);
	ck_assert(recorder_holds(recorder, lease_of(1)));
	keep(1, 3);
	ck_assert_uint_eq(send_some(1, 1), 1);
	ck_assert_uint_eq(sent[0], 2);
	ck_assert_uint_eq(send_some(1, 1), 1);
	ck_assert_uint_eq(sent[0], 3);
	ck_assert(!recorder_holds(recorder, lease_of(1)));
	ck_assert_uint_eq(send_some(1, 1), 0);
}
END_TEST

START_TEST(recorder_knows_leases_apart)
{
	keep(1, 1);
	keep(2, 2);
	forget(1);
	ck_assert_uint_eq(send_lease(1), 0);
	ck_assert_uint_eq(send_lease(2), 1);
	ck_assert_uint_eq(sent[0], 2);
}
END_TEST

static uint32_t limit_of(const struct lease *lease, void *arg)
{
	(void)arg;
	return lease == lease_of(1) ? 2 : 0;
}

START_TEST(recorder_trims_to_what_is_asked_for)
{
	for (uint32_t number = 0; number < 4; number++) {
		keep(1, number);
		keep(2, number);
	}
	recorder_trim(recorder, limit_of, NULL);
	check_accounts();
	ck_assert(!recorder_holds(recorder, lease_of(2)));
	ck_assert_uint_eq(send_lease(1), 2);
	ck_assert_uint_eq(sent[0], 2);
	ck_assert_uint_eq(sent[1], 3);
}
END_TEST

static uint32_t same_limit(const struct lease *lease, void *arg)
{
	(void)lease;
	(void)arg;
	return LIMIT;
}

START_TEST(recorder_trims_to_a_bound_that_was_lowered)
{
	for (uint32_t number = 0; number < 4; number++) {
		keep(1, number);
		keep(2, number);
		keep(3, number);
	}
	bound = taken;
	recorder_trim(recorder, same_limit, NULL);
	ck_assert_uint_eq(recorder_counts(recorder).held, 12); /* what may stay, stays */
	bound--;
	recorder_trim(recorder, same_limit, NULL);
	check_accounts();
	ck_assert_uint_eq(recorder_counts(recorder).held, 11);
	share = 0;
	recorder_trim(recorder, same_limit, NULL);
	check_accounts();
	ck_assert_uint_eq(recorder_counts(recorder).held, 0);
}
END_TEST

/* The lease's own oldest give way, of nobody else. */
START_TEST(recorder_without_room_gives_up_its_own_oldest)
{
	keep(0, 100);
	for (uint32_t number = 0; number < 3; number++)
		keep(1, number);
	bound = taken;
	keep(1, 3);
	keep(1, 4);
	ck_assert_uint_eq(recorder_counts(recorder).not_kept, 0);
	ck_assert_uint_eq(send_lease(1), 3);
	ck_assert_uint_eq(sent[0], 2);
	ck_assert_uint_eq(sent[2], 4);
	ck_assert_uint_eq(send_lease(0), 1);
}
END_TEST

START_TEST(recorder_gives_nothing_up_for_what_fits_never)
{
	for (uint32_t number = 0; number < 3; number++)
		keep(1, number);
	bound = taken;
	keep_long(1, LIMIT, 3, 500);
	keep(2, 4); /* and a new lease has nothing that could give way */
	ck_assert(!recorder_holds(recorder, lease_of(2)));
	ck_assert_uint_eq(recorder_counts(recorder).not_kept, 2);
	ck_assert_uint_eq(send_lease(1), 3);
}
END_TEST

START_TEST(recorder_of_one_user_leaves_room_for_others)
{
	keep(0, 1);
	share = taken;
	keep(2, 2); /* the same user */
	keep(1, 3);
	ck_assert_uint_eq(recorder_counts(recorder).not_kept, 1);
	ck_assert_uint_eq(send_lease(1), 1);
	ck_assert_uint_eq(send_lease(2), 0);
}
END_TEST

START_TEST(recorder_without_memory_counts_what_it_does_not_keep)
{
	for (size_t good = 0; good < 2; good++) {
		const struct recorded record = { .text = span_of("text"), .level = 10 };

		memory_fail_after(good);
		recorder_keep(recorder, lease_of(0), LIMIT, &record);
		ck_assert(memory_heal());
		check_accounts();
		ck_assert(!recorder_holds(recorder, lease_of(0)));
	}
	ck_assert_uint_eq(recorder_counts(recorder).not_kept, 2);
}
END_TEST

/* What must be held of a lease with room for everything: the numbers, oldest first. */
struct model {
	uint32_t numbers[LIMIT];
	size_t count;
};

static void model_keep(struct model *model, uint32_t limit, uint32_t number)
{
	while (model->count >= limit)
		memmove(model->numbers, model->numbers + 1, sizeof(uint32_t) * --model->count);
	model->numbers[model->count++] = number;
}

static uint32_t random_below(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % below;
}

START_TEST(recorder_does_what_a_plain_array_does)
{
	size_t steps = test_steps(20000, 2000000);
	struct model models[LEASES] = { 0 };
	uint64_t state = 1, kept = 0, held = 0;

	for (uint32_t step = 0; step < steps; step++) {
		size_t lease = random_below(&state, LEASES);
		struct model *model = &models[lease];
		uint32_t what = random_below(&state, 20);

		if (what < 17) {
			uint32_t limit = 1 + random_below(&state, LIMIT);

			keep_long(lease, limit, step, 16 + random_below(&state, 300));
			model_keep(model, limit, step);
			kept++;
		} else if (what < 19) {
			ck_assert_uint_eq(send_lease(lease), model->count);
			ck_assert_mem_eq(sent, model->numbers, model->count * sizeof(uint32_t));
			model->count = 0;
		} else {
			forget(lease);
			model->count = 0;
		}
		ck_assert(recorder_holds(recorder, lease_of(lease)) == (model->count > 0));
	}
	for (size_t i = 0; i < LEASES; i++)
		held += models[i].count;
	ck_assert_uint_eq(recorder_counts(recorder).kept, kept);
	ck_assert_uint_eq(recorder_counts(recorder).held, held);
}
END_TEST

/* With little room nobody says exactly who is held; but never more than may be, and in order. */
START_TEST(recorder_stays_within_its_bound)
{
	size_t steps = test_steps(20000, 2000000);
	uint64_t state = 2, given = 0;

	bound = 4000;
	share = 2500;
	for (uint32_t step = 0; step < steps; step++) {
		size_t lease = random_below(&state, LEASES);

		if (random_below(&state, 20) < 18) {
			keep_long(lease, 1 + random_below(&state, LIMIT), step,
				  16 + random_below(&state, 480));
			given++;
			continue;
		}
		ck_assert_uint_le(send_lease(lease), LIMIT);
		for (size_t i = 1; i < n_sent; i++)
			ck_assert_uint_lt(sent[i - 1], sent[i]);
	}
	ck_assert_uint_eq(recorder_counts(recorder).kept + recorder_counts(recorder).not_kept,
			  given);
	ck_assert_uint_gt(recorder_counts(recorder).not_kept, 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("recorder");
	TCase *all = tcase_create("all");
	TCase *random = tcase_create("random");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, recorder_sends_the_last_ones_in_order_and_once);
	tcase_add_test(all, recorder_sends_some_and_goes_on);
	tcase_add_test(all, recorder_knows_leases_apart);
	tcase_add_test(all, recorder_trims_to_what_is_asked_for);
	tcase_add_test(all, recorder_trims_to_a_bound_that_was_lowered);
	tcase_add_test(all, recorder_without_room_gives_up_its_own_oldest);
	tcase_add_test(all, recorder_gives_nothing_up_for_what_fits_never);
	tcase_add_test(all, recorder_of_one_user_leaves_room_for_others);
	tcase_add_test(all, recorder_without_memory_counts_what_it_does_not_keep);
	suite_add_tcase(suite, all);
	tcase_add_checked_fixture(random, setup, teardown);
	tcase_set_tags(random, LONG_TAG);
	tcase_add_test(random, recorder_does_what_a_plain_array_does);
	tcase_add_test(random, recorder_stays_within_its_bound);
	suite_add_tcase(suite, random);
	return suite;
}
