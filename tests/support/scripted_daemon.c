#include "support/scripted_daemon.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/level.h"

#define DEADLINE_MS 10000

void daemon_listen(struct scripted_daemon *daemon)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->path);
	daemon->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(daemon->listener, 0);
	ck_assert_int_eq(bind(daemon->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(daemon->listener, 16), 0);
}

void daemon_init(struct scripted_daemon *daemon, bool listening)
{
	const char *parent = getenv("TMPDIR");

	*daemon = (struct scripted_daemon){ .listener = -1, .peer = -1 };
	snprintf(daemon->folder, sizeof(daemon->folder), "%s/logfwd-XXXXXX",
		 parent != NULL && strlen(parent) < 40 ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(daemon->folder));
	snprintf(daemon->path, sizeof(daemon->path), "%s/client", daemon->folder);
	if (listening)
		daemon_listen(daemon);
}

static void close_peer(struct scripted_daemon *daemon)
{
	if (daemon->peer >= 0)
		close(daemon->peer);
	daemon->peer = -1;
	daemon->unread = (struct span){ 0 };
}

void daemon_die(struct scripted_daemon *daemon)
{
	close_peer(daemon);
	if (daemon->listener >= 0)
		close(daemon->listener);
	daemon->listener = -1;
	unlink(daemon->path);
}

void daemon_deinit(struct scripted_daemon *daemon)
{
	daemon_die(daemon);
	rmdir(daemon->folder);
}

static bool is_readable(int fd, int wait_ms)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };

	return poll(&polled, 1, wait_ms) > 0;
}

void daemon_hang_up(struct scripted_daemon *daemon)
{
	close_peer(daemon);
}

bool daemon_has_caller(struct scripted_daemon *daemon)
{
	return is_readable(daemon->listener, 0);
}

void daemon_accept(struct scripted_daemon *daemon, const char *app_name)
{
	struct frame_hello hello;
	struct frame frame;

	close_peer(daemon);
	ck_assert_msg(is_readable(daemon->listener, DEADLINE_MS), "nobody connects");
	daemon->peer = accept4(daemon->listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(daemon->peer, 0);
	frame = daemon_next(daemon);
	ck_assert_int_eq(frame.type, FRAME_HELLO);
	ck_assert(frame_parse_hello(frame.body, &hello));
	ck_assert_int_eq(hello.version, WIRE_VERSION);
	ck_assert_uint_eq(hello.features, FEATURE_RING | FEATURE_LEVEL_PAGE | FEATURE_LEAVE);
	if (app_name != NULL)
		ck_assert(span_equal(hello.app_name, span_of(app_name)));
}

void daemon_say_bytes(struct scripted_daemon *daemon, const void *bytes, size_t length)
{
	ck_assert_int_eq(send(daemon->peer, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static void say(struct scripted_daemon *daemon, const struct writer *writer)
{
	ck_assert(!writer->failed);
	daemon_say_bytes(daemon, writer->ptr, writer->len);
}

void daemon_welcome(struct scripted_daemon *daemon, uint32_t record_bytes)
{
	struct frame_welcome welcome = { .version = WIRE_VERSION, .record_bytes = record_bytes };
	uint8_t bytes[64];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	frame_write_welcome(&writer, &welcome);
	say(daemon, &writer);
}

void daemon_welcome_with(struct scripted_daemon *daemon, uint32_t features, const int *fds,
			 size_t count)
{
	struct frame_welcome welcome = {
		.version = WIRE_VERSION,
		.features = features,
		.record_bytes = WIRE_RECORD_MAX,
	};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = { 0 };
	uint8_t bytes[64];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	struct iovec iov = { bytes, 0 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	frame_write_welcome(&writer, &welcome);
	iov.iov_len = writer.len;
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(daemon->peer, &message, MSG_NOSIGNAL), (ssize_t)writer.len);
}

void daemon_say_levels(struct scripted_daemon *daemon, uint8_t lease_floor,
		       const struct level_map_entry *entries, uint32_t count)
{
	uint8_t bytes[4096];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	frame_write_level_map(&writer, lease_floor, entries, count);
	say(daemon, &writer);
}

void daemon_say_error(struct scripted_daemon *daemon, enum frame_type type,
		      enum frame_error_code code, uint32_t logger_id)
{
	struct frame_error error = {
		.code = (uint16_t)code,
		.logger_id = logger_id,
		.reason = span_of("as the test says"),
	};
	uint8_t bytes[64];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	frame_write_error(&writer, type, &error);
	say(daemon, &writer);
}

void daemon_say_flushed(struct scripted_daemon *daemon, uint32_t token)
{
	uint8_t bytes[64];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	frame_write_flush(&writer, FRAME_FLUSHED, &(struct frame_flush){ token });
	say(daemon, &writer);
}

/* Receives a packet once the last one is read; false at the end of the connection. */
static bool receive(struct scripted_daemon *daemon)
{
	ssize_t length;

	if (daemon->unread.len > 0)
		return true;
	length = recv(daemon->peer, daemon->packet, sizeof(daemon->packet), MSG_TRUNC);
	if (length < 0 && errno == ECONNRESET) /* said once; what the client sent is behind it */
		length = recv(daemon->peer, daemon->packet, sizeof(daemon->packet), MSG_TRUNC);
	ck_assert_int_le(length, (ssize_t)sizeof(daemon->packet));
	if (length <= 0)
		return false;
	daemon->packets++;
	daemon->unread = span_of_bytes(daemon->packet, (size_t)length);
	return true;
}

bool daemon_has_next(struct scripted_daemon *daemon, int wait_ms)
{
	return daemon->unread.len > 0 || (is_readable(daemon->peer, wait_ms) && receive(daemon));
}

bool daemon_is_left_alone(struct scripted_daemon *daemon)
{
	return daemon->unread.len == 0 && is_readable(daemon->peer, 0) && !receive(daemon);
}

struct frame daemon_next(struct scripted_daemon *daemon)
{
	struct frame frame;

	ck_assert_msg(daemon_has_next(daemon, DEADLINE_MS), "no frame comes");
	ck_assert_int_eq(frame_take(&daemon->unread, &frame), FRAME_TAKEN);
	return frame;
}

static struct span next_body(struct scripted_daemon *daemon, enum frame_type type)
{
	struct frame frame = daemon_next(daemon);

	ck_assert_int_eq(frame.type, type);
	return frame.body;
}

uint32_t daemon_expect_open(struct scripted_daemon *daemon, const char *name)
{
	struct frame_open open;

	ck_assert(frame_parse_open(next_body(daemon, FRAME_OPEN), &open));
	ck_assert_msg(span_equal(open.name, span_of(name)), "%.*s is opened, not %s",
		      (int)open.name.len, (const char *)open.name.ptr, name);
	return open.logger_id;
}

void daemon_expect_close(struct scripted_daemon *daemon, uint32_t logger_id)
{
	struct frame_close close;

	ck_assert(frame_parse_close(next_body(daemon, FRAME_CLOSE), &close));
	ck_assert_uint_eq(close.logger_id, logger_id);
}

void daemon_expect_level(struct scripted_daemon *daemon, uint32_t logger_id, uint8_t level)
{
	struct frame_set_level set_level;

	ck_assert(frame_parse_set_level(next_body(daemon, FRAME_SET_LEVEL), &set_level));
	ck_assert_uint_eq(set_level.logger_id, logger_id);
	ck_assert_uint_eq(set_level.level, level);
}

void daemon_expect_context(struct scripted_daemon *daemon, uint32_t logger_id, const char *key,
			   const char *value)
{
	struct frame_context context;

	ck_assert(frame_parse_context(next_body(daemon, FRAME_CONTEXT), &context));
	ck_assert_uint_eq(context.logger_id, logger_id);
	ck_assert(span_equal(context.pair.key, span_of(key)));
	ck_assert_int_eq(context.set, value != NULL);
	ck_assert(span_equal(context.pair.value, span_of(value)));
}

struct frame_record daemon_expect_record(struct scripted_daemon *daemon, uint32_t logger_id,
					 const char *text)
{
	struct frame_record record;

	ck_assert(frame_parse_record(next_body(daemon, FRAME_RECORD), &record));
	ck_assert_uint_eq(record.logger_id, logger_id);
	ck_assert_msg(span_equal(record.text, span_of(text)), "\"%.*s\" came, not \"%s\"",
		      (int)record.text.len, (const char *)record.text.ptr, text);
	return record;
}

struct frame_dropped daemon_expect_dropped(struct scripted_daemon *daemon, uint64_t records)
{
	struct frame_dropped dropped;

	ck_assert(frame_parse_dropped(next_body(daemon, FRAME_DROPPED), &dropped));
	ck_assert_uint_eq(dropped.records, records);
	ck_assert_int_le(dropped.first_us, dropped.last_us);
	return dropped;
}

uint32_t daemon_expect_flush(struct scripted_daemon *daemon)
{
	struct frame_flush flush;

	ck_assert(frame_parse_flush(next_body(daemon, FRAME_FLUSH), &flush));
	return flush.token;
}

struct logfwd_client *daemon_client(struct scripted_daemon *daemon, struct logfwd_options options)
{
	struct logfwd_client *client;

	options.size = sizeof(options);
	options.socket_path = daemon->path;
	ck_assert_int_eq(logfwd_client_open(&client, &options), 0);
	return client;
}

struct logfwd_client *daemon_connected_client(struct scripted_daemon *daemon)
{
	struct logfwd_client *client = daemon_client(daemon, (struct logfwd_options){ 0 });

	daemon_accept(daemon, NULL);
	daemon_welcome(daemon, WIRE_RECORD_MAX);
	daemon_say_levels(daemon, LEVEL_MAX + 1, NULL, 0);
	return client;
}

struct logfwd_logger *open_logger(struct logfwd_client *client, const char *name)
{
	struct logfwd_logger *logger;

	ck_assert_int_eq(logfwd_logger_open(client, name, &logger), 0);
	return logger;
}

struct logfwd_client_stats client_stats(struct logfwd_client *client)
{
	struct logfwd_client_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(logfwd_client_stats(client, &stats), 0);
	ck_assert_uint_eq(stats.records, stats.sent + stats.dropped + stats.buffered);
	return stats;
}
