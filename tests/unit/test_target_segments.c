/*
 * Proves, against real sockets on the loopback and a sendmmsg(2) that fails on demand, that
 * records of one length which share a message arrive as they would alone, and that a message
 * which cannot be sent or is refused as a whole is neither lost nor counted wrongly.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "support/suite.h"
#include "output/segments.h"
#include "support/target_fixture.h"

/*
 * sendmmsg(2), in which a test may have something happen to the messages that hold several
 * datagrams. Like the kernel's, it says how many messages it took before one failed.
 */
static struct {
	unsigned shared;	     /* such messages that were tried */
	int error;		     /* they fail with it, ... */
	unsigned failures;	     /* ... so often */
	void (*before_shared)(void); /* NULL: nothing */
} seam;

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

static int send_one(int fd, struct mmsghdr *message, int flags)
{
	if (message->msg_hdr.msg_controllen == 0)
		return __real_sendmmsg(fd, message, 1, flags);
	seam.shared++;
	if (seam.before_shared != NULL)
		seam.before_shared();
	if (seam.failures == 0)
		return __real_sendmmsg(fd, message, 1, flags);
	seam.failures--;
	errno = seam.error;
	return -1;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	for (unsigned i = 0; i < count; i++) {
		if (send_one(fd, &messages[i], flags) < 0)
			return i > 0 ? (int)i : -1;
	}
	return (int)count;
}

static void setup(void)
{
	memset(&seam, 0, sizeof(seam));
	fixture_setup();
}

#define TEXT_BYTES 1024

/* The letter so often that each has its length, with the number in front: "7aa...". */
static void write_text(char text[static TEXT_BYTES], char letter, unsigned number)
{
	size_t length = letter == 'L' ? 1000 : (size_t)(20 + letter - 'a');

	memset(text, letter, length);
	text[length] = '\0';
	text[snprintf(text, TEXT_BYTES, "%u", number)] = letter;
}

/* Pushes records by their letters and flushes them; what is borrowed until then stays here. */
static void push_letters(struct target *target, const char *letters, unsigned first)
{
	static char texts[256][TEXT_BYTES];
	size_t count = strlen(letters);

	ck_assert_uint_le(count, ARRAY_LEN(texts));
	for (size_t i = 0; i < count; i++) {
		struct datagram datagram = { .header = span_of("h ") };

		write_text(texts[i], letters[i], first + (unsigned)i);
		datagram.text = span_of(texts[i]);
		target_push(target, &datagram, 6, span_of("test"));
		fixture_check(target);
	}
	target_flush(target);
	fixture_check(target);
}

static void take_letters(const struct collector *collector, const char *letters, unsigned first)
{
	for (size_t i = 0; letters[i] != '\0'; i++) {
		const char *taken = collector_take(collector);
		char text[TEXT_BYTES];

		write_text(text, letters[i], first + (unsigned)i);
		ck_assert_mem_eq(taken, "h ", 2);
		ck_assert_str_eq(taken + 2, text);
	}
	ck_assert_str_eq(collector_take(collector), "");
}

static const char *equal_records(size_t count)
{
	static char letters[257];

	memset(letters, 'a', count);
	letters[count] = '\0';
	return letters;
}

static struct target *target_of(const struct collector *first, const struct collector *second)
{
	const char *servers[] = { first->address, second != NULL ? second->address : NULL };
	struct target_options options = fixture_options("t", servers, second != NULL ? 2 : 1);

	fixture_configure(&options, 1);
	return output_target(fixture_output(), 0);
}

/* The server says nothing is wrong with it. */
static void check_untroubled(const struct server *server, const struct target_counts *lane,
			     void *arg)
{
	struct server_view view = server_view(server);

	(void)lane;
	(void)arg;
	ck_assert_str_eq(view.state, "up");
	ck_assert_uint_eq(view.account->n_errors, 0);
	ck_assert_uint_eq(view.account->refused, 0);
}

/* Records by their letters, and how many messages of several datagrams they make. */
static const struct {
	const char *letters;
	unsigned shared;
} runs[] = {
	{ "aaabcccc", 1 }, /* the first one goes alone, and two are not worth it */
	{ "aaaabcccc", 2 },
	{ "cbbbba", 1 }, /* the last may be shorter */
	{ "abababababab", 0 },
	{ "aaaaLaaaa", 2 },
	{ "LLLLLLLL", 0 }, /* too long for an ICMP error to quote */
	{ "a", 0 },
};

START_TEST(runs_of_one_length_arrive_as_they_are)
{
	struct collector collector = collector_open();
	struct target *target = target_of(&collector, NULL);

	push_letters(target, runs[_i].letters, 0);
	take_letters(&collector, runs[_i].letters, 0);
	ck_assert_uint_eq(seam.shared, runs[_i].shared);
	target_each_server(target, check_untroubled, NULL);
	close(collector.fd);
}
END_TEST

START_TEST(many_of_one_length_take_few_messages)
{
	struct collector collector = collector_open();
	struct target *target = target_of(&collector, NULL);

	for (unsigned i = 0; i < 1000; i += 100) {
		push_letters(target, equal_records(100), i);
		take_letters(&collector, equal_records(100), i);
	}
	ck_assert_uint_eq(target_counts(target).sent, 1000);
	/* of each hundred: eight behind the first of 64, five behind the first of 36 */
	ck_assert_uint_eq(seam.shared, 130);
	target_each_server(target, check_untroubled, NULL);
	close(collector.fd);
}
END_TEST

static const int refused_as_one[] = { EINVAL, EMSGSIZE, EIO, EOPNOTSUPP, ENOMEM, ENOBUFS };

START_TEST(records_go_one_by_one_where_they_cannot_share)
{
	struct collector collector = collector_open();
	struct target *target = target_of(&collector, NULL);

	seam.error = refused_as_one[_i];
	seam.failures = UINT_MAX;
	push_letters(target, "aaaabbbbcccc", 0);
	take_letters(&collector, "aaaabbbbcccc", 0);
	push_letters(target, equal_records(100), 0);
	take_letters(&collector, equal_records(100), 0);
	/* behind the first datagram and, to hear why, in front; then never again on this socket */
	ck_assert_uint_eq(seam.shared, 2);
	ck_assert_uint_eq(target_counts(target).dropped[DROP_OVERSIZE], 0);
	ck_assert_uint_eq(target_counts(target).sent, 112);
	target_each_server(target, check_untroubled, NULL);
	close(collector.fd);
}
END_TEST

START_TEST(records_wait_when_the_buffer_is_full)
{
	struct collector collector = collector_open();
	struct target *target = target_of(&collector, NULL);

	seam.error = EAGAIN;
	seam.failures = 2;
	push_letters(target, equal_records(64), 0);
	ck_assert_uint_eq(target_counts(target).sent, 1);
	ck_assert_uint_eq(target_counts(target).queued, 63);
	fixture_run_until_sent(target);
	take_letters(&collector, equal_records(64), 0);
	close(collector.fd);
}
END_TEST

START_TEST(dead_server_costs_two_of_many_equal_records)
{
	struct collector dead = collector_open();
	struct collector live = collector_open();
	struct target *target = target_of(&dead, &live);
	struct target_counts counts;
	unsigned received = 0;

	close(dead.fd);
	push_letters(target, equal_records(200), 0);
	fixture_run_until_sent(target);
	while (collector_take(&live)[0] != '\0')
		received++;
	counts = target_counts(target);
	ck_assert_uint_eq(counts.sent, 200);
	ck_assert_uint_eq(received + counts.refused, 200);
	ck_assert_uint_le(counts.refused, 2); /* no message of many before the server is known */
	close(live.fd);
}
END_TEST

static struct collector dying;

/* The first datagram has arrived; the message behind it comes too late. */
static void collector_dies(void)
{
	seam.before_shared = NULL;
	take_letters(&dying, "a", 0);
	close(dying.fd);
}

/* So many records are one that goes alone and one message. */
START_TEST(refused_message_counts_with_all_its_records)
{
	struct target *target;

	dying = collector_open();
	target = target_of(&dying, NULL);
	seam.before_shared = collector_dies;
	push_letters(target, equal_records(_i), 0);
	for (int i = 0; i < 1000 && target_counts(target).refused == 0; i++)
		fixture_run_a_little();
	ck_assert_uint_eq(target_counts(target).sent, _i);
	ck_assert_uint_eq(target_counts(target).refused, _i - 1);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target_segments");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, fixture_teardown);
	tcase_set_timeout(all, 30);
	tcase_add_loop_test(all, runs_of_one_length_arrive_as_they_are, 0, ARRAY_LEN(runs));
	tcase_add_test(all, many_of_one_length_take_few_messages);
	tcase_add_loop_test(all, records_go_one_by_one_where_they_cannot_share, 0,
			    ARRAY_LEN(refused_as_one));
	tcase_add_test(all, records_wait_when_the_buffer_is_full);
	tcase_add_test(all, dead_server_costs_two_of_many_equal_records);
	tcase_add_loop_test(all, refused_message_counts_with_all_its_records, 1 + SEGMENTS_MIN,
			    1 + SEGMENTS_MAX + 1);
	suite_add_tcase(suite, all);
	return suite;
}
