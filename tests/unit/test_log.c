/*
 * Proves that the daemon's own lines are whole, printable, of the asked severity and prefixed
 * for the journal only, and that trouble that repeats is told at most once a second.
 */
#include "os/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "support/suite.h"

#define TEXT_BYTES 4096

static int own_stderr = -1;

/* From now on stderr is fd, until stderr_back(). */
static void stderr_to(int fd)
{
	own_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
}

static void stderr_back(void)
{
	ck_assert_int_ge(dup2(own_stderr, STDERR_FILENO), 0);
	close(own_stderr);
}

/* What was written to a file since it was made. */
static const char *text_of(FILE *file)
{
	static char text[TEXT_BYTES];

	rewind(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	return text;
}

START_TEST(log_lines_have_a_priority_for_the_journal)
{
	FILE *file = tmpfile();

	stderr_to(fileno(file));
	log_error("intake", "%s is %d", "answer", 42);
	log_warning("intake", "two");
	log_notice("route", "three");
	log_info("daemon", "four");
	log_debug("daemon", "not by default");
	stderr_back();
	ck_assert_str_eq(text_of(file), "<3>intake: answer is 42\n<4>intake: two\n"
					"<5>route: three\n<6>daemon: four\n");
	fclose(file);
}
END_TEST

START_TEST(log_level_decides_what_is_said)
{
	FILE *file = tmpfile();

	stderr_to(fileno(file));
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("a", "debug");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("a", "not this");
	log_error("a", "error");
	log_set_level(LOG_LEVEL_INFO);
	stderr_back();
	ck_assert_str_eq(text_of(file), "<7>a: debug\n<3>a: error\n");
	fclose(file);
}
END_TEST

START_TEST(log_terminal_gets_no_priority)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	char text[64];
	ssize_t length;
	int terminal;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(terminal, 0);
	stderr_to(terminal);
	log_error("daemon", "hello");
	stderr_back();
	length = read(master, text, sizeof(text) - 1);
	ck_assert_int_gt(length, 0);
	text[length] = '\0';
	ck_assert_str_eq(text, "daemon: hello\r\n");
	close(terminal);
	close(master);
}
END_TEST

START_TEST(log_text_of_peers_cannot_forge_a_line)
{
	FILE *file = tmpfile();

	stderr_to(fileno(file));
	log_notice("intake", "%s", "a\n<3>daemon: b\x1b[2Jc\x7f\td");
	stderr_back();
	ck_assert_str_eq(text_of(file), "<5>intake: a?<3>daemon: b?[2Jc??d\n");
	fclose(file);
}
END_TEST

START_TEST(log_long_text_is_cut_to_one_line)
{
	FILE *file = tmpfile();
	char words[TEXT_BYTES];
	const char *text;

	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	stderr_to(fileno(file));
	log_error("a", "%s", words);
	log_error("a", "next");
	stderr_back();
	text = text_of(file);
	ck_assert_uint_lt(strlen(text), TEXT_BYTES - 1);
	ck_assert_ptr_nonnull(strstr(text, "xx\n<3>a: next\n"));
	fclose(file);
}
END_TEST

START_TEST(log_limited_tells_once_a_second_and_how_many_more)
{
	struct log_limit limit = { 0 };
	FILE *file = tmpfile();

	stderr_to(fileno(file));
	for (int i = 0; i < 4; i++)
		log_limited(&limit, LOG_LEVEL_WARNING, "output", "trouble %d", i);
	ck_assert_uint_eq(limit.left_out, 3);
	limit.spoken_ms -= 1000; /* a second later */
	log_limited(&limit, LOG_LEVEL_WARNING, "output", "trouble again");
	ck_assert_uint_eq(limit.left_out, 0);
	log_limited(&limit, LOG_LEVEL_DEBUG, "output", "not said, not counted");
	ck_assert_uint_eq(limit.left_out, 0);
	stderr_back();
	ck_assert_str_eq(text_of(file), "<4>output: trouble 0\n"
					"<4>output: trouble again (and 3 like it before)\n");
	fclose(file);
}
END_TEST

START_TEST(clock_goes_forward_and_is_of_this_century)
{
	int64_t before = clock_monotonic_ms();

	ck_assert_int_ge(clock_monotonic_ms(), before);
	ck_assert_int_gt(clock_realtime_us(), INT64_C(1700000000000000));
	ck_assert_int_lt(clock_realtime_us(), INT64_C(4102444800000000)); /* 2100 */
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("log");
	TCase *lines = tcase_create("lines");
	TCase *time = tcase_create("time");

	tcase_add_test(lines, log_lines_have_a_priority_for_the_journal);
	tcase_add_test(lines, log_level_decides_what_is_said);
	tcase_add_test(lines, log_terminal_gets_no_priority);
	tcase_add_test(lines, log_text_of_peers_cannot_forge_a_line);
	tcase_add_test(lines, log_long_text_is_cut_to_one_line);
	suite_add_tcase(suite, lines);
	tcase_add_test(time, log_limited_tells_once_a_second_and_how_many_more);
	tcase_add_test(time, clock_goes_forward_and_is_of_this_century);
	suite_add_tcase(suite, time);
	return suite;
}
