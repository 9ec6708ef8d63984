/* Proves that the metrics endpoint serves its one page, refuses the rest, and bounds its connections. */
#include "control/metrics_server.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include "base/span.h"
#include "support/fake_control_ops.h"
#include "support/suite.h"

#define DEADLINE_S 5
#define ANSWER_MAX 65536

static struct fake_ops fake;
static struct event_base *base;
static struct event *tick; /* lets EVLOOP_ONCE return, so that conditions are looked at */
static struct metrics_server *server;

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static int new_server(const char *address)
{
	struct control_ops ops = fake_control_ops(&fake);
	char listen[64];
	struct metrics_options options = { .listen = listen };

	snprintf(listen, sizeof(listen), "%s", address);
	return metrics_server_new(base, &options, &ops, &server);
}

static void start(void)
{
	const struct timeval interval = { .tv_usec = 2000 };

	signal(SIGPIPE, SIG_IGN);
	fake = (struct fake_ops){ 0 };
	server = NULL;
	base = event_base_new();
	tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	event_add(tick, &interval);
}

static void stop(void)
{
	metrics_server_free(server);
	event_free(tick);
	event_base_free(base);
}

static int dial(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const char *port = strrchr(metrics_server_address(server), ':') + 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Runs the loop until fd's end of file; returns all that came, static. */
static const char *hear(int fd)
{
	static char answer[ANSWER_MAX];
	const time_t deadline = seconds() + DEADLINE_S;
	size_t total = 0;

	for (;;) {
		ssize_t n = recv(fd, answer + total, sizeof(answer) - 1 - total, MSG_DONTWAIT);

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
	answer[total] = '\0';
	close(fd);
	return answer;
}

static const char *ask(const char *request)
{
	int fd = dial();

	ck_assert_int_eq(send(fd, request, strlen(request), MSG_NOSIGNAL),
			 (ssize_t)strlen(request));
	return hear(fd);
}

START_TEST(metrics_server_serves_the_accounts)
{
	const char *answer;

	ck_assert_int_eq(new_server("127.0.0.1:0"), 0);
	answer = ask("GET /metrics HTTP/1.0\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(answer, " 200 OK\r\n"));
	ck_assert_ptr_nonnull(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
	ck_assert_ptr_nonnull(strstr(answer, "\nlogfwd_records_total{result=\"accepted\"} 60\n"));
}
END_TEST

static const struct {
	const char *request;
	const char *status; /* of the answer */
} others[] = {
	{ "GET / HTTP/1.0\r\n\r\n", " 404 " },
	{ "GET /metrics/ HTTP/1.0\r\n\r\n", " 404 " },
	{ "GET /metricsx HTTP/1.0\r\n\r\n", " 404 " },
	{ "GET /metrics?x=1 HTTP/1.0\r\n\r\n", " 200 " },
	{ "HEAD /metrics HTTP/1.0\r\n\r\n", " 200 " },
	{ "DELETE /metrics HTTP/1.0\r\n\r\n", " 405 " },
	{ "POST /metrics HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", " 405 " },
};

START_TEST(metrics_server_refuses_the_rest)
{
	const char *answer;

	ck_assert_int_eq(new_server("127.0.0.1:0"), 0);
	answer = ask(others[_i].request);
	ck_assert_msg(strncmp(answer, "HTTP/1.", 7) == 0 &&
			      strncmp(answer + 8, others[_i].status, 5) == 0,
		      "%s", answer);
}
END_TEST

START_TEST(metrics_server_says_when_memory_is_out)
{
	ck_assert_int_eq(new_server("127.0.0.1:0"), 0);
	fake.no_memory = true;
	ck_assert_ptr_nonnull(strstr(ask("GET /metrics HTTP/1.0\r\n\r\n"), " 500 "));
}
END_TEST

START_TEST(metrics_server_survives_garbage)
{
	static char huge[100000];

	ck_assert_int_eq(new_server("127.0.0.1:0"), 0);
	memset(huge, 'x', sizeof(huge) - 1);
	ask("\r\n\r\n\xff\xfe\r\n\r\n");
	ask(huge);
	ck_assert_ptr_nonnull(strstr(ask("GET /metrics HTTP/1.0\r\n\r\n"), " 200 OK\r\n"));
}
END_TEST

START_TEST(metrics_server_bounds_its_connections)
{
	int silent[100];

	ck_assert_int_eq(new_server("127.0.0.1:0"), 0);
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		silent[i] = dial();
		event_base_loop(base, EVLOOP_ONCE);
	}
	ck_assert_ptr_nonnull(strstr(ask("GET /metrics HTTP/1.0\r\n\r\n"), " 200 OK\r\n"));
	/* The oldest of too many was closed, the newest still waits. */
	ck_assert_str_eq(hear(silent[0]), "");
	ck_assert_int_lt(recv(silent[99], &(char){ 0 }, 1, MSG_DONTWAIT), 0);
	for (size_t i = 1; i < ARRAY_LEN(silent); i++)
		close(silent[i]);
}
END_TEST

START_TEST(metrics_server_forgets_ended_connections)
{
	ck_assert_int_eq(new_server("127.0.0.1:0"), 0);
	for (size_t i = 0; i < 200; i++)
		ck_assert_ptr_nonnull(strstr(ask("GET /metrics HTTP/1.0\r\n\r\n"), " 200 OK\r\n"));
}
END_TEST

static const char *const last_words[] = {
	"GET /metrics HTTP/1.0\r\n\r\n",
	"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
	"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
	"\r\n\r\n\xff\xfe\r\n\r\n",
};

static void on_heard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	++*(int *)arg;
}

/* A descriptor that ends while libevent still watches its number makes the next owner deaf. */
START_TEST(metrics_server_leaves_nothing_to_the_next_of_a_number)
{
	const time_t deadline = seconds() + DEADLINE_S;
	struct event *events[8];
	int fds[ARRAY_LEN(events)], heard = 0;

	ck_assert_int_eq(new_server("127.0.0.1:0"), 0);
	ask(last_words[_i]);
	for (size_t i = 0; i < ARRAY_LEN(fds); i += 2)
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &fds[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		events[i] = event_new(base, fds[i], EV_READ, on_heard, &heard);
		ck_assert_int_eq(event_add(events[i], NULL), 0);
		ck_assert_int_eq(send(fds[i ^ 1], "x", 1, MSG_NOSIGNAL), 1);
	}
	while (heard < (int)ARRAY_LEN(fds) && seconds() <= deadline)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert_int_eq(heard, ARRAY_LEN(fds));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		event_free(events[i]);
		close(fds[i]);
	}
}
END_TEST

START_TEST(metrics_server_says_where_it_listens)
{
	char second[64];
	struct metrics_server *first;

	ck_assert_int_eq(new_server("127.0.0.1:0"), 0);
	snprintf(second, sizeof(second), "%s", metrics_server_address(server));
	ck_assert_int_eq(strncmp(second, "127.0.0.1:", 10), 0);
	ck_assert_str_ne(second, "127.0.0.1:0");
	first = server;
	ck_assert_int_eq(new_server(second), -EADDRINUSE);
	ck_assert_ptr_eq(server, first);
}
END_TEST

static const char *const bad_addresses[] = {
	"",	 "127.0.0.1",	    "localhost:1", "::1",	  "::1:9514",
	"[::1]", "127.0.0.1:70000", "1.2.3:80",	   "127.0.0.1:x", "[::1:80"
};

START_TEST(metrics_server_refuses_bad_addresses)
{
	ck_assert_int_eq(new_server(bad_addresses[_i]), -EINVAL);
	ck_assert_ptr_null(server);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("metrics_server");
	TCase *serve = tcase_create("serve");

	tcase_add_checked_fixture(serve, start, stop);
	tcase_set_timeout(serve, 30);
	tcase_add_test(serve, metrics_server_serves_the_accounts);
	tcase_add_loop_test(serve, metrics_server_refuses_the_rest, 0, ARRAY_LEN(others));
	tcase_add_test(serve, metrics_server_says_when_memory_is_out);
	tcase_add_test(serve, metrics_server_survives_garbage);
	tcase_add_test(serve, metrics_server_bounds_its_connections);
	tcase_add_test(serve, metrics_server_forgets_ended_connections);
	tcase_add_loop_test(serve, metrics_server_leaves_nothing_to_the_next_of_a_number, 0,
			    ARRAY_LEN(last_words));
	tcase_add_test(serve, metrics_server_says_where_it_listens);
	tcase_add_loop_test(serve, metrics_server_refuses_bad_addresses, 0,
			    ARRAY_LEN(bad_addresses));
	suite_add_tcase(suite, serve);
	return suite;
}
