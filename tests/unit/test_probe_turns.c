/* Proves that servers of one host wait for each other and hear of doubts, and those of others do not. */
#include "output/probe_turns.h"

#include "support/suite.h"

static struct socket_address at(const char *host, uint16_t port)
{
	struct socket_address address;

	ck_assert(address_of(host, port, &address));
	return address;
}

START_TEST(ports_of_one_host_share_its_turns)
{
	static const char *const hosts[][2] = { { "192.0.2.1", "192.0.2.2" },
						{ "2001:db8::1", "2001:db8::2" } };
	const struct socket_address first = at(hosts[_i][0], 514), second = at(hosts[_i][0], 515);
	const struct socket_address other = at(hosts[_i][1], 514);
	struct probe_turns turns = { 0 };

	ck_assert_int_eq(probe_turns_of(&turns, &first)->free_ms, 0);
	probe_turns_take(&turns, &first, 5000);
	ck_assert_int_eq(probe_turns_of(&turns, &first)->free_ms, 5000);
	ck_assert_int_eq(probe_turns_of(&turns, &second)->free_ms, 5000);
	ck_assert_int_eq(probe_turns_of(&turns, &other)->free_ms, 0);
}
END_TEST

START_TEST(shorter_turn_does_not_end_a_longer_one)
{
	const struct socket_address address = at("192.0.2.1", 514);
	struct probe_turns turns = { 0 };

	probe_turns_take(&turns, &address, 5000);
	probe_turns_take(&turns, &address, 4000);
	ck_assert_int_eq(probe_turns_of(&turns, &address)->free_ms, 5000);
}
END_TEST

START_TEST(doubt_is_heard_by_the_ports_of_its_host)
{
	const struct socket_address first = at("192.0.2.1", 514), second = at("192.0.2.1", 515);
	const struct socket_address other = at("192.0.2.2", 514);
	struct probe_turns turns = { 0 };

	ck_assert_uint_eq(probe_turns_doubt(&turns, &first, 4000, 5000), 1);
	ck_assert_uint_eq(probe_turns_doubt(&turns, &first, 6000, 7000), 2);
	ck_assert_uint_eq(probe_turns_of(&turns, &second)->doubts, 2);
	ck_assert_int_eq(probe_turns_of(&turns, &second)->since_ms, 6000);
	ck_assert_int_eq(probe_turns_of(&turns, &second)->doubted_ms, 7000);
	ck_assert_uint_eq(probe_turns_of(&turns, &other)->doubts, 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("probe_turns");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, ports_of_one_host_share_its_turns, 0, 2);
	tcase_add_test(all, shorter_turn_does_not_end_a_longer_one);
	tcase_add_test(all, doubt_is_heard_by_the_ports_of_its_host);
	suite_add_tcase(suite, all);
	return suite;
}
