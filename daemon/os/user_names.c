#include "os/user_names.h"

#include <pwd.h>
#include <stdio.h>

/* Of a file that some directory service has written out whole, the beginning. */
#define USERS_MAX 65536

struct user {
	uid_t uid;
	size_t order; /* in the file */
	char *name;
};

struct user_names {
	struct user *users; /* by number, those of one number in the order of the file */
	size_t count, capacity;
};

void user_names_free(struct user_names *names)
{
	if (names == NULL)
		return;
	for (size_t i = 0; i < names->count; i++)
		free(names->users[i].name);
	free(names->users);
	free(names);
}

static bool user_names_add(struct user_names *names, const struct passwd *entry)
{
	char *name;

	if (names->count == names->capacity) {
		size_t capacity = names->capacity == 0 ? 64 : 2 * names->capacity;
		struct user *users = reallocarray(names->users, capacity, sizeof(*users));

		if (users == NULL)
			return false;
		names->users = users;
		names->capacity = capacity;
	}
	name = strdup(entry->pw_name);
	if (name == NULL)
		return false;
	names->users[names->count] = (struct user){ entry->pw_uid, names->count, name };
	names->count++;
	return true;
}

static int by_uid(const void *a, const void *b)
{
	const struct user *first = a, *second = b;

	if (first->uid != second->uid)
		return first->uid < second->uid ? -1 : 1;
	return first->order < second->order ? -1 : 1;
}

struct user_names *user_names_read(const char *path)
{
	CLEANUP(user_names_free) struct user_names *names = calloc(1, sizeof(*names));
	const struct passwd *entry;
	bool good = names != NULL;
	FILE *file;

	if (!good)
		return NULL;
	file = fopen(path, "re");
	while (file != NULL && good && names->count < USERS_MAX &&
	       (entry = fgetpwent(file)) != NULL)
		good = user_names_add(names, entry);
	if (file != NULL)
		fclose(file);
	if (!good)
		return NULL;
	if (names->count > 0)
		qsort(names->users, names->count, sizeof(*names->users), by_uid);
	return move_ptr(names);
}

struct span user_names_find(const struct user_names *names, uid_t uid)
{
	size_t low = 0, high = names == NULL ? 0 : names->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->users[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (names == NULL || low == names->count || names->users[low].uid != uid)
		return (struct span){ 0 };
	return span_of(names->users[low].name);
}
