/*
 * Proves that the files which come with the project are what they say: the installed
 * configuration and the manual name every option, in the first they are at their defaults;
 * each example loads; each broken file is refused in the line and for the reason that it
 * announces itself.
 */
#include "config/config.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>

#include "config/config_options.h"
#include "support/suite.h"

static char error[CONFIG_ERROR_BYTES];

/* The files of a folder of the project; for globfree(). */
static glob_t files_of(const char *folder)
{
	const char *source = getenv("LOGFWD_SOURCE");
	char pattern[4096];
	glob_t files;

	ck_assert_msg(source != NULL, "LOGFWD_SOURCE is the project's folder");
	snprintf(pattern, sizeof(pattern), "%s/%s", source, folder);
	ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
	return files;
}

START_TEST(config_files_examples_load)
{
	glob_t files = files_of("conf/examples/*.conf");

	ck_assert_uint_ge(files.gl_pathc, 7);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct config *config = NULL;

		ck_assert_msg(config_load(files.gl_pathv[i], &config, error) == 0, "%s", error);
		config_free(config);
	}
	globfree(&files);
}
END_TEST

/* "# expect: LINE: part of the reason", or without a line. */
static void assert_announced(const char *path)
{
	static const char intro[] = "# expect: ";
	char first[512] = "", place[4096];
	FILE *file = fopen(path, "re");
	unsigned line = 0;
	int used = 0;
	char *reason;

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(first, sizeof(first), file));
	fclose(file);
	ck_assert_msg(strncmp(first, intro, strlen(intro)) == 0, "%s", path);
	first[strcspn(first, "\n")] = '\0';
	reason = first + strlen(intro);
	if (sscanf(reason, "%u: %n", &line, &used) == 1 && used > 0)
		snprintf(place, sizeof(place), "%s:%u: ", path, line);
	else
		snprintf(place, sizeof(place), "%s: ", path);
	ck_assert_msg(strncmp(error, place, strlen(place)) == 0, "%s", error);
	ck_assert_msg(strstr(error, reason + used) != NULL, "%s", error);
}

START_TEST(config_files_broken_are_refused_as_they_say)
{
	glob_t files = files_of("tests/scenario/broken/*.conf");

	ck_assert_uint_ge(files.gl_pathc, 30);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct config *config = NULL;

		ck_assert_msg(config_load(files.gl_pathv[i], &config, error) < 0, "%s",
			      files.gl_pathv[i]);
		assert_announced(files.gl_pathv[i]);
	}
	globfree(&files);
}
END_TEST

/* A '#' without a space behind it stands before an option. */
static void write_uncommented(const char *from, const char *to)
{
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	char line[512];

	ck_assert_ptr_nonnull(in);
	ck_assert_ptr_nonnull(out);
	while (fgets(line, sizeof(line), in) != NULL) {
		size_t indent = strspn(line, " ");

		if (line[indent] == '#' && strchr(" \n", line[indent + 1]) == NULL)
			line[indent] = ' ';
		fputs(line, out);
	}
	fclose(in);
	fclose(out);
}

static void assert_same_target(const struct target_options *a, const struct target_options *b)
{
	ck_assert_str_eq(a->name, b->name);
	ck_assert_uint_eq(a->n_servers, b->n_servers);
	ck_assert_int_eq(a->policy, b->policy);
	ck_assert_uint_eq(a->queue_bytes, b->queue_bytes);
	ck_assert_int_eq(a->when_full, b->when_full);
	ck_assert_uint_eq(a->datagram_bytes, b->datagram_bytes);
	ck_assert_uint_eq(a->resolve_interval, b->resolve_interval);
	ck_assert_int_eq(a->oversize, b->oversize);
	ck_assert_int_eq(a->sequence, b->sequence);
	ck_assert_uint_eq(a->sockets, b->sockets);
	ck_assert_uint_eq(a->resend, b->resend);
	ck_assert_uint_eq(a->rate, b->rate);
	ck_assert(socket_options_equal(&a->socket, &b->socket));
}

static void assert_same_handler(const struct handler_options *a, const struct handler_options *b)
{
	ck_assert_str_eq(a->name, b->name);
	ck_assert_uint_eq(a->target, b->target);
	ck_assert_int_eq(a->format, b->format);
	ck_assert_uint_eq(a->facility, b->facility);
	ck_assert_uint_eq(a->level, b->level);
	ck_assert_str_eq(a->filter, b->filter);
	ck_assert_uint_eq(a->rate_limit, b->rate_limit);
	ck_assert_uint_eq(a->rate_burst, b->rate_burst);
}

static void assert_same(const struct config *a, const struct config *b)
{
	ck_assert_str_eq(a->listen.client, b->listen.client);
	ck_assert_uint_eq(a->listen.client_mode, b->listen.client_mode);
	ck_assert_str_eq(a->listen.syslog, b->listen.syslog);
	ck_assert_uint_eq(a->listen.syslog_mode, b->listen.syslog_mode);
	ck_assert_str_eq(a->listen.control, b->listen.control);
	ck_assert_uint_eq(a->listen.control_mode, b->listen.control_mode);
	ck_assert_str_eq(a->listen.control_group, b->listen.control_group);
	ck_assert_mem_eq(&a->limits, &b->limits, sizeof(a->limits));
	ck_assert_mem_eq(&a->pool, &b->pool, sizeof(a->pool));
	ck_assert_pstr_eq(a->metrics.listen, b->metrics.listen);
	ck_assert_uint_eq(a->n_targets, 1);
	ck_assert_uint_eq(b->n_targets, 1);
	assert_same_target(a->targets, b->targets);
	ck_assert_uint_eq(a->n_handlers, 1);
	ck_assert_uint_eq(b->n_handlers, 1);
	assert_same_handler(a->handlers, b->handlers);
	ck_assert_uint_eq(a->n_loggers, 1);
	ck_assert_uint_eq(b->n_loggers, 1);
	ck_assert_uint_eq(a->loggers->level, b->loggers->level);
	ck_assert_uint_eq(a->loggers->n_handlers, b->loggers->n_handlers);
	ck_assert_int_eq(a->loggers->propagate, b->loggers->propagate);
	ck_assert_uint_eq(a->loggers->n_context, b->loggers->n_context);
}

START_TEST(config_files_installed_one_has_all_defaults)
{
	glob_t files = files_of("conf/logfwd.conf");
	char folder[] = "/tmp/logfwd-files-XXXXXX";
	struct config *installed = NULL, *uncommented = NULL;
	char path[64];

	umask(022);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/logfwd.conf", folder);
	write_uncommented(files.gl_pathv[0], path);
	ck_assert_msg(config_load(files.gl_pathv[0], &installed, error) == 0, "%s", error);
	ck_assert_msg(config_load(path, &uncommented, error) == 0, "%s", error);
	assert_same(installed, uncommented);
	config_free(installed);
	config_free(uncommented);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	globfree(&files);
}
END_TEST

static char *read_text(const char *path)
{
	char *text = calloc(1, CONFIG_FILE_MAX);
	FILE *file = fopen(path, "re");

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_gt(fread(text, 1, CONFIG_FILE_MAX - 1, file), 0);
	fclose(file);
	return text;
}

/* What stands before an option that is named. */
static const struct {
	const char *file;
	const char *before, *or_before;
} mentions[] = {
	{ "conf/logfwd.conf", "    ", "    #" },
	{ "conf/logfwd.conf.5", ".It Sy ", ".It Sy " },
};

START_TEST(config_files_name_every_option)
{
	glob_t files = files_of(mentions[_i].file);
	char *text = read_text(files.gl_pathv[0]);

	for (enum section_kind kind = 0; kind < SECTION_KINDS; kind++) {
		const struct section_spec *section = section_spec(kind);

		for (size_t i = 0; i < section->n_options; i++) {
			const char *name = section->options[i].name;
			char plain[64], other[64];

			snprintf(plain, sizeof(plain), "%s%s = ", mentions[_i].before, name);
			snprintf(other, sizeof(other), "%s%s = ", mentions[_i].or_before, name);
			ck_assert_msg(strstr(text, plain) != NULL || strstr(text, other) != NULL,
				      "%s: %s.%s", mentions[_i].file, section->name, name);
		}
	}
	free(text);
	globfree(&files);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("config_files");
	TCase *files = tcase_create("files");

	tcase_set_timeout(files, 60);
	tcase_add_test(files, config_files_examples_load);
	tcase_add_test(files, config_files_broken_are_refused_as_they_say);
	tcase_add_test(files, config_files_installed_one_has_all_defaults);
	tcase_add_loop_test(files, config_files_name_every_option, 0, ARRAY_LEN(mentions));
	suite_add_tcase(suite, files);
	return suite;
}
