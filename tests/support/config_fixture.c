#include "support/config_fixture.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char folder[64];
char main_path[96];
char complaint[CONFIG_ERROR_BYTES];

const char *path_of(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

void write_bytes(const char *name, const void *bytes, size_t length)
{
	FILE *file = fopen(path_of(name), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

void write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

void make_folder(void)
{
	umask(022);
	strcpy(folder, "/tmp/logfwd-config-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(main_path, sizeof(main_path), "%s/logfwd.conf", folder);
	ck_assert_int_eq(mkdir(path_of("conf.d"), 0755), 0);
}

void remove_entries(const char *name)
{
	char inner[128];
	struct dirent *entry;
	DIR *entries;

	snprintf(inner, sizeof(inner), "%s/%s", folder, name);
	entries = opendir(inner);
	while (entries != NULL && (entry = readdir(entries)) != NULL)
		unlinkat(dirfd(entries), entry->d_name, 0);
	if (entries != NULL)
		closedir(entries);
	rmdir(inner);
}

void remove_folder(void)
{
	remove_entries("conf.d");
	rmdir(path_of("odd.conf"));
	remove_entries(".");
	rmdir(folder);
}

struct config *load(void)
{
	struct config *config = NULL;
	int result = config_load(main_path, &config, complaint);

	ck_assert_msg(result == 0, "%s", complaint);
	return config;
}

struct config *load_text(const char *text)
{
	write_file("logfwd.conf", text);
	return load();
}

int refused(void)
{
	struct config *config = NULL;
	int result = config_load(main_path, &config, complaint);

	ck_assert_int_lt(result, 0);
	ck_assert_ptr_null(config);
	ck_assert_ptr_null(strchr(complaint, '\n'));
	return result;
}

void assert_says(const char *part)
{
	ck_assert_msg(strstr(complaint, part) != NULL, "\"%s\" is not in \"%s\"", part, complaint);
}

const struct logger_options *logger_of(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_loggers; i++) {
		if (strcmp(config->loggers[i].name, name) == 0)
			return &config->loggers[i];
	}
	ck_abort_msg("no logger %s", name);
}
