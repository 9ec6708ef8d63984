/* Proves that an ICMP error counts for as many datagrams as it is about, and none counts twice. */
#include "output/refusals.h"

#include "support/suite.h"

#define QUOTE_BYTES 480

static struct refusals refusals;

static void setup(void)
{
	refusals_init(&refusals, QUOTE_BYTES);
}

static void sent(size_t datagrams, size_t segment_bytes)
{
	const struct message_shape shape = { .datagrams = datagrams,
					     .bytes = datagrams * segment_bytes,
					     .segment_bytes = segment_bytes };

	refusals_sent(&refusals, &shape, 1);
}

START_TEST(error_about_a_whole_message_counts_for_all_of_it_once)
{
	sent(30, 100);
	sent(1, 100);
	sent(20, 100);
	ck_assert_uint_eq(refusals_told(&refusals, 520), 20); /* IPv4, as Linux quotes */
	ck_assert_uint_eq(refusals_told(&refusals, QUOTE_BYTES), 30);
	ck_assert_uint_eq(refusals_told(&refusals, 520), 1); /* no other is known */
}
END_TEST

START_TEST(short_message_is_known_by_its_length)
{
	sent(3, 50);
	sent(4, 50);
	ck_assert_uint_eq(refusals_told(&refusals, 150), 3);
	ck_assert_uint_eq(refusals_told(&refusals, 200), 4);
}
END_TEST

START_TEST(error_about_a_segment_counts_for_it_alone)
{
	sent(10, 100);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(refusals_told(&refusals, 100), 1);
	/* a router that quotes nothing but headers (RFC 792) has seen one packet */
	ck_assert_uint_eq(refusals_told(&refusals, 0), 1);
	ck_assert_uint_eq(refusals_told(&refusals, 520), 10);
}
END_TEST

START_TEST(error_about_one_datagram_counts_for_it_alone)
{
	sent(10, 100);
	sent(1, 300);
	ck_assert_uint_eq(refusals_told(&refusals, 300), 1);
	sent(1, 2000);
	ck_assert_uint_eq(refusals_told(&refusals, 520), 1); /* the youngest that it may quote */
	ck_assert_uint_eq(refusals_told(&refusals, 520), 10);
}
END_TEST

START_TEST(memory_is_bounded)
{
	sent(10, 100);
	for (unsigned i = 0; i < REFUSALS_MESSAGES; i++)
		sent(1, 50);
	ck_assert_uint_eq(refusals_told(&refusals, 520), 1);
	for (unsigned i = 0; i < 10 * REFUSALS_MESSAGES; i++)
		ck_assert_uint_eq(refusals_told(&refusals, 50), 1);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("refusals");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, NULL);
	tcase_add_test(all, error_about_a_whole_message_counts_for_all_of_it_once);
	tcase_add_test(all, short_message_is_known_by_its_length);
	tcase_add_test(all, error_about_a_segment_counts_for_it_alone);
	tcase_add_test(all, error_about_one_datagram_counts_for_it_alone);
	tcase_add_test(all, memory_is_bounded);
	suite_add_tcase(suite, all);
	return suite;
}
