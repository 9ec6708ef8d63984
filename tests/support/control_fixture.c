#include "support/control_fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define REPLY_MAX 65536

struct fake_ops fake;
struct event_base *base;
static struct event *tick; /* lets EVLOOP_ONCE return, so that conditions are looked at */
struct control_server *server;
static char folder[] = "/tmp/logfwd-control-XXXXXX";
struct sockaddr_un address;

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

void control_setup(void)
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

void control_teardown(void)
{
	control_server_free(server);
	event_free(tick);
	event_base_free(base);
	unlink(address.sun_path);
	rmdir(folder);
}

void turn(size_t times)
{
	for (size_t i = 0; i < times; i++)
		event_base_loop(base, EVLOOP_ONCE);
}

time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void say(int fd, const void *bytes, size_t length)
{
	ck_assert_int_eq(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

size_t hear(int fd, char *buffer, size_t cap, time_t patience_s)
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

json_t *reply_on(int fd)
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

const char *outcome(json_t *reply)
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

const char *ask(const char *request)
{
	int fd = dial();

	say(fd, request, strlen(request));
	return outcome(reply_on(fd));
}
