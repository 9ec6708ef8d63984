/*
 * Proves, against real sockets on the loopback, that a target which sends records again loses
 * none to a collector that closes its port: what was refused comes first, marked, in order and
 * counted, at the next server or at the same one when it is back.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "support/suite.h"
#include "support/target_fixture.h"

/* text: borrowed until the target is flushed. */
static void push_unsent(struct target *target, const char *text)
{
	struct datagram datagram = {
		.header = span_of("[h] "),
		.text = span_of(text),
		.mark_at = 2,
	};

	target_push(target, &datagram, 6, span_of("app"));
	fixture_check(target);
}

static void push(struct target *target, unsigned number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	push_unsent(target, text);
	target_flush(target); /* the text is ours only until here */
	fixture_check(target);
}

static struct target *configure(const char *const *servers, size_t count, uint32_t resend)
{
	struct target_options options = fixture_options("t", servers, count);

	options.resend = resend;
	fixture_configure(&options, 1);
	return output_target(fixture_output(), 0);
}

static struct collector reopen(const struct collector *closed)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct collector collector = *closed;

	address.sin_port = htons((uint16_t)atoi(strchr(closed->address, ':') + 1));
	collector.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(collector.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return collector;
}

/* Takes the records first to last, each once and in order. Returns how many are marked. */
static unsigned take(const struct collector *collector, unsigned first, unsigned last)
{
	unsigned marked = 0;

	for (unsigned number = first; number <= last; number++) {
		const char *text = collector_take(collector);
		char plain[32], again[48];

		snprintf(plain, sizeof(plain), "[h] %u", number);
		snprintf(again, sizeof(again), "[h resent=\"true\"] %u", number);
		marked += strcmp(text, again) == 0;
		ck_assert_msg(strcmp(text, plain) == 0 || strcmp(text, again) == 0,
			      "not %u but \"%s\"", number, text);
	}
	return marked;
}

static void run_until_resent(const struct target *target)
{
	for (int i = 0; i < 1000 && target_counts(target).resending > 0; i++)
		fixture_run_a_little();
}

START_TEST(refused_records_go_to_the_next_server)
{
	struct collector dead = collector_open(), live = collector_open();
	const char *servers[] = { dead.address, live.address };
	struct target *target = configure(servers, 2, 8);

	for (unsigned i = 1; i <= 50; i++)
		push(target, i);
	ck_assert_uint_eq(take(&dead, 1, 50), 0);
	close(dead.fd);
	for (unsigned i = 51; i <= 200; i++)
		push(target, i);
	fixture_run_until_sent(target);
	ck_assert_uint_eq(take(&live, 51, 200), 1);
	ck_assert_uint_eq(target_counts(target).sent, 200);
	ck_assert_uint_eq(target_counts(target).refused, 0);
	ck_assert_uint_ge(target_counts(target).resent, 1);
	close(live.fd);
}
END_TEST

START_TEST(refused_records_wait_for_their_server)
{
	struct collector collector = collector_open();
	const char *servers[] = { collector.address };
	struct target *target = configure(servers, 1, 8);

	push(target, 1);
	ck_assert_uint_eq(take(&collector, 1, 1), 0);
	close(collector.fd);
	for (unsigned i = 2; i <= 20; i++)
		push(target, i);
	ck_assert_uint_gt(target_counts(target).queued, 0);
	for (int i = 0; i < 1000 && target_counts(target).resending == 0; i++)
		fixture_run_a_little();
	ck_assert_uint_gt(target_counts(target).resending, 0);
	collector = reopen(&collector);
	run_until_resent(target);
	fixture_run_until_sent(target);
	ck_assert_uint_ge(take(&collector, 2, 20), 1);
	ck_assert_str_eq(collector_take(&collector), "");
	ck_assert_uint_eq(target_counts(target).sent, 20);
	ck_assert_uint_eq(target_counts(target).refused, 0);
	close(collector.fd);
}
END_TEST

START_TEST(what_is_never_sent_again_is_refused)
{
	struct collector dead = collector_open();
	const char *servers[] = { dead.address };
	struct target *target = configure(servers, 1, 8);
	struct target_counts counts;

	close(dead.fd);
	for (unsigned i = 1; i <= 20; i++)
		push(target, i);
	for (int i = 0; i < 1000 && target_counts(target).resending == 0; i++)
		fixture_run_a_little();
	counts = target_counts(target);
	target_abandon(target, DROP_SHUTDOWN);
	fixture_check(target);
	ck_assert_uint_eq(target_counts(target).resending, 0);
	ck_assert_uint_eq(target_counts(target).refused, counts.refused + counts.resending);
	ck_assert_uint_eq(target_counts(target).dropped[DROP_SHUTDOWN], counts.queued);
	ck_assert_uint_eq(target_counts(target).sent + counts.queued, 20);
}
END_TEST

/* What waits to be sent again is still sent when a reload turns resending off. */
START_TEST(a_reload_keeps_what_waits_to_be_sent_again)
{
	struct collector collector = collector_open();
	const char *servers[] = { collector.address };
	struct target *target = configure(servers, 1, 8);

	close(collector.fd);
	for (unsigned i = 1; i <= 5; i++)
		push(target, i);
	for (int i = 0; i < 1000 && target_counts(target).resending == 0; i++)
		fixture_run_a_little();
	collector = reopen(&collector);
	configure(servers, 1, 0);
	run_until_resent(target);
	fixture_run_until_sent(target);
	ck_assert_uint_ge(take(&collector, 1, 5), 1);
	close(collector.fd);
}
END_TEST

/* A server that a reload removes may have refused a record that nobody has asked about yet. */
START_TEST(what_a_removed_server_refused_is_sent_at_once)
{
	struct collector dead = collector_open(), live = collector_open();
	const char *servers[] = { dead.address, live.address };
	struct target *target = configure(servers, 2, 8);

	close(dead.fd);
	push(target, 1);
	configure(servers + 1, 1, 8);
	run_until_resent(target);
	ck_assert_uint_eq(take(&live, 1, 1), 1);
	close(live.fd);
}
END_TEST

/* The same of a server that stays and makes its sockets anew. */
START_TEST(what_a_changed_socket_had_refused_is_sent_at_once)
{
	struct collector dead = collector_open(), live = collector_open();
	const char *servers[] = { dead.address, live.address };
	struct target_options options = fixture_options("t", servers, 2);
	struct target *target = configure(servers, 2, 8);

	close(dead.fd);
	push(target, 1);
	options.resend = 8;
	options.socket.dscp = 8;
	fixture_configure(&options, 1);
	run_until_resent(target);
	ck_assert_uint_eq(take(&live, 1, 1), 1);
	close(live.fd);
}
END_TEST

/* A notice that went as a probe, and was refused at once, with nothing behind it. */
START_TEST(a_refused_notice_does_not_wait_for_a_record)
{
	struct collector dead = collector_open(), live = collector_open();
	const char *servers[] = { dead.address, live.address };
	struct target *target = configure(servers, 2, 8);

	close(dead.fd);
	push(target, 1);
	for (int i = 0; i < 1000 && target_counts(target).resent == 0; i++)
		fixture_run_a_little();
	run_until_resent(target);
	ck_assert_uint_eq(take(&live, 1, 1), 1);
	for (int i = 0; i < 2; i++) { /* the second is told when the first server is due again */
		target_drop(target, DROP_OVERSIZE, span_of("app"));
		target_flush(target);
	}
	for (int i = 0; i < 1000 && target_counts(target).notices < 2; i++)
		fixture_run_a_little();
	run_until_resent(target);
	ck_assert_ptr_nonnull(strstr(collector_take(&live), "1 record lost"));
	ck_assert_ptr_nonnull(strstr(collector_take(&live), "resent=\"true\""));
	close(live.fd);
}
END_TEST

/* News of one target's socket can come in the middle of another's sending, when it makes room. */
START_TEST(news_in_the_middle_of_a_batch_leave_the_order)
{
	struct collector dead = collector_open(), live = collector_open();
	struct collector others[] = { collector_open(), collector_open() };
	const char *first[] = { dead.address, live.address };
	const char *second[] = { others[0].address }, *third[] = { others[1].address };
	struct target_options options[] = {
		fixture_options("first", first, 2),
		fixture_options("second", second, 1),
		fixture_options("third", third, 1),
	};
	struct target *target;

	options[0].resend = 8;
	fixture_configure(options, 3);
	target = output_target(fixture_output(), 0);
	push(target, 1);
	ck_assert_uint_eq(take(&dead, 1, 1), 0);
	close(dead.fd);
	push(target, 2); /* refused, which is not read yet */
	push_unsent(target, "3");
	push(output_target(fixture_output(), 1), 1);
	push(output_target(fixture_output(), 2), 1); /* takes the socket of the first */
	push_unsent(target, "4");
	target_flush(target);
	fixture_run_until_sent(target);
	run_until_resent(target);
	ck_assert_uint_ge(take(&live, 2, 4), 1);
	close(live.fd);
	close(others[0].fd);
	close(others[1].fd);
}
END_TEST

/* What its last socket has still to tell is counted, sent again or not. */
START_TEST(a_removed_target_counts_its_last_refusals)
{
	struct collector dead = collector_open();
	const char *servers[] = { dead.address };
	struct target_options other = fixture_options("other", servers, 1);

	close(dead.fd);
	push(configure(servers, 1, (uint32_t)_i * 8), 1);
	fixture_configure(&other, 1);
	ck_assert_uint_eq(output_removed(fixture_output()).sent, 1);
	ck_assert_uint_eq(output_removed(fixture_output()).refused, 1);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target_resend");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, fixture_setup, fixture_teardown);
	tcase_set_timeout(all, 30);
	tcase_add_test(all, refused_records_go_to_the_next_server);
	tcase_add_test(all, refused_records_wait_for_their_server);
	tcase_add_test(all, what_is_never_sent_again_is_refused);
	tcase_add_test(all, a_reload_keeps_what_waits_to_be_sent_again);
	tcase_add_test(all, what_a_removed_server_refused_is_sent_at_once);
	tcase_add_test(all, what_a_changed_socket_had_refused_is_sent_at_once);
	tcase_add_test(all, a_refused_notice_does_not_wait_for_a_record);
	tcase_add_test(all, news_in_the_middle_of_a_batch_leave_the_order);
	tcase_add_loop_test(all, a_removed_target_counts_its_last_refusals, 0, 2);
	suite_add_tcase(suite, all);
	return suite;
}
