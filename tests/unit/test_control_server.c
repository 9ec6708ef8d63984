/* Proves that the control server answers one line with one line, knows who asks, and that
 * no client, silent, slow, torn, huge or one too many, keeps it from answering the others. */
#include "support/control_fixture.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "support/suite.h"

#define NOBODY 65534

static const char *const requests[] = {
	STATS_REQUEST,
	"{\"verb\":\"stats\",\"format\":\"prometheus\"}\n",
	"{\"verb\":\"loggers\",\"pattern\":\"a*\",\"all\":false}\n",
	"{\"verb\":\"clients\"}\n",
	"{\"verb\":\"targets\"}\n",
	"{\"verb\":\"healthcheck\"}\n",
	RELOAD_REQUEST,
	"{\"verb\":\"reload\",\"dry_run\":true}\n",
};

START_TEST(control_server_answers_every_verb)
{
	ck_assert_str_eq(ask(requests[_i]), "");
}
END_TEST

START_TEST(control_server_takes_a_request_torn_anywhere)
{
	for (size_t cut = 0; cut < strlen(STATS_REQUEST); cut++) {
		int fd = dial();

		say(fd, STATS_REQUEST, cut);
		event_base_loop(base, EVLOOP_ONCE);
		event_base_loop(base, EVLOOP_NONBLOCK);
		say(fd, &STATS_REQUEST[cut], strlen(STATS_REQUEST) - cut);
		ck_assert_str_eq(outcome(reply_on(fd)), "");
	}
}
END_TEST

START_TEST(control_server_answers_after_half_close)
{
	int fd = dial();

	say(fd, STATS_REQUEST, strlen(STATS_REQUEST));
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_str_eq(outcome(reply_on(fd)), "");
}
END_TEST

START_TEST(control_server_answers_the_first_of_two_lines_only)
{
	int fd = dial();

	say(fd, STATS_REQUEST RELOAD_REQUEST, strlen(STATS_REQUEST RELOAD_REQUEST));
	ck_assert_str_eq(outcome(reply_on(fd)), "");
	ck_assert_uint_eq(fake.reloads, 0);
}
END_TEST

START_TEST(control_server_ignores_half_a_request)
{
	for (size_t i = 0; i < 500; i++) {
		int fd = dial();

		say(fd, RELOAD_REQUEST, strlen(RELOAD_REQUEST) - 1);
		close(fd);
		event_base_loop(base, EVLOOP_ONCE);
	}
	ck_assert_str_eq(ask(STATS_REQUEST), "");
	ck_assert_uint_eq(fake.reloads + fake.audits, 0);
}
END_TEST

static const struct {
	size_t length;	     /* of the line, with its newline */
	const char *outcome; /* of blanks around a request */
} lengths[] = {
	{ CONTROL_REQUEST_MAX - 1, "" },
	{ CONTROL_REQUEST_MAX, "" },
	{ CONTROL_REQUEST_MAX + 1, "usage" },
	{ 16 * CONTROL_REQUEST_MAX, "usage" },
};

START_TEST(control_server_bounds_a_request)
{
	size_t length = lengths[_i].length;
	char *line = malloc(length);
	int fd = dial();

	memset(line, ' ', length);
	memcpy(line, STATS_REQUEST, strlen(STATS_REQUEST) - 1);
	line[length - 1] = '\n';
	say(fd, line, length);
	ck_assert_str_eq(outcome(reply_on(fd)), lengths[_i].outcome);
	free(line);
}
END_TEST

static const char *const garbage[] = { "\n",
				       "\xff\xfe\n",
				       "{\n",
				       "[[[[[[[[[[[[[[[[[[\n",
				       "{\"verb\":\"shutdown\"}\n",
				       "GET / HTTP/1.0\r\n\r\n" };

START_TEST(control_server_refuses_garbage)
{
	ck_assert_str_eq(ask(garbage[_i]), "usage");
	ck_assert_str_eq(ask(STATS_REQUEST), "");
}
END_TEST

START_TEST(control_server_refuses_deep_nesting)
{
	char line[CONTROL_REQUEST_MAX + 1];

	memset(line, '[', CONTROL_REQUEST_MAX - 1);
	strcpy(line + CONTROL_REQUEST_MAX - 1, "\n");
	ck_assert_str_eq(ask(line), "usage");
}
END_TEST

START_TEST(control_server_refuses_the_65th_client)
{
	int silent[CONTROL_CLIENTS_MAX];

	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		silent[i] = dial();
	ck_assert_str_eq(ask(""), "failed");
	ck_assert_str_eq(ask(STATS_REQUEST), "failed");
	close(silent[0]);
	event_base_loop(base, EVLOOP_ONCE);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_str_eq(ask(STATS_REQUEST), "");
	for (size_t i = 1; i < ARRAY_LEN(silent); i++)
		close(silent[i]);
}
END_TEST

START_TEST(control_server_closes_who_makes_no_progress)
{
	char buffer[64];
	int silent = dial(), deaf = dial();

	fake.stats_padding = 4 << 20;
	say(deaf, STATS_REQUEST, strlen(STATS_REQUEST));
	ck_assert_uint_eq(hear(silent, buffer, sizeof(buffer), CONTROL_TIMEOUT_S + DEADLINE_S), 0);
	/* The deaf one is closed at the same time; what its socket held is still there, no more. */
	for (time_t until = seconds() + 2; seconds() < until;)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert_uint_lt(hear(deaf, buffer, sizeof(buffer), DEADLINE_S), fake.stats_padding);
	close(silent);
	close(deaf);
}
END_TEST

START_TEST(control_server_serves_others_beside_the_deaf)
{
	int deaf[8];

	fake.stats_padding = 4 << 20;
	for (size_t i = 0; i < ARRAY_LEN(deaf); i++) {
		deaf[i] = dial();
		say(deaf[i], STATS_REQUEST, strlen(STATS_REQUEST));
		event_base_loop(base, EVLOOP_ONCE);
	}
	ck_assert_str_eq(ask("{\"verb\":\"clients\"}\n"), "");
	for (size_t i = 0; i < ARRAY_LEN(deaf); i++)
		close(deaf[i]);
}
END_TEST

START_TEST(control_server_bounds_what_waits_to_be_read)
{
	int deaf[4];

	fake.stats_padding = CONTROL_REPLIES_MAX / 4;
	for (size_t i = 0; i < ARRAY_LEN(deaf); i++) {
		deaf[i] = dial();
		say(deaf[i], STATS_REQUEST, strlen(STATS_REQUEST));
		for (size_t turn = 0; turn < 3; turn++)
			event_base_loop(base, EVLOOP_ONCE);
	}
	ck_assert_str_eq(ask(STATS_REQUEST), "failed");
	for (size_t i = 0; i < ARRAY_LEN(deaf); i++)
		close(deaf[i]);
}
END_TEST

START_TEST(control_server_can_be_freed_with_clients)
{
	int silent = dial(), waiting = dial();

	fake.stats_padding = 4 << 20;
	say(waiting, STATS_REQUEST, strlen(STATS_REQUEST));
	for (size_t turn = 0; turn < 3; turn++)
		event_base_loop(base, EVLOOP_ONCE);
	control_server_free(server);
	server = NULL;
	close(silent);
	close(waiting);
}
END_TEST

/* A process of another user and group asks; its exit status says what it was answered. */
static pid_t ask_as(gid_t group, const char *request)
{
	char reply[256] = "";
	pid_t child = fork();
	int fd;

	if (child != 0)
		return child;
	if (setgroups(1, &group) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		_exit(90);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(91);
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 ||
	    recv(fd, reply, sizeof(reply) - 1, 0) <= 0)
		_exit(92);
	_exit(strstr(reply, "\"ok\"") != NULL ? 0 : strstr(reply, "\"denied\"") != NULL ? 1 : 93);
}

static const struct {
	gid_t group;
	const char *request;
	int status; /* 0: ok, 1: denied */
} strangers[] = {
	{ NOBODY, STATS_REQUEST, 0 },
	{ NOBODY, RELOAD_REQUEST, 1 },
	{ OPERATORS, RELOAD_REQUEST, 0 },
};

START_TEST(control_server_asks_the_kernel_who_connected)
{
	const time_t deadline = seconds() + DEADLINE_S;
	pid_t child;
	int status = 0;

	if (geteuid() != 0)
		return; /* only root can be somebody else; test_peer covers the decision */
	child = ask_as(strangers[_i].group, strangers[_i].request);
	ck_assert_int_gt(child, 0);
	while (waitpid(child, &status, WNOHANG) == 0) {
		ck_assert_msg(seconds() <= deadline, "the client got no answer");
		event_base_loop(base, EVLOOP_ONCE);
	}
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), strangers[_i].status);
	ck_assert_uint_eq(fake.reloads,
			  strcmp(strangers[_i].request, RELOAD_REQUEST) == 0 && status == 0);
	if (fake.audits > 0)
		ck_assert_int_eq(fake.audited_pid, child);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("control_server");
	TCase *serve = tcase_create("serve");

	tcase_add_checked_fixture(serve, control_setup, control_teardown);
	tcase_set_timeout(serve, 60);
	tcase_add_loop_test(serve, control_server_answers_every_verb, 0, ARRAY_LEN(requests));
	tcase_add_test(serve, control_server_takes_a_request_torn_anywhere);
	tcase_add_test(serve, control_server_answers_after_half_close);
	tcase_add_test(serve, control_server_answers_the_first_of_two_lines_only);
	tcase_add_test(serve, control_server_ignores_half_a_request);
	tcase_add_loop_test(serve, control_server_bounds_a_request, 0, ARRAY_LEN(lengths));
	tcase_add_loop_test(serve, control_server_refuses_garbage, 0, ARRAY_LEN(garbage));
	tcase_add_test(serve, control_server_refuses_deep_nesting);
	tcase_add_test(serve, control_server_refuses_the_65th_client);
	tcase_add_test(serve, control_server_closes_who_makes_no_progress);
	tcase_add_test(serve, control_server_serves_others_beside_the_deaf);
	tcase_add_test(serve, control_server_bounds_what_waits_to_be_read);
	tcase_add_test(serve, control_server_can_be_freed_with_clients);
	tcase_add_loop_test(serve, control_server_asks_the_kernel_who_connected, 0,
			    ARRAY_LEN(strangers));
	suite_add_tcase(suite, serve);
	return suite;
}
