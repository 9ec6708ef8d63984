/*
 * Proves that nothing which is no decent text file is read as a configuration, that an error can
 * be shown on a terminal, and that failures leave nothing behind: no descriptor, no memory, and
 * no state that would spoil the next load.
 */
#include "config/config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "format/escape.h"
#include "support/config_fixture.h"
#include "support/suite.h"

/* Files that are none */

static void make_directory(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void make_fifo(const char *path)
{
	ck_assert_int_eq(mkfifo(path, 0644), 0);
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void make_link_to_itself(const char *path)
{
	ck_assert_int_eq(symlink(path, path), 0);
}

static void make_link_to_nothing(const char *path)
{
	ck_assert_int_eq(symlink("/nowhere/logfwd.conf", path), 0);
}

static void make_link_to_a_device(const char *path)
{
	ck_assert_int_eq(symlink("/dev/zero", path), 0);
}

static void make_huge(const char *path)
{
	write_file("odd.conf", TARGET);
	ck_assert_int_eq(truncate(path, 60 * 1000 * 1000), 0);
}

static void make_one_too_large(const char *path)
{
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "%-*s", CONFIG_FILE_MAX + 1, TARGET);
	ck_assert_int_eq(fclose(file), 0);
}

static void make_writable(const char *path)
{
	write_file("odd.conf", TARGET);
	ck_assert_int_eq(chmod(path, 0646), 0);
}

static void make_marked(const char *path)
{
	(void)path;
	write_file("odd.conf", "\xef\xbb\xbf" TARGET);
}

static void make_wide(const char *path)
{
	(void)path;
	write_bytes("odd.conf", "p\0o\0o\0l\0", 8);
}

static void make_nothing(const char *path)
{
	(void)path;
}

static const struct {
	void (*make)(const char *path);
	int result;
	const char *says;
} odd_files[] = {
	{ make_directory, -EINVAL, "odd.conf: not a regular file" },
	{ make_fifo, -EINVAL, "odd.conf: not a regular file" },
	{ make_socket, -ENXIO, "odd.conf: " },
	{ make_link_to_itself, -ELOOP, "odd.conf: " },
	{ make_link_to_nothing, -ENOENT, "odd.conf: No such file" },
	{ make_link_to_a_device, -EINVAL, "odd.conf: not a regular file" },
	{ make_huge, -EINVAL, "odd.conf: larger than 1048576 bytes" },
	{ make_one_too_large, -EINVAL, "odd.conf: larger than 1048576 bytes" },
	{ make_writable, -EINVAL, "odd.conf: everybody may write it" },
	{ make_marked, -EINVAL, "odd.conf:1: a byte order mark" },
	{ make_wide, -EINVAL, "odd.conf:1: a NUL byte" },
	{ make_nothing, -ENOENT, "odd.conf: No such file" },
};

START_TEST(config_refuses_an_odd_file)
{
	snprintf(main_path, sizeof(main_path), "%s/odd.conf", folder);
	odd_files[_i].make(main_path);
	ck_assert_int_eq(refused(), odd_files[_i].result);
	assert_says(odd_files[_i].says);
}
END_TEST

START_TEST(config_takes_a_file_of_the_largest_size)
{
	char *text = malloc(CONFIG_FILE_MAX + 1);

	ck_assert_ptr_nonnull(text);
	snprintf(text, CONFIG_FILE_MAX + 1, "%-*s", CONFIG_FILE_MAX, TARGET "#");
	config_free(load_text(text));
	free(text);
}
END_TEST

START_TEST(config_refuses_a_conf_d_that_everybody_may_write)
{
	write_file("logfwd.conf", TARGET);
	ck_assert_int_eq(chmod(path_of("conf.d"), 01777), 0);
	ck_assert_int_eq(refused(), -EINVAL);
	assert_says("conf.d/: everybody may write it");
}
END_TEST

START_TEST(config_refuses_a_conf_d_that_is_no_folder)
{
	write_file("logfwd.conf", TARGET);
	remove_entries("conf.d");
	write_file("conf.d", "");
	ck_assert_int_eq(refused(), -ENOTDIR);
	assert_says("conf.d/: ");
}
END_TEST

START_TEST(config_error_keeps_its_reason_and_is_one_line)
{
	char longer[512];
	struct config *config = NULL;

	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "/tmp/\n\x1b[31m", 11);
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(config_load(longer, &config, complaint), -ENAMETOOLONG);
	assert_says("xxx: File name too long");
	ck_assert_int_eq(strncmp(complaint, "...", 3), 0);
	longer[40] = '\0';
	ck_assert_int_eq(config_load(longer, &config, complaint), -ENOENT);
	ck_assert_int_eq(strncmp(complaint, "/tmp/??[31mx", 12), 0);
}
END_TEST

/* Whatever bytes stand in a name: of a file, or of an option that there is none of. */
START_TEST(config_error_shows_a_terminal_nothing_but_text)
{
	static const char *const names[] = { "\xff", "\xc3", "\xc2\x9b", "\xe2\x80\xae",
					     "\xed\xa0\x80" };
	struct config *config = NULL;
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(text, sizeof(text), TARGET "a\xc3\xa9%sb = 1\n", names[i]);
		write_file("logfwd.conf", text);
		refused();
		ck_assert(escape_is_clean(span_of(complaint)));
		snprintf(text, sizeof(text), "/nonexistent/\xc3\xa9%s", names[i]);
		ck_assert_int_eq(config_load(text, &config, complaint), -ENOENT);
		ck_assert(escape_is_clean(span_of(complaint)));
		ck_assert_int_eq(strncmp(complaint, "/nonexistent/\xc3\xa9?", 16), 0);
	}
}
END_TEST

/* What failures leave behind */

static size_t open_descriptors(void)
{
	DIR *entries = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(entries);
	while (readdir(entries) != NULL)
		n++;
	closedir(entries);
	return n;
}

static const char *const failures[] = {
	"target x { servers = {\"a:1\"} } nonsense = 1",
	"include(\"/etc/passwd\")",
	"include(\"logfwd.conf\")",
	"/* no end",
	"logger a { level = \"x }",
	"logger a { level = ",
	"logger a",
	"handler h { template = \"{message}\" target = nowhere }",
	"handler default { template = \"{message}\" } handler second { template = \"{nothing}\" }",
	"logger a { context = {\"a=b\", \"c\"} }",
	"logger a { } logger a { }",
	"logger a { level = info level = info }",
	"listen|client = /x",
	"logger a { handlers = {default, \"\\9\"} }",
	"\"\" = 1",
	"}",
	"target central { }",
};

START_TEST(config_eleven_broken_files_do_not_spoil_the_next)
{
	struct config *config;

	write_file("logfwd.conf", TARGET);
	for (int round = 0; round < 11; round++) {
		write_file("conf.d/50-broken.conf", failures[_i]);
		ck_assert_int_eq(refused(), -EINVAL);
		assert_says("conf.d/50-broken.conf:");
	}
	write_file("conf.d/50-broken.conf", "logger good { level = debug }");
	config = load();
	ck_assert_uint_eq(logger_of(config, "good")->level, LEVEL_DEBUG);
	config_free(config);
}
END_TEST

START_TEST(config_failures_leave_no_memory_and_no_descriptor)
{
	size_t half = 30 * ARRAY_LEN(failures); /* by then the allocator has what it keeps */
	size_t descriptors = open_descriptors();
	size_t memory = 0;

	write_file("logfwd.conf", TARGET);
	for (size_t round = 0; round < 2 * half; round++) {
		if (round == half)
			memory = mallinfo2().uordblks;
		write_file("conf.d/broken.conf", failures[round % ARRAY_LEN(failures)]);
		refused();
	}
	ck_assert_uint_le(mallinfo2().uordblks, memory + 1024);
	ck_assert_uint_eq(open_descriptors(), descriptors);
	write_file("conf.d/broken.conf", "logger good { }");
	config_free(load());
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("config_failures");
	TCase *config = tcase_create("config");

	tcase_add_checked_fixture(config, make_folder, remove_folder);
	tcase_set_timeout(config, 60);
	tcase_add_loop_test(config, config_refuses_an_odd_file, 0, ARRAY_LEN(odd_files));
	tcase_add_test(config, config_takes_a_file_of_the_largest_size);
	tcase_add_test(config, config_refuses_a_conf_d_that_everybody_may_write);
	tcase_add_test(config, config_refuses_a_conf_d_that_is_no_folder);
	tcase_add_test(config, config_error_keeps_its_reason_and_is_one_line);
	tcase_add_test(config, config_error_shows_a_terminal_nothing_but_text);
	tcase_add_loop_test(config, config_eleven_broken_files_do_not_spoil_the_next, 0,
			    ARRAY_LEN(failures));
	tcase_add_test(config, config_failures_leave_no_memory_and_no_descriptor);
	suite_add_tcase(suite, config);
	return suite;
}
