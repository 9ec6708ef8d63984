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

/* Whoever asks behind a refusal is behind those who had turns. */
START_TEST(refusal_puts_all_turns_off_by_a_second)
{
	const struct socket_address address = at("192.0.2.1", 514);
	struct probe_turns turns = { 0 };
	const struct probe_turn *turn = probe_turns_of(&turns, &address);
	int64_t taken[4];

	for (int i = 0; i < 3; i++)
		taken[i] = probe_turns_take(&turns, &address, NOW);
	for (int i = 0; i < 6; i++) /* of one batch */
		probe_turns_refused(&turns, &address, NOW + i);
	taken[3] = probe_turns_take(&turns, &address, NOW + 10);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(probe_turn_ms(turn, taken[i]),
				 NOW + 5 + PROBE_TURNS_REFUSED_MS + i * PROBE_TURNS_MS);
}
END_TEST

START_TEST(nobody_has_a_turn_in_the_second_after_a_refusal)
{
	const struct socket_address address = at("192.0.2.1", 514);
	struct probe_turns turns = { 0 };
	const struct probe_turn *turn = probe_turns_of(&turns, &address);

	probe_turns_refused(&turns, &address, NOW);
	ck_assert_int_eq(probe_turn_ms(turn, probe_turns_take(&turns, &address, NOW + 1)),
			 NOW + PROBE_TURNS_REFUSED_MS);
	ck_assert_int_eq(probe_turn_ms(turn, probe_turns_take(&turns, &address, 2 * NOW)), 2 * NOW);
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
	tcase_add_test(all, refusal_puts_all_turns_off_by_a_second);
	tcase_add_test(all, nobody_has_a_turn_in_the_second_after_a_refusal);
	tcase_add_test(all, doubt_is_heard_by_the_ports_of_its_host);
	suite_add_tcase(suite, all);
	return suite;
}
