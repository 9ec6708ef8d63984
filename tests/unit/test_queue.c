/*
 * Proves that the queue keeps order, also when some of it leaves from the middle or comes back,
 * keeps its bound in bytes, and that each policy drops whom it names.
 */
#include "output/queue.h"

#include "support/length.h"
#include "support/suite.h"

static struct queue *queue;

static void setup(enum when_full when_full, size_t records)
{
	/* room for so many datagrams of ten bytes */
	queue = queue_new(&(struct queue_limits){
		.bytes = records * (10 + QUEUE_ENTRY_BYTES),
		.when_full = when_full,
	});
	ck_assert_ptr_nonnull(queue);
}

static struct queue_push_result push_into(struct queue *into, char name, uint8_t severity)
{
	char header[] = "h:";
	uint8_t text[8];
	const struct iovec parts[] = { { header, 2 }, { text, sizeof(text) } };

	memset(text, name, sizeof(text));
	return queue_push(into, parts, ARRAY_LEN(parts),
			  (struct datagram_traits){ .severity = severity, .flow = (uint32_t)name });
}

static struct queue_push_result push(char name, uint8_t severity)
{
	return push_into(queue, name, severity);
}

/* The waiting records by the letter of their text, oldest first. */
static const char *waiting(void)
{
	static char letters[64];
	struct iovec records[63];
	struct datagram_traits traits[63];
	size_t count = queue_peek(queue, records, traits, ARRAY_LEN(records));

	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(records[i].iov_len, 10);
		ck_assert_mem_eq(records[i].iov_base, "h:", 2);
		letters[i] = ((const char *)records[i].iov_base)[9];
		ck_assert_uint_eq(traits[i].flow, (uint32_t)letters[i]);
	}
	letters[count] = '\0';
	ck_assert_uint_eq(count, queue_records(queue));
	ck_assert_uint_eq(count * (10 + QUEUE_ENTRY_BYTES), queue_bytes(queue));
	return letters;
}

START_TEST(queue_keeps_order)
{
	setup(WHEN_FULL_DROP_OLDEST, 5);
	for (char c = 'a'; c <= 'd'; c++)
		ck_assert_uint_eq(push(c, 6).dropped, 0);
	ck_assert_str_eq(waiting(), "abcd");
	queue_consume(queue, 2);
	ck_assert_str_eq(waiting(), "cd");
	push('e', 0);
	ck_assert_str_eq(waiting(), "cde");
	queue_consume(queue, 3);
	ck_assert_str_eq(waiting(), "");
	queue_free(queue);
}
END_TEST

/* The letters of those that gave way, in their order. */
static char dropped[64];

static void on_drop(const struct iovec *parts, struct datagram_traits traits, void *arg)
{
	char *letters = arg;
	size_t count = strlen(letters);

	ck_assert_mem_eq(parts->iov_base, "h:", 2);
	letters[count] = (char)traits.flow;
	letters[count + 1] = '\0';
}

static const struct {
	enum when_full when_full;
	const char *severities; /* of the records a, b, c...; three of them find room */
	const char *dropped;
	const char *waiting;
} drops[] = {
	{ WHEN_FULL_DROP_OLDEST, "70707", "ab", "cde" },
	{ WHEN_FULL_DROP_NEWEST, "70707", "de", "abc" },
	/* of the least severe the oldest, and the new one if all are more severe */
	{ WHEN_FULL_DROP_LOWEST, "70707", "ac", "bde" },
	{ WHEN_FULL_DROP_LOWEST, "00007", "ae", "bcd" },
	{ WHEN_FULL_DROP_LOWEST, "01234", "de", "abc" },
	{ WHEN_FULL_DROP_LOWEST, "76543", "ab", "cde" },
	{ WHEN_FULL_DROP_LOWEST, "5665543", "bcad", "efg" },
};

START_TEST(queue_tells_who_gives_way)
{
	dropped[0] = '\0';
	setup(drops[_i].when_full, 3);
	queue_on_drop(queue, on_drop, dropped);
	for (size_t i = 0; drops[_i].severities[i] != '\0'; i++)
		push((char)('a' + i), (uint8_t)(drops[_i].severities[i] - '0'));
	ck_assert_str_eq(dropped, drops[_i].dropped);
	ck_assert_str_eq(waiting(), drops[_i].waiting);
	queue_free(queue);
}
END_TEST

START_TEST(queue_drops_whom_its_policy_names)
{
	static const struct {
		enum when_full when_full;
		const char *left;
	} policies[] = {
		{ WHEN_FULL_DROP_OLDEST, "bcde" },
		{ WHEN_FULL_DROP_NEWEST, "abcd" },
		{ WHEN_FULL_DROP_LOWEST, "abde" }, /* c: debug, the least severe */
	};

	setup(policies[_i].when_full, 4);
	push('a', 4);
	push('b', 6);
	push('c', 7);
	push('d', 3);
	ck_assert_uint_eq(push('e', 6).dropped, 1);
	ck_assert_str_eq(waiting(), policies[_i].left);
	queue_free(queue);
}
END_TEST

START_TEST(queue_drop_lowest_prefers_severe_records)
{
	setup(WHEN_FULL_DROP_LOWEST, 3);
	push('a', 3);
	push('b', 3);
	push('c', 2);
	ck_assert_uint_eq(push('d', 7).dropped, 1); /* all are more severe: it goes itself */
	ck_assert_str_eq(waiting(), "abc");
	ck_assert_uint_eq(push('e', 3).dropped, 1); /* alike: the oldest goes */
	ck_assert_str_eq(waiting(), "bce");
	ck_assert_uint_eq(push('f', 0).dropped, 1);
	ck_assert_str_eq(waiting(), "cef");
	queue_free(queue);
}
END_TEST

START_TEST(queue_refuses_what_never_fits)
{
	uint8_t large[4096] = { 0 };
	const struct iovec part = { large, sizeof(large) };

	setup(WHEN_FULL_DROP_OLDEST, 3);
	push('a', 6);
	ck_assert_uint_eq(queue_push(queue, &part, 1, (struct datagram_traits){ 0 }).dropped, 1);
	ck_assert_str_eq(waiting(), "a");
	queue_free(queue);
}
END_TEST

START_TEST(queue_new_limits_drop_what_exceeds_them)
{
	setup((enum when_full)_i, 6);
	for (char c = 'a'; c <= 'f'; c++)
		push(c, (uint8_t)(c - 'a'));
	ck_assert_uint_eq(queue_set_limits(queue,
					   &(struct queue_limits){
						   .bytes = 2 * (10 + QUEUE_ENTRY_BYTES),
						   .when_full = (enum when_full)_i,
					   }),
			  4);
	ck_assert_str_eq(waiting(), _i == WHEN_FULL_DROP_OLDEST ? "ef" : "ab");
	queue_free(queue);
}
END_TEST

START_TEST(queue_lets_some_leave_from_the_middle)
{
	setup(WHEN_FULL_DROP_LOWEST, 8);
	for (char c = 'a'; c <= 'h'; c++)
		push(c, (uint8_t)(c % 3));
	queue_take(queue, 0x96); /* b, c, e, h */
	ck_assert_str_eq(waiting(), "adfg");
	queue_take(queue, 0);
	ck_assert_str_eq(waiting(), "adfg");
	push('i', 7);
	queue_take(queue, 0x1f);
	ck_assert_str_eq(waiting(), "");
	push('j', 0);
	ck_assert_str_eq(waiting(), "j");
	queue_free(queue);
}
END_TEST

static bool is_called(struct span datagram, struct datagram_traits traits, const void *arg)
{
	ck_assert_uint_eq(datagram.ptr[9], traits.flow);
	return datagram.ptr[9] == *(const char *)arg;
}

START_TEST(queue_puts_back_what_left_another)
{
	struct queue *window = queue_new(&(struct queue_limits){ .bytes = 4096 });

	setup(WHEN_FULL_DROP_LOWEST, 8);
	for (char c = 'a'; c <= 'd'; c++)
		push_into(window, c, c == 'a' || c == 'c' ? 1 : 0);
	push('e', 0);
	push('f', 1);
	ck_assert_uint_eq(queue_find(window, is_called, "c"), 2);
	ck_assert_uint_eq(queue_find(window, is_called, "e"), SIZE_MAX);
	ck_assert_uint_eq(queue_traits(window, 0).flow, 'a');
	ck_assert_uint_eq(queue_traits(window, 3).flow, 'd');
	queue_put_back(queue, window, 2);
	ck_assert_str_eq(waiting(), "cdef");
	ck_assert_uint_eq(queue_records(window), 2);
	queue_put_back(queue, window, 0);
	ck_assert_str_eq(waiting(), "abcdef");
	ck_assert_uint_eq(queue_bytes(window), 0);
	queue_set_limits(queue, &(struct queue_limits){
					.bytes = 3 * (10 + QUEUE_ENTRY_BYTES),
					.when_full = WHEN_FULL_DROP_LOWEST,
				});
	ck_assert_str_eq(waiting(), "bde"); /* a, c and f are the less severe ones */
	queue_free(window);
	queue_free(queue);
}
END_TEST

START_TEST(queue_drops_nobody_in_vain)
{
	uint8_t large[2 * (10 + QUEUE_ENTRY_BYTES)] = { 0 }; /* it takes the room of three */
	const struct iovec part = { large, sizeof(large) };
	struct datagram_traits traits = { .severity = 4 };

	setup(WHEN_FULL_DROP_LOWEST, 4);
	push('a', 3);
	push('b', 6);
	push('c', 3);
	push('d', 6);
	ck_assert_uint_eq(queue_push(queue, &part, 1, traits).dropped, 1); /* b, d: too few */
	ck_assert_str_eq(waiting(), "abcd");
	traits.severity = 3;
	ck_assert_uint_eq(queue_push(queue, &part, 1, traits).dropped, 3);
	ck_assert_uint_eq(queue_records(queue), 2);
	queue_free(queue);
}
END_TEST

/* Against a plain array, over random pushes and takes. */
START_TEST(queue_agrees_with_a_plain_array)
{
	size_t steps = test_steps(20000, 1000000);
	char model[8];
	size_t held = 0;
	unsigned random = 1;

	setup(WHEN_FULL_DROP_OLDEST, ARRAY_LEN(model));
	for (size_t i = 0; i < steps; i++) {
		const char *letters;

		random = random * 1103515245u + 12345u;
		if ((random >> 16) % 3 == 0 && held > 0) {
			queue_consume(queue, 1);
			memmove(model, model + 1, --held);
		} else {
			char name = (char)('a' + (random >> 20) % 26);

			if (held == ARRAY_LEN(model))
				memmove(model, model + 1, --held);
			model[held++] = name;
			push(name, (uint8_t)(random >> 24));
		}
		letters = waiting();
		ck_assert_uint_eq(strlen(letters), held);
		ck_assert_mem_eq(letters, model, held);
	}
	queue_free(queue);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("queue");
	TCase *all = tcase_create("all");
	TCase *random = tcase_create("random");

	tcase_add_test(all, queue_keeps_order);
	tcase_add_loop_test(all, queue_tells_who_gives_way, 0, ARRAY_LEN(drops));
	tcase_add_loop_test(all, queue_drops_whom_its_policy_names, 0, 3);
	tcase_add_test(all, queue_drop_lowest_prefers_severe_records);
	tcase_add_test(all, queue_refuses_what_never_fits);
	tcase_add_test(all, queue_drops_nobody_in_vain);
	tcase_add_loop_test(all, queue_new_limits_drop_what_exceeds_them, 0, 3);
	tcase_add_test(all, queue_lets_some_leave_from_the_middle);
	tcase_add_test(all, queue_puts_back_what_left_another);
	suite_add_tcase(suite, all);
	tcase_set_tags(random, LONG_TAG);
	tcase_add_test(random, queue_agrees_with_a_plain_array);
	suite_add_tcase(suite, random);
	return suite;
}
