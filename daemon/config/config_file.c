#include "config/config_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "config/config_error.h"

#define FOLDER "conf.d/"
#define SUFFIX ".conf"

static int fail_errno(const char *path, int error, char error_out[static CONFIG_ERROR_BYTES])
{
	config_fail(error_out, (struct place){ .file = path }, "%s%s", strerror(error),
		    error == ENOENT ? "; write it, or name another one" : "");
	return -error;
}

/* Everybody may write it: everybody could send all records elsewhere. */
static int refuse_writable(const char *path, const struct stat *status,
			   char error_out[static CONFIG_ERROR_BYTES])
{
	if ((status->st_mode & S_IWOTH) == 0)
		return 0;
	return config_fail(error_out, (struct place){ .file = path },
			   "everybody may write it, so it is not trusted; chmod o-w");
}

static int check_file(const char *path, int fd, char error_out[static CONFIG_ERROR_BYTES])
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return fail_errno(path, errno, error_out);
	if (!S_ISREG(status.st_mode))
		return config_fail(error_out, (struct place){ .file = path }, "not a regular file");
	if (status.st_size > CONFIG_FILE_MAX)
		return config_fail(error_out, (struct place){ .file = path },
				   "larger than %d bytes", CONFIG_FILE_MAX);
	return refuse_writable(path, &status, error_out);
}

/* Fills up to cap bytes; *length_out == cap when there may be more. */
static int read_all(int fd, char *buffer, size_t cap, size_t *length_out)
{
	size_t length = 0;

	while (length < cap) {
		ssize_t got = read(fd, buffer + length, cap - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	*length_out = length;
	return 0;
}

int config_file_read(const char *path, char **text_out, size_t *length_out,
		     char error_out[static CONFIG_ERROR_BYTES])
{
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	CLEANUP(free) char *text = NULL;
	size_t length = 0;
	int result;

	if (fd < 0)
		return fail_errno(path, errno, error_out);
	result = check_file(path, fd, error_out);
	if (result < 0)
		return result;
	text = malloc(CONFIG_FILE_MAX + 1);
	if (text == NULL)
		return -ENOMEM;
	result = read_all(fd, text, CONFIG_FILE_MAX + 1, &length);
	if (result < 0)
		return fail_errno(path, -result, error_out);
	if (length > CONFIG_FILE_MAX) /* it grew, or says nothing of its size */
		return config_fail(error_out, (struct place){ .file = path },
				   "larger than %d bytes", CONFIG_FILE_MAX);
	*text_out = move_ptr(text);
	*length_out = length;
	return 0;
}

static int is_config(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > strlen(SUFFIX) &&
	       strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

/* Not alphasort(): that one follows the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* prefix: "" or what ends in a slash. */
static char *join(struct arena *arena, struct span prefix, const char *name)
{
	struct span tail = span_of(name);
	char *path = arena_take(arena, prefix.len + tail.len + 1, 1);

	if (path == NULL)
		return NULL;
	if (prefix.len > 0)
		memcpy(path, prefix.ptr, prefix.len);
	memcpy(path + prefix.len, tail.ptr, tail.len);
	return path;
}

/* The names of a folder's entries, as scandir() gives them. */
struct entries {
	struct dirent **list;
	int n; /* < 0: none were read */
};

static void entries_free_at(struct entries *entries)
{
	for (int i = 0; i < entries->n; i++)
		free(entries->list[i]);
	free(entries->list);
}

static int keep_paths(const struct entries *entries, const char *folder, struct arena *arena,
		      const char *const **paths_out)
{
	const char **paths = arena_take(arena, (size_t)entries->n, sizeof(*paths));

	if (paths == NULL)
		return -ENOMEM;
	for (int i = 0; i < entries->n; i++) {
		paths[i] = join(arena, span_of(folder), entries->list[i]->d_name);
		if (paths[i] == NULL)
			return -ENOMEM;
	}
	*paths_out = paths;
	return 0;
}

int config_file_list(const char *path, struct arena *arena, const char *const **paths_out,
		     size_t *n_out, char error_out[static CONFIG_ERROR_BYTES])
{
	CLEANUP(entries_free) struct entries entries = { 0 };
	CLEANUP(close_fd) int fd = -1;
	const char *slash = strrchr(path, '/');
	size_t prefix = slash == NULL ? 0 : (size_t)(slash + 1 - path);
	const char *folder = join(arena, span_of_bytes(path, prefix), FOLDER);
	struct stat status;
	int result;

	if (folder == NULL)
		return -ENOMEM;
	*n_out = 0;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail_errno(folder, errno, error_out);
	if (fstat(fd, &status) < 0)
		return fail_errno(folder, errno, error_out);
	result = refuse_writable(folder, &status, error_out);
	if (result < 0)
		return result;
	entries.n = scandirat(fd, ".", &entries.list, is_config, by_name);
	if (entries.n < 0)
		return fail_errno(folder, errno, error_out);
	result = keep_paths(&entries, folder, arena, paths_out);
	if (result == 0)
		*n_out = (size_t)entries.n;
	return result;
}
