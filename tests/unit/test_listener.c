/*
 * Proves that a socket is bound with its mode and its credentials, that one left by a dead
 * process is replaced, and that whatever else is in the way is named and left alone.
 */
#include "intake/listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"
#include "support/suite.h"

static char folder[] = "/tmp/logfwd-listener-XXXXXX";
static char path[64];
static char error[LISTENER_ERROR_BYTES];

static void setup(void)
{
	strcpy(folder, "/tmp/logfwd-listener-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
}

static void teardown(void)
{
	unlink(path);
	rmdir(folder);
}

static const int types[] = { SOCK_SEQPACKET, SOCK_DGRAM, SOCK_STREAM };

START_TEST(listener_binds_with_its_mode)
{
	int fd = listener_bind(path, types[_i], 0640, (gid_t)-1, error);
	struct stat info;
	int flag = 0;
	socklen_t length = sizeof(flag);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(stat(path, &info), 0);
	ck_assert_uint_eq(info.st_mode & 07777, 0640);
	getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &flag, &length);
	ck_assert_int_eq(flag, types[_i] == SOCK_DGRAM);
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &flag, &length);
	ck_assert_int_eq(flag, types[_i] != SOCK_DGRAM);
	close(fd);
}
END_TEST

START_TEST(listener_replaces_the_socket_of_a_dead_process)
{
	int first = listener_bind(path, types[_i], 0600, (gid_t)-1, error);
	int second;

	close(first);
	second = listener_bind(path, types[_i], 0600, (gid_t)-1, error);
	ck_assert_int_ge(second, 0);
	close(second);
}
END_TEST

START_TEST(listener_leaves_a_served_socket_alone)
{
	int first = listener_bind(path, types[_i], 0600, (gid_t)-1, error);

	ck_assert_int_eq(listener_bind(path, types[_i], 0600, (gid_t)-1, error), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(error, path));
	ck_assert_ptr_nonnull(strstr(error, "another process"));
	/* of another type it is served all the same */
	ck_assert_int_eq(listener_bind(path, types[(_i + 1) % 3], 0600, (gid_t)-1, error),
			 -EADDRINUSE);
	close(first);
}
END_TEST

/* What it may not even try may well be alive. */
START_TEST(listener_leaves_a_socket_alone_that_it_cannot_try)
{
	int first;
	int second;

	if (geteuid() != 0)
		return; /* only root can become somebody who may write here but not connect */
	first = listener_bind(path, types[_i], 0600, (gid_t)-1, error);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_int_eq(seteuid(65534), 0);
	second = listener_bind(path, types[_i], 0600, (gid_t)-1, error);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(second, -EACCES);
	ck_assert_ptr_nonnull(strstr(error, path));
	ck_assert_int_eq(access(path, F_OK), 0);
	close(first);
}
END_TEST

START_TEST(listener_leaves_a_file_alone)
{
	FILE *file = fopen(path, "w");

	fclose(file);
	ck_assert_int_eq(listener_bind(path, SOCK_DGRAM, 0600, (gid_t)-1, error), -EEXIST);
	ck_assert_ptr_nonnull(strstr(error, "no socket"));
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	ck_assert_int_eq(listener_bind(path, SOCK_DGRAM, 0600, (gid_t)-1, error), -EEXIST);
}
END_TEST

START_TEST(listener_names_what_it_cannot_do)
{
	char far[256];

	snprintf(far, sizeof(far), "%s/no/such/folder", folder);
	ck_assert_int_eq(listener_bind(far, SOCK_DGRAM, 0600, (gid_t)-1, error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, far));
	memset(far, 'x', 200);
	far[200] = '\0';
	ck_assert_int_eq(listener_bind(far, SOCK_DGRAM, 0600, (gid_t)-1, error), -ENAMETOOLONG);
}
END_TEST

START_TEST(listener_adopts_only_its_type)
{
	int fd = socket(AF_UNIX, types[_i], 0);

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		ck_assert_int_eq(listener_adopt(fd, types[i], error),
				 types[i] == types[_i] ? 0 : -EPROTOTYPE);
	close(fd);
	ck_assert_int_eq(listener_adopt(fd, types[_i], error), -EBADF);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("listener");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, listener_binds_with_its_mode, 0, ARRAY_LEN(types));
	tcase_add_loop_test(all, listener_replaces_the_socket_of_a_dead_process, 0,
			    ARRAY_LEN(types));
	tcase_add_loop_test(all, listener_leaves_a_served_socket_alone, 0, ARRAY_LEN(types));
	tcase_add_loop_test(all, listener_leaves_a_socket_alone_that_it_cannot_try, 0,
			    ARRAY_LEN(types));
	tcase_add_test(all, listener_leaves_a_file_alone);
	tcase_add_test(all, listener_names_what_it_cannot_do);
	tcase_add_loop_test(all, listener_adopts_only_its_type, 0, ARRAY_LEN(types));
	suite_add_tcase(suite, all);
	return suite;
}
