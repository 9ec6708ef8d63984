/*
 * micro_client: what a call costs whose level is disabled, beyond a call that does nothing. The
 * daemon is played by this program itself, as far as a client that logs nothing can tell.
 */
#include "micro.h"

#include "intake/descriptors.h"
#include "intake/level_page.h"
#include "wire/frame.h"
#include "wire/level.h"

#include <logfwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#define TEXT "not formatted: %zu"

static uint64_t call_nothing_enabled(void *arg, size_t turn)
{
	(void)turn;
	return nothing_enabled(arg, LOGFWD_DEBUG);
}

static uint64_t call_enabled(void *arg, size_t turn)
{
	(void)turn;
	return logfwd_enabled(arg, LOGFWD_DEBUG);
}

static uint64_t call_nothing_log(void *arg, size_t turn)
{
	return (uint64_t)nothing_log(arg, LOGFWD_DEBUG, TEXT, turn);
}

static uint64_t call_log(void *arg, size_t turn)
{
	return (uint64_t)logfwd_log(arg, LOGFWD_DEBUG, TEXT, turn);
}

static uint64_t call_nothing_write(void *arg, size_t turn)
{
	(void)turn;
	return (uint64_t)nothing_write(arg, LOGFWD_DEBUG, TEXT, sizeof(TEXT) - 1);
}

static uint64_t call_write(void *arg, size_t turn)
{
	(void)turn;
	return (uint64_t)logfwd_write(arg, LOGFWD_DEBUG, TEXT, sizeof(TEXT) - 1);
}

/* A daemon in a folder of its own, whose configuration has root at warning. */
struct played_daemon {
	char folder[32];
	struct sockaddr_un address;
	int listener, peer;
	struct level_page *page; /* NULL: one that has none to offer */
};

static void play(struct played_daemon *daemon, bool with_page)
{
	*daemon = (struct played_daemon){ .folder = "/tmp/logfwd-micro-XXXXXX", .peer = -1 };
	require(mkdtemp(daemon->folder) != NULL, "mkdtemp");
	daemon->address.sun_family = AF_UNIX;
	snprintf(daemon->address.sun_path, sizeof(daemon->address.sun_path), "%s/socket",
		 daemon->folder);
	daemon->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	require(bind(daemon->listener, (struct sockaddr *)&daemon->address,
		     sizeof(daemon->address)) == 0 &&
			listen(daemon->listener, 1) == 0,
		"listening");
	require(!with_page || level_page_new(&daemon->page) == 0, "a level page");
}

static int send_with_page(const struct played_daemon *daemon, struct span packet)
{
	int fd = level_page_fd(daemon->page);

	return descriptors_send(daemon->peer, packet.ptr, packet.len, &fd, 1);
}

static void play_welcome(struct played_daemon *daemon)
{
	static const struct level_map_entry root = {
		.kind = LEVEL_MAP_CONFIGURED,
		.level = LEVEL_WARNING,
	};
	const struct frame_welcome welcome = {
		.version = WIRE_VERSION,
		.features = daemon->page != NULL ? FEATURE_LEVEL_PAGE : 0,
		.record_bytes = WIRE_RECORD_MAX,
	};
	uint8_t bytes[128];
	struct writer packet = writer_over(bytes, sizeof(bytes));

	frame_write_welcome(&packet, &welcome);
	frame_write_level_map(&packet, LEVEL_MAX + 1, &root, 1);
	daemon->peer = accept4(daemon->listener, NULL, NULL, SOCK_CLOEXEC);
	require(daemon->peer >= 0, "accepting the client");
	if (daemon->page != NULL)
		require(send_with_page(daemon, writer_span(&packet)) == 0,
			"sending the level page");
	else
		require(send(daemon->peer, bytes, packet.len, MSG_NOSIGNAL) > 0, "a welcome");
}

static void play_the_end(struct played_daemon *daemon)
{
	level_page_free(daemon->page);
	close(daemon->peer);
	close(daemon->listener);
	unlink(daemon->address.sun_path);
	rmdir(daemon->folder);
}

/* What a subject takes more than one that does nothing. */
static void measure_beyond(const char *name, subject *nothing, subject *call, void *arg)
{
	printf("%s %.2f\n", name, measure_ns(call, arg) - measure_ns(nothing, arg));
}

static void measure_with(bool page, const char *enabled_name, const char *log_name,
			 const char *write_name)
{
	struct played_daemon daemon;
	struct logfwd_options options = { .size = sizeof(options) };
	struct logfwd_client *client;
	struct logfwd_logger *logger;

	play(&daemon, page);
	options.socket_path = daemon.address.sun_path;
	require(logfwd_client_open(&client, &options) == 0, "logfwd_client_open");
	play_welcome(&daemon);
	require(logfwd_logger_open(client, "bench", &logger) == 0, "logfwd_logger_open");
	logfwd_flush(client, 0); /* reads what was said */
	require(!logfwd_enabled(logger, LOGFWD_DEBUG), "disabling a logger");
	measure_beyond(enabled_name, call_nothing_enabled, call_enabled, logger);
	measure_beyond(log_name, call_nothing_log, call_log, logger);
	measure_beyond(write_name, call_nothing_write, call_write, logger);
	logfwd_client_close(client);
	play_the_end(&daemon);
}

void measure_client(void)
{
	printf("an empty call %.2f\n", measure_ns(call_nothing_log, NULL));
	measure_with(true, "beyond it: disabled logfwd_enabled", "beyond it: disabled logfwd_log",
		     "beyond it: disabled logfwd_write");
	measure_with(false, "... logfwd_enabled, no level page", "... logfwd_log, no level page",
		     "... logfwd_write, no level page");
}
