/* Proves that the control server answers one line with one line, or with slices one by one, knows
 * who asks, and that no client, silent, slow, torn, huge or one too many, keeps it from answering
 * the others. */
#include "control/control_server.h"

#include <check.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/span.h"
#include "support/fake_control_ops.h"
#include "support/suite.h"

#define OPERATORS      4711 /* group of the socket file */
#define NOBODY	       65534
#define STATS_REQUEST  "{\"verb\":\"stats\"}\n"
#define RELOAD_REQUEST "{\"verb\":\"reload\"}\n"
#define DEADLINE_S     5
#define REPLY_MAX      65536

static struct fake_ops fake;
static struct event_base *base;
static struct event *tick; /* lets EVLOOP_ONCE return, so that conditions are looked at */
static struct control_server *server;
static char folder[] = "/tmp/logfwd-control-XXXXXX";
static struct sockaddr_un address;

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void start(void)
{
	const struct timeval interval = { .tv_usec = 2000 };
	struct control_ops ops = fake_control_ops(&fake);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	signal(SIGPIPE, SIG_IGN);
	fake = (struct fake_ops){ 0 };
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0); /* for a client that is somebody else */
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", folder);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(chmod(address.sun_path, 0666), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(chown(address.sun_path, (uid_t)-1, OPERATORS), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	base = event_base_new();
	tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	event_add(tick, &interval);
	ck_assert_int_eq(control_server_new(base, fd, &ops, &server), 0);
}

static void stop(void)
{
	control_server_free(server);
	event_free(tick);
	event_base_free(base);
	unlink(address.sun_path);
	rmdir(folder);
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const void *bytes, size_t length)
{
	ck_assert_int_eq(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

/* Runs the loop until the connection ends; keeps the first bytes. Returns how many came. */
static size_t hear(int fd, char *buffer, size_t cap, time_t patience_s)
{
	const time_t deadline = seconds() + patience_s;
	char rest[4096];
	size_t total = 0;

	for (;;) {
		bool room = total < cap - 1;
		ssize_t n = recv(fd, room ? buffer + total : rest,
				 room ? cap - 1 - total : sizeof(rest), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			break;
		if (n > 0) {
			total += (size_t)n;
			continue;
		}
		ck_assert_int_eq(errno, EAGAIN);
		ck_assert_msg(seconds() <= deadline, "no end of the answer in time");
		event_base_loop(base, EVLOOP_ONCE);
	}
	buffer[total < cap ? total : cap - 1] = '\0';
	return total;
}

/* The reply to what was said, which must be one line; owned. NULL when there was none. */
static json_t *reply_on(int fd)
{
	static char text[REPLY_MAX];
	size_t length = hear(fd, text, sizeof(text), DEADLINE_S);
	json_t *reply;

	close(fd);
	if (length == 0)
		return NULL;
	ck_assert_uint_lt(length, sizeof(text));
	ck_assert_ptr_eq(strchr(text, '\n'), text + length - 1);
	reply = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(reply);
	return reply;
}

/* "" for ok, else the code of the error, "closed" without a reply. */
static const char *outcome(json_t *reply)
{
	static char code[32];

	if (reply == NULL)
		return "closed";
	if (strcmp(json_string_value(json_object_get(reply, "status")), "ok") == 0)
		code[0] = '\0';
	else
		snprintf(code, sizeof(code), "%s",
			 json_string_value(json_object_get(reply, "code")));
	json_decref(reply);
	return code;
}

static const char *ask(const char *request)
{
	int fd = dial();

	say(fd, request, strlen(request));
	return outcome(reply_on(fd));
}

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

/* Answers in slices */

#define LOGGERS_REQUEST "{\"verb\":\"loggers\"}\n"

/* The reply on a connection, line by line; the status of its last one. Checks their order. */
static const char *slices_on(int fd, unsigned *slices_out)
{
	static char text[1 << 20];
	static char status[32];
	size_t length = hear(fd, text, sizeof(text), DEADLINE_S);

	close(fd);
	ck_assert_uint_lt(length, sizeof(text));
	*slices_out = 0;
	strcpy(status, "none");
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		json_t *reply = json_loads(line, 0, NULL);
		json_t *slice = json_object_get(json_object_get(reply, "result"), "slice");

		snprintf(status, sizeof(status), "%s",
			 json_string_value(json_object_get(reply, "status")));
		if (slice != NULL)
			ck_assert_int_eq(json_integer_value(slice), (*slices_out)++);
		json_decref(reply);
	}
	return status;
}

static int ask_for_slices(void)
{
	int fd = dial();

	say(fd, LOGGERS_REQUEST, strlen(LOGGERS_REQUEST));
	return fd;
}

static void turn(size_t times)
{
	for (size_t i = 0; i < times; i++)
		event_base_loop(base, EVLOOP_ONCE);
}

/* Runs the loop until so many streams have begun and so many have ended. */
static void wait_for_streams(unsigned begun, unsigned ended)
{
	const time_t deadline = seconds() + DEADLINE_S;

	while (fake.streams_begun < begun || fake.streams_ended < ended) {
		ck_assert_msg(seconds() <= deadline, "%u streams have begun, %u ended",
			      fake.streams_begun, fake.streams_ended);
		turn(1);
	}
}

START_TEST(control_server_answers_in_slices)
{
	unsigned slices;

	fake.slices = 500;
	ck_assert_str_eq(slices_on(ask_for_slices(), &slices), "ok");
	ck_assert_uint_eq(slices, 501);
	ck_assert_uint_eq(fake.streams_ended, 1);
}
END_TEST

START_TEST(control_server_goes_on_after_a_half_close)
{
	unsigned slices;
	int fd = ask_for_slices();

	fake.slices = 100;
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_str_eq(slices_on(fd, &slices), "ok");
	ck_assert_uint_eq(slices, 101);
}
END_TEST

START_TEST(control_server_says_when_memory_ends_between_slices)
{
	unsigned slices;

	fake.slices = 3;
	fake.no_memory = true;
	ck_assert_str_eq(slices_on(ask_for_slices(), &slices), "error");
	ck_assert_uint_eq(slices, 3);
	ck_assert_uint_eq(fake.streams_ended, 1);
}
END_TEST

/* Each turn of the loop makes at most one slice, so that many streams make no longer turns. */
START_TEST(control_server_makes_one_slice_a_turn)
{
	int fds[8];

	fake.slices = 1000;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = ask_for_slices();
	wait_for_streams(ARRAY_LEN(fds), 0);
	for (size_t i = 0; i < 100; i++) {
		unsigned asked = fake.slices_asked;

		turn(1);
		ck_assert_uint_le(fake.slices_asked - asked, 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		unsigned slices;

		ck_assert_str_eq(slices_on(fds[i], &slices), "ok");
		ck_assert_uint_eq(slices, 1001);
	}
}
END_TEST

/* Whoever does not read stalls himself: nothing more is made for him, and others go on. */
START_TEST(control_server_stalls_a_stream_that_nobody_reads)
{
	int deaf = ask_for_slices();
	unsigned asked, slices;

	fake.slices = 50;
	fake.slice_padding = 1 << 20;
	wait_for_streams(1, 0);
	turn(20);
	asked = fake.slices_asked;
	ck_assert_uint_lt(asked, 5);
	turn(50);
	ck_assert_uint_eq(fake.slices_asked, asked);
	fake.slice_padding = 0;
	ck_assert_str_eq(slices_on(ask_for_slices(), &slices), "ok");
	ck_assert_uint_eq(slices, 51);
	ck_assert_str_eq(ask(STATS_REQUEST), "");
	ck_assert_uint_eq(fake.streams_ended, 1);
	close(deaf);
	wait_for_streams(2, 2);
}
END_TEST

START_TEST(control_server_closes_a_stream_that_stalls)
{
	int deaf = ask_for_slices();
	const time_t deadline = seconds() + CONTROL_TIMEOUT_S + DEADLINE_S;

	fake.slices = 50;
	fake.slice_padding = 1 << 20;
	while (fake.streams_ended == 0) {
		ck_assert_msg(seconds() <= deadline, "the stream goes on for ever");
		turn(1);
	}
	close(deaf);
}
END_TEST

START_TEST(control_server_aborts_the_stream_of_who_goes)
{
	for (int endless = 0; endless <= 1; endless++) {
		unsigned begun = fake.streams_begun;
		int fd = ask_for_slices();

		fake.slices = 1000000;
		fake.endless = endless == 1;
		wait_for_streams(begun + 1, begun);
		turn(5);
		ck_assert_uint_eq(fake.streams_ended, begun);
		close(fd);
		wait_for_streams(begun + 1, begun + 1);
	}
}
END_TEST

START_TEST(control_server_ignores_what_comes_behind_an_endless_request)
{
	char bytes[8192];
	int fd = ask_for_slices();

	fake.endless = true;
	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < 100; i++) {
		say(fd, bytes, sizeof(bytes));
		turn(3);
	}
	ck_assert_uint_eq(fake.streams_begun, 1);
	ck_assert_uint_eq(fake.streams_ended, 0);
	close(fd);
	wait_for_streams(1, 1);
}
END_TEST

START_TEST(control_server_bounds_streams)
{
	int fds[CONTROL_STREAMS_MAX];
	unsigned slices;

	fake.endless = true;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = ask_for_slices();
	wait_for_streams(ARRAY_LEN(fds), 0);
	ck_assert_str_eq(ask(LOGGERS_REQUEST), "failed");
	ck_assert_uint_eq(fake.streams_ended, 1);
	ck_assert_str_eq(ask(STATS_REQUEST), "");
	close(fds[0]);
	wait_for_streams(0, 2);
	fake.endless = false;
	ck_assert_str_eq(slices_on(ask_for_slices(), &slices), "ok");
	for (size_t i = 1; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}
END_TEST

START_TEST(control_server_can_be_freed_with_streams)
{
	int deaf = ask_for_slices(), waiting;

	fake.slices = 50;
	fake.slice_padding = 1 << 20;
	wait_for_streams(1, 0);
	turn(10);
	fake.endless = true;
	waiting = ask_for_slices();
	wait_for_streams(2, 0);
	control_server_free(server);
	server = NULL;
	ck_assert_uint_eq(fake.streams_ended, 2);
	close(deaf);
	close(waiting);
}
END_TEST

/* Who asks */

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
	TCase *slices = tcase_create("slices");

	tcase_add_checked_fixture(serve, start, stop);
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
	tcase_add_checked_fixture(slices, start, stop);
	tcase_set_timeout(slices, 60);
	tcase_add_test(slices, control_server_answers_in_slices);
	tcase_add_test(slices, control_server_goes_on_after_a_half_close);
	tcase_add_test(slices, control_server_says_when_memory_ends_between_slices);
	tcase_add_test(slices, control_server_makes_one_slice_a_turn);
	tcase_add_test(slices, control_server_stalls_a_stream_that_nobody_reads);
	tcase_add_test(slices, control_server_closes_a_stream_that_stalls);
	tcase_add_test(slices, control_server_aborts_the_stream_of_who_goes);
	tcase_add_test(slices, control_server_ignores_what_comes_behind_an_endless_request);
	tcase_add_test(slices, control_server_bounds_streams);
	tcase_add_test(slices, control_server_can_be_freed_with_streams);
	suite_add_tcase(suite, slices);
	return suite;
}
