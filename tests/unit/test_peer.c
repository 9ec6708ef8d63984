/* Proves who counts as an operator, and that the kernel's word about a peer is read whole. */
#include "control/peer.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"
#include "support/suite.h"

static const struct {
	uid_t uid;
	gid_t gid;
	gid_t groups[2];
	gid_t operators;
	bool allowed; /* when the daemon runs as uid 990 */
} cases[] = {
	{ 0, 0, { 1, 2 }, PEER_NO_GROUP, true },
	{ 990, 5, { 1, 2 }, PEER_NO_GROUP, true },
	{ 1000, 1000, { 1, 2 }, PEER_NO_GROUP, false },
	{ 1000, 1000, { 1, 2 }, 44, false },
	{ 1000, 44, { 1, 2 }, 44, true },
	{ 1000, 1000, { 1, 44 }, 44, true },
	{ 1000, 1000, { 44, 2 }, 44, true },
	{ 1000, PEER_NO_GROUP, { 1, PEER_NO_GROUP }, PEER_NO_GROUP, false },
};

START_TEST(peer_is_operator_by_uid_or_group)
{
	gid_t groups[2] = { cases[_i].groups[0], cases[_i].groups[1] };
	struct peer peer = { .uid = cases[_i].uid,
			     .gid = cases[_i].gid,
			     .groups = groups,
			     .n_groups = ARRAY_LEN(groups) };

	ck_assert_int_eq(peer_is_operator(&peer, 990, cases[_i].operators), cases[_i].allowed);
}
END_TEST

START_TEST(peer_of_reads_this_process)
{
	int ends[2];
	struct peer peer;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(peer_of(ends[0], &peer), 0);
	ck_assert_int_eq(peer.pid, getpid());
	ck_assert_uint_eq(peer.uid, geteuid());
	ck_assert_uint_eq(peer.gid, getegid());
	ck_assert_int_eq((int)peer.n_groups, getgroups(0, NULL));
	peer_deinit(&peer);
	close(ends[0]);
	close(ends[1]);
	ck_assert_int_eq(peer_of(ends[0], &peer), -EBADF);
}
END_TEST

START_TEST(peer_socket_group_is_that_of_the_file)
{
	char folder[] = "/tmp/logfwd-peer-XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat file;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(peer_socket_group(fd), PEER_NO_GROUP);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(chown(address.sun_path, (uid_t)-1, 4711), 0);
	ck_assert_int_eq(stat(address.sun_path, &file), 0);
	ck_assert_uint_eq(peer_socket_group(fd), file.st_gid);
	ck_assert_int_eq(unlink(address.sun_path), 0);
	ck_assert_uint_eq(peer_socket_group(fd), PEER_NO_GROUP);
	ck_assert_int_eq(rmdir(folder), 0);
	close(fd);
}
END_TEST

START_TEST(peer_socket_group_of_an_abstract_name_is_none)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* A length of the family alone: the kernel picks an abstract name (unix(7), autobind). */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	ck_assert_uint_eq(peer_socket_group(fd), PEER_NO_GROUP);
	close(fd);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("peer");
	TCase *rights = tcase_create("rights");

	tcase_add_loop_test(rights, peer_is_operator_by_uid_or_group, 0, ARRAY_LEN(cases));
	tcase_add_test(rights, peer_of_reads_this_process);
	tcase_add_test(rights, peer_socket_group_is_that_of_the_file);
	tcase_add_test(rights, peer_socket_group_of_an_abstract_name_is_none);
	suite_add_tcase(suite, rights);
	return suite;
}
