/* Proves that servers of one host have turns and hear of doubts, and those of others do not. */
#include "output/probe_turns.h"

#include "support/suite.h"

#define NOW 5000

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

	ck_assert_int_eq(probe_turns_take(&turns, &first, NOW), NOW);
	ck_assert_int_eq(probe_turns_take(&turns, &second, NOW), NOW + PROBE_TURNS_MS);
	ck_assert_int_eq(probe_turns_take(&turns, &first, NOW + 1), NOW + 2 * PROBE_TURNS_MS);
	ck_assert_int_eq(probe_turns_take(&turns, &other, NOW), NOW);
	ck_assert_int_eq(probe_turns_take(&turns, &second, 2 * NOW), 2 * NOW);
}
END_TEST

START_TEST(refusal_makes_the_turns_of_a_second_void)
{
	const struct socket_address address = at("192.0.2.1", 514);
	struct probe_turns turns = { 0 };

	for (int i = 0; i < 10; i++)
		probe_turns_take(&turns, &address, NOW);
	probe_turns_refused(&turns, &address, NOW);
	ck_assert_int_eq(probe_turns_of(&turns, &address)->open_ms, NOW + PROBE_TURNS_REFUSED_MS);
	ck_assert_int_eq(probe_turns_take(&turns, &address, NOW + 1), NOW + PROBE_TURNS_REFUSED_MS);
	ck_assert_int_eq(probe_turns_take(&turns, &address, NOW + 2),
			 NOW + PROBE_TURNS_REFUSED_MS + PROBE_TURNS_MS);
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
	tcase_add_test(all, refusal_makes_the_turns_of_a_second_void);
	tcase_add_test(all, doubt_is_heard_by_the_ports_of_its_host);
	suite_add_tcase(suite, all);
	return suite;
}
