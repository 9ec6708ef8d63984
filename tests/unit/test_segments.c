/*
 * Proves, by playing the kernel that cuts messages again, that a plan holds the same datagrams in
 * the same order within every bound, and that no run of equal lengths is left apart.
 */
#include "output/segments.h"

#include <netinet/udp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"

#define ROUNDS	    300
#define SEGMENT_MAX 100

/* Datagrams of header and text, whose bytes are nobody's: only where they stand is looked at. */
struct batch {
	struct mmsghdr datagrams[SEGMENTS_BATCH];
	struct iovec parts[SEGMENTS_BATCH][SEGMENTS_PARTS];
	size_t count;
};

static uint8_t memory[70000];

static void batch_add(struct batch *batch, size_t length)
{
	struct iovec *parts = batch->parts[batch->count];
	size_t header = length < 2 ? length : length / 2;

	parts[0] = (struct iovec){ memory + batch->count, header };
	parts[1] = (struct iovec){ memory + batch->count + 100, length - header };
	batch->datagrams[batch->count++] = (struct mmsghdr){
		.msg_hdr = { .msg_iov = parts, .msg_iovlen = length > header ? 2 : 1 },
	};
}

static size_t batch_length(const struct batch *batch, size_t i)
{
	const struct msghdr *datagram = &batch->datagrams[i].msg_hdr;

	return datagram->msg_iov[0].iov_len +
	       (datagram->msg_iovlen > 1 ? datagram->msg_iov[1].iov_len : 0);
}

/* The length at which the kernel will cut a message, or 0. */
static size_t cut_length(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	uint16_t value;

	if (header == NULL)
		return 0;
	ck_assert_int_eq(header->cmsg_level, SOL_UDP);
	ck_assert_int_eq(header->cmsg_type, UDP_SEGMENT);
	ck_assert_uint_eq(header->cmsg_len, CMSG_LEN(sizeof(value)));
	ck_assert_ptr_null(CMSG_NXTHDR(message, header));
	memcpy(&value, CMSG_DATA(header), sizeof(value));
	return value;
}

/* The message's iovecs are those of some datagrams from the first on, and are cut between them. */
static void check_message(struct segments *plan, size_t index, const struct batch *batch,
			  size_t first)
{
	struct msghdr *message = &plan->messages[index].msg_hdr;
	const struct message_shape *shape = &plan->shapes[index];
	size_t cut = cut_length(message);
	size_t bytes = 0;
	size_t part = 0;

	ck_assert_uint_le(first + shape->datagrams, batch->count);
	for (size_t i = 0; i < shape->datagrams; i++) {
		const struct msghdr *datagram = &batch->datagrams[first + i].msg_hdr;

		ck_assert_mem_eq(&message->msg_iov[part], datagram->msg_iov,
				 datagram->msg_iovlen * sizeof(*datagram->msg_iov));
		part += datagram->msg_iovlen;
		bytes += batch_length(batch, first + i);
		if (i + 1 < shape->datagrams)
			ck_assert_uint_eq(bytes, (i + 1) * cut);
	}
	ck_assert_uint_eq(part, message->msg_iovlen);
	ck_assert_uint_eq(shape->bytes, bytes);
	ck_assert_uint_eq(shape->segment_bytes, batch_length(batch, first));
	if (shape->datagrams == 1) {
		ck_assert_uint_eq(cut, 0);
		return;
	}
	ck_assert_uint_ge(shape->datagrams, SEGMENTS_MIN);
	ck_assert_uint_le(bytes, SEGMENTS_MESSAGE_BYTES);
	ck_assert_uint_gt(bytes, (shape->datagrams - 1) * cut); /* the last is not empty */
	ck_assert_uint_le(bytes, shape->datagrams * cut);
}

/* How many datagrams belong together, by the rule's own words. */
static size_t naive_run(const struct batch *batch, size_t first, size_t segment_max)
{
	size_t length = batch_length(batch, first);
	size_t most = batch->count - first < SEGMENTS_MAX ? batch->count : first + SEGMENTS_MAX;
	size_t end = first + 1;

	if (first == 0 || length == 0 || length > segment_max)
		return 1;
	while (end < most && batch_length(batch, end) == length)
		end++;
	if (end < most && batch_length(batch, end) < length && batch_length(batch, end) > 0)
		end++;
	return end - first >= SEGMENTS_MIN ? end - first : 1;
}

static void check_plan(const struct batch *batch, size_t segment_max)
{
	struct segments plan;
	size_t first = 0;

	segments_plan(&plan, batch->datagrams, batch->count, segment_max);
	for (size_t i = 0; i < plan.n_messages; i++) {
		check_message(&plan, i, batch, first);
		if (segment_max <= SEGMENT_MAX) /* where the bound in bytes is out of reach */
			ck_assert_uint_eq(plan.shapes[i].datagrams,
					  naive_run(batch, first, segment_max));
		first += plan.shapes[i].datagrams;
		ck_assert_uint_eq(segments_datagrams(&plan, 0, i + 1), first);
	}
	ck_assert_uint_eq(first, batch->count);
}

START_TEST(plan_is_cut_into_the_same_datagrams)
{
	srand((unsigned)_i);
	for (int round = 0; round < ROUNDS; round++) {
		struct batch batch = { 0 };
		size_t count = 1 + (size_t)rand() % SEGMENTS_BATCH;
		size_t length = 0;

		while (batch.count < count) {
			/* runs, and now and then one that is empty or too long to share */
			if (rand() % (1 + _i) == 0)
				length = (size_t)rand() % (SEGMENT_MAX + 5);
			batch_add(&batch, length);
		}
		check_plan(&batch, SEGMENT_MAX);
		check_plan(&batch, 0);
	}
}
END_TEST

START_TEST(plan_keeps_the_bound_of_a_message)
{
	struct segments plan;
	struct batch batch = { 0 };

	while (batch.count < SEGMENTS_BATCH)
		batch_add(&batch, 9000);
	check_plan(&batch, 9000);
	segments_plan(&plan, batch.datagrams, batch.count, 9000);
	ck_assert_uint_eq(plan.n_messages, 10); /* one, and nine of seven */
	ck_assert_uint_eq(plan.shapes[1].datagrams, SEGMENTS_MESSAGE_BYTES / 9000);
	check_plan(&batch, 8999);
	segments_plan(&plan, batch.datagrams, batch.count, 8999);
	ck_assert_uint_eq(plan.n_messages, SEGMENTS_BATCH);
}
END_TEST

START_TEST(plan_sends_the_first_alone)
{
	struct segments plan;
	struct batch batch = { 0 };

	batch_add(&batch, 10);
	segments_plan(&plan, batch.datagrams, batch.count, SEGMENT_MAX);
	ck_assert_uint_eq(plan.n_messages, 1);
	while (batch.count < SEGMENTS_BATCH)
		batch_add(&batch, 10);
	segments_plan(&plan, batch.datagrams, batch.count, SEGMENT_MAX);
	ck_assert_uint_eq(plan.n_messages, 9); /* one, seven of eight, and seven */
	ck_assert_uint_eq(plan.shapes[0].datagrams, 1);
	ck_assert_uint_eq(plan.shapes[1].datagrams, SEGMENTS_MAX);
	ck_assert_uint_eq(plan.shapes[8].datagrams, 7);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("segments");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_loop_test(all, plan_is_cut_into_the_same_datagrams, 0, 6);
	tcase_add_test(all, plan_keeps_the_bound_of_a_message);
	tcase_add_test(all, plan_sends_the_first_alone);
	suite_add_tcase(suite, all);
	return suite;
}
