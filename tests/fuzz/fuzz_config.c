/*
 * Whatever a configuration file holds: the scan changes comments only, and the file is either
 * loaded into what can be built, or refused by one line that names it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/config_scan.h"
#include "format/escape.h"
#include "support/fuzz_target.h"

static void require(bool holds, const char *complaint)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", complaint);
	abort();
}

static void check_scan(const uint8_t *data, size_t size)
{
	size_t lines = config_scan_lines(span_of_bytes(data, size));
	CLEANUP(free) char *text = malloc(size + 1);
	CLEANUP(free) uint32_t *opened = calloc(lines + 1, sizeof(*opened));
	struct config_mistake mistake = { 0 };
	bool good;

	require(text != NULL && opened != NULL, "no memory");
	if (size > 0)
		memcpy(text, data, size);
	good = config_scan(text, size, opened, &mistake);
	for (size_t i = 0; i < size; i++)
		require(text[i] == (char)data[i] || (text[i] == ' ' && data[i] != '\n'),
			"the scan changes a byte into another, or a line");
	for (size_t line = 0; line <= lines; line++)
		require(opened[line] <= line, "a section that begins behind its end");
	require(good || (mistake.reason != NULL && mistake.line >= 1 && mistake.line <= lines),
		"a mistake without a reason or a line");
}

static void check_config(const struct config *config)
{
	require(config->n_targets >= 1 && config->n_targets <= CONFIG_TARGETS_MAX, "targets");
	require(config->n_handlers <= ROUTE_HANDLERS_MAX, "handlers");
	require(config->n_loggers >= 1, "loggers");
	for (size_t i = 0; i < config->n_targets; i++)
		require(config->targets[i].n_servers >= 1, "a target without a server");
	for (size_t i = 0; i < config->n_handlers; i++)
		require(config->handlers[i].target < config->n_targets, "a handler of no target");
	for (size_t i = 0; i < config->n_loggers; i++) {
		const struct logger_options *logger = &config->loggers[i];

		for (size_t j = 0; j < logger->n_handlers; j++)
			require(logger->handlers[j] < config->n_handlers, "a logger of no handler");
	}
}

static void check_error(int result, const char *path, const char *error)
{
	struct span line = span_of(error);

	require(result == -EINVAL, "a failure that is none of the text's");
	require(span_starts_with(line, span_of(path)), "the file is not named");
	require(line.len > strlen(path) + strlen(": "), "no reason is given");
	require(escape_is_clean(line), "the reason is no single line that a terminal may show");
}

/* A file without a place, but with a path. */
static int new_file(void)
{
	int fd = memfd_create("config", MFD_CLOEXEC);

	require(fd >= 0 && fchmod(fd, 0600) == 0, "no file");
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	CLEANUP(config_free) struct config *config = NULL;
	char error[CONFIG_ERROR_BYTES] = "";
	char path[64];
	int result;

	if (size > CONFIG_FILE_MAX)
		return 0;
	if (fd < 0)
		fd = new_file();
	check_scan(data, size);
	require(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size, "no room");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	result = config_load(path, &config, error);
	if (result == 0)
		check_config(config);
	else
		check_error(result, path, error);
	return 0;
}
