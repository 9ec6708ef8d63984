/**
 * user_names: names of users by their numbers, read at once.
 *
 * getpwuid(3) may ask a server in the network and wait for it; the loop must not. So this
 * reads /etc/passwd itself, when the configuration is loaded; other users stay numbers.
 */
#ifndef LOGFWD_OS_USER_NAMES_H
#define LOGFWD_OS_USER_NAMES_H

#include <sys/types.h>

#include "base/cleanup.h"
#include "base/span.h"

struct user_names;

/** path: of a file in the format of passwd(5); unreadable: nobody. Owned; NULL without memory. */
struct user_names *user_names_read(const char *path);
void user_names_free(struct user_names *names);
DEFINE_CLEANUP(struct user_names *, user_names_free)

/** The first name of a user, borrowed; empty when it is not known, or names is NULL. */
struct span user_names_find(const struct user_names *names, uid_t uid);

#endif
