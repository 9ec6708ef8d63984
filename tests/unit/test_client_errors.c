/*
 * Proves that every function of logfwd.h refuses every argument that can be seen to be wrong,
 * with an error that the manual logfwd(3) names for it, and goes on working. A function or an
 * argument of the header that has no row here fails the test.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "support/scripted_daemon.h"
#include "support/suite.h"
#include "wire/level.h"
#include "wire/logger_name.h"

#define MARK 4711 /* no errno that anything sets */

static struct scripted_daemon played;
static struct logfwd_client *client;
static struct logfwd_logger *logger;
static char long_text[CONTEXT_VALUE_MAX + 2]; /* longer than a name, a path, a key or a value */

static void set_up(void)
{
	daemon_init(&played, true);
	client = daemon_connected_client(&played);
	logger = open_logger(client, "a");
	memset(long_text, 'x', sizeof(long_text) - 1);
	errno = MARK;
}

static void tear_down(void)
{
	logfwd_client_close(client);
	daemon_deinit(&played);
}

static int open_client_nowhere(void)
{
	return logfwd_client_open(NULL, NULL);
}

static int open_client_with(struct logfwd_options options)
{
	struct logfwd_client *other = NULL;
	int error = logfwd_client_open(&other, &options);

	ck_assert_ptr_null(other);
	return error;
}

static int open_client_of_no_size(void)
{
	return open_client_with((struct logfwd_options){ 0 });
}

static int open_client_of_no_policy(void)
{
	return open_client_with((struct logfwd_options){
		.size = sizeof(struct logfwd_options),
		.when_full = (enum logfwd_when_full) - 1,
	});
}

static int open_client_of_no_path(void)
{
	return open_client_with((struct logfwd_options){
		.size = sizeof(struct logfwd_options),
		.socket_path = "",
	});
}

static int open_client_of_long_path(void)
{
	return open_client_with((struct logfwd_options){
		.size = sizeof(struct logfwd_options),
		.socket_path = long_text,
	});
}

static int close_no_client(void)
{
	logfwd_client_close(NULL);
	return 0;
}

static int open_logger_of_no_client(void)
{
	struct logfwd_logger *other;

	return logfwd_logger_open(NULL, "a", &other);
}

static int open_logger_of_no_name(void)
{
	struct logfwd_logger *other;

	return logfwd_logger_open(client, NULL, &other);
}

static int open_logger_of_long_name(void)
{
	struct logfwd_logger *other;

	return logfwd_logger_open(client, long_text, &other);
}

static int open_logger_of_deep_name(void)
{
	char name[LOGGER_NAME_DEPTH_MAX + 1] = "";
	struct logfwd_logger *other;

	memset(name, '.', LOGGER_NAME_DEPTH_MAX); /* one component more than there are dots */
	return logfwd_logger_open(client, name, &other);
}

static int open_logger_nowhere(void)
{
	return logfwd_logger_open(client, "a", NULL);
}

static int close_no_logger(void)
{
	logfwd_logger_close(NULL);
	return 0;
}

static int set_level_of_none(void)
{
	return logfwd_logger_set_level(NULL, LOGFWD_INFO);
}

static int set_lowest_level(void)
{
	return logfwd_logger_set_level(logger, INT_MIN);
}

static int set_highest_level(void)
{
	return logfwd_logger_set_level(logger, INT_MAX);
}

static int set_context_of_none(void)
{
	return logfwd_logger_set_context(NULL, "key", "value");
}

static int set_context_of_no_key(void)
{
	return logfwd_logger_set_context(logger, NULL, "value");
}

static int set_context_of_long_key(void)
{
	return logfwd_logger_set_context(logger, long_text, "value");
}

static int set_context_of_bad_key(void)
{
	return logfwd_logger_set_context(logger, "\xff=\n", "value");
}

static int set_long_context(void)
{
	return logfwd_logger_set_context(logger, "key", long_text);
}

static int enabled_of_none(void)
{
	return logfwd_enabled(NULL, LOGFWD_INFO);
}

static int enabled_at_no_level(void)
{
	return logfwd_enabled(logger, INT_MIN) || logfwd_enabled(logger, 0) ||
	       logfwd_enabled(logger, INT_MAX);
}

__attribute__((format(printf, 3, 4))) static int vlog(struct logfwd_logger *to, int level,
						      const char *format, ...)
{
	va_list args;
	int result;

	va_start(args, format);
	result = logfwd_vlog(to, level, format, args);
	va_end(args);
	return result;
}

static int log_to_none(void)
{
	return logfwd_log(NULL, LOGFWD_INFO, "x");
}

static int log_at_no_level(void)
{
	return logfwd_log(logger, INT_MAX, "x");
}

static int log_of_no_format(void)
{
	return logfwd_log(logger, LOGFWD_INFO, NULL);
}

/* No character of the C locale: printf(3) itself fails. */
static int log_of_bad_text(void)
{
	return logfwd_log(logger, LOGFWD_INFO, "%ls", L"\x20ac");
}

static int vlog_to_none(void)
{
	return vlog(NULL, LOGFWD_INFO, "x");
}

static int vlog_at_no_level(void)
{
	return vlog(logger, -1, "x");
}

static int vlog_of_no_format(void)
{
	return vlog(logger, LOGFWD_INFO, NULL);
}

static int vlog_of_bad_text(void)
{
	return vlog(logger, LOGFWD_INFO, "%ls", L"\x20ac");
}

static int write_to_none(void)
{
	return logfwd_write(NULL, LOGFWD_INFO, "x", 1);
}

static int write_at_no_level(void)
{
	return logfwd_write(logger, LEVEL_MAX + 1, "x", 1);
}

static int write_of_no_text(void)
{
	return logfwd_write(logger, LOGFWD_INFO, NULL, 1);
}

static int write_of_no_text_that_is_long(void)
{
	return logfwd_write(logger, LOGFWD_INFO, NULL, SIZE_MAX);
}

static int flush_of_none(void)
{
	return logfwd_flush(NULL, 0);
}

/* Below -1 is for ever too; here nobody is there, so it is asked for no time at all. */
static int flush_for_no_time(void)
{
	daemon_die(&played);
	return logfwd_flush(client, 0);
}

static int stats_of_none(void)
{
	struct logfwd_client_stats stats = { .size = sizeof(stats) };

	return logfwd_client_stats(NULL, &stats);
}

static int stats_to_nowhere(void)
{
	return logfwd_client_stats(client, NULL);
}

static int stats_of_no_size(void)
{
	struct logfwd_client_stats stats = { .size = 0 };

	return logfwd_client_stats(client, &stats);
}

/* The function, the argument that is wrong in the call, and what must come of it; 0 also is false. */
static const struct wrong {
	const char *function, *argument;
	int (*call)(void);
	int result;
} wrongs[] = {
	{ "logfwd_client_open", "client_out", open_client_nowhere, -EINVAL },
	{ "logfwd_client_open", "options", open_client_of_no_size, -EINVAL },
	{ "logfwd_client_open", "options", open_client_of_no_policy, -EINVAL },
	{ "logfwd_client_open", "options", open_client_of_no_path, -EINVAL },
	{ "logfwd_client_open", "options", open_client_of_long_path, -ENAMETOOLONG },
	{ "logfwd_client_close", "client", close_no_client, 0 },
	{ "logfwd_logger_open", "client", open_logger_of_no_client, -EINVAL },
	{ "logfwd_logger_open", "name", open_logger_of_no_name, -EINVAL },
	{ "logfwd_logger_open", "name", open_logger_of_long_name, -ENAMETOOLONG },
	{ "logfwd_logger_open", "name", open_logger_of_deep_name, -EINVAL },
	{ "logfwd_logger_open", "logger_out", open_logger_nowhere, -EINVAL },
	{ "logfwd_logger_close", "logger", close_no_logger, 0 },
	{ "logfwd_logger_set_level", "logger", set_level_of_none, -EINVAL },
	{ "logfwd_logger_set_level", "level", set_lowest_level, -EINVAL },
	{ "logfwd_logger_set_level", "level", set_highest_level, -EINVAL },
	{ "logfwd_logger_set_context", "logger", set_context_of_none, -EINVAL },
	{ "logfwd_logger_set_context", "key", set_context_of_no_key, -EINVAL },
	{ "logfwd_logger_set_context", "key", set_context_of_long_key, -EINVAL },
	{ "logfwd_logger_set_context", "key", set_context_of_bad_key, -EINVAL },
	{ "logfwd_logger_set_context", "value", set_long_context, -EINVAL },
	{ "logfwd_enabled", "logger", enabled_of_none, 0 },
	{ "logfwd_enabled", "level", enabled_at_no_level, 0 },
	{ "logfwd_log", "logger", log_to_none, -EINVAL },
	{ "logfwd_log", "level", log_at_no_level, -EINVAL },
	{ "logfwd_log", "format", log_of_no_format, -EINVAL },
	{ "logfwd_log", "...", log_of_bad_text, -EINVAL },
	{ "logfwd_vlog", "logger", vlog_to_none, -EINVAL },
	{ "logfwd_vlog", "level", vlog_at_no_level, -EINVAL },
	{ "logfwd_vlog", "format", vlog_of_no_format, -EINVAL },
	{ "logfwd_vlog", "args", vlog_of_bad_text, -EINVAL },
	{ "logfwd_write", "logger", write_to_none, -EINVAL },
	{ "logfwd_write", "level", write_at_no_level, -EINVAL },
	{ "logfwd_write", "text", write_of_no_text, -EINVAL },
	{ "logfwd_write", "length", write_of_no_text_that_is_long, -EINVAL },
	{ "logfwd_flush", "client", flush_of_none, -EINVAL },
	{ "logfwd_flush", "timeout_ms", flush_for_no_time, -ENOTCONN },
	{ "logfwd_client_stats", "client", stats_of_none, -EINVAL },
	{ "logfwd_client_stats", "stats_out", stats_to_nowhere, -EINVAL },
	{ "logfwd_client_stats", "stats_out", stats_of_no_size, -EINVAL },
};
#define N_WRONGS (sizeof(wrongs) / sizeof(wrongs[0]))

/* A file of the project as a string, owned by the caller. */
static char *text_of(const char *name)
{
	const char *source = getenv("LOGFWD_SOURCE");
	char path[PATH_MAX];
	char *text = NULL;
	size_t size = 0;
	FILE *file;

	ck_assert_msg(source != NULL, "LOGFWD_SOURCE is the project's folder");
	snprintf(path, sizeof(path), "%s/%s", source, name);
	file = fopen(path, "re");
	ck_assert_msg(file != NULL, "%s", path);
	ck_assert_int_gt(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	return text;
}

/* Whether the manual's section ERRORS has an entry for the error. */
static bool manual_names(int error)
{
	char *manual = text_of("lib/client/logfwd.3");
	char *errors = strstr(manual, "\n.Sh ERRORS\n");
	char entry[64];
	bool found;

	ck_assert_ptr_nonnull(errors);
	snprintf(entry, sizeof(entry), "\n.It Er -%s\n", strerrorname_np(error));
	found = strstr(errors, entry) != NULL;
	free(manual);
	return found;
}

START_TEST(errors_of_wrong_arguments)
{
	const struct wrong *wrong = &wrongs[_i];
	int result = wrong->call();

	ck_assert_msg(result == wrong->result, "%s, wrong %s: %d", wrong->function, wrong->argument,
		      result);
	ck_assert_msg(result == 0 || manual_names(-result), "%d is not in the manual", result);
	ck_assert_int_eq(errno, MARK);
	ck_assert_int_eq(logfwd_log(logger, LOGFWD_INFO, "goes on"), 0);
}
END_TEST

static bool has_row(const char *function, const char *argument)
{
	for (size_t i = 0; i < N_WRONGS; i++)
		if (strcmp(wrongs[i].function, function) == 0 &&
		    strcmp(wrongs[i].argument, argument) == 0)
			return true;
	return false;
}

/* The last word of "type *name", or "...". */
static const char *name_in(const char *parameter)
{
	size_t at = strlen(parameter);

	while (at > 0 && strchr(" *\t\n", parameter[at - 1]) == NULL)
		at--;
	return parameter + at;
}

/* A prototype is what begins a line, with a type, and has "logfwd_NAME(" and parameters to ")". */
static size_t check_prototype(char *line)
{
	char *open = strchr(line, '('), *rest;
	const char *function;
	size_t n = 0;

	*open = '\0';
	function = name_in(line);
	rest = open + 1;
	*strchr(rest, ')') = '\0';
	for (char *next = strtok(rest, ","); next != NULL; next = strtok(NULL, ","), n++)
		ck_assert_msg(has_row(function, name_in(next)), "no row for %s of %s",
			      name_in(next), function);
	return n;
}

START_TEST(errors_have_a_row_for_every_argument)
{
	static const char *const types[] = { "\nint logfwd_", "\nbool logfwd_", "\nvoid logfwd_" };
	size_t arguments = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char *header = text_of("lib/include/logfwd.h"), *rest = header, *line;

		while ((line = strstr(rest, types[i])) != NULL) {
			rest = strchr(line, ';') + 1;
			arguments += check_prototype(line + 1);
		}
		free(header);
	}
	ck_assert_uint_gt(arguments, 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_errors");
	TCase *errors = tcase_create("errors");

	tcase_add_checked_fixture(errors, set_up, tear_down);
	tcase_add_loop_test(errors, errors_of_wrong_arguments, 0, (int)N_WRONGS);
	tcase_add_test(errors, errors_have_a_row_for_every_argument);
	suite_add_tcase(suite, errors);
	return suite;
}
