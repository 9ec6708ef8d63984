#include "client/client.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "client/clock.h"
#include "client/fork.h"
#include "client/input.h"
#include "client/inside.h"
#include "client/link.h"
#include "client/loggers.h"

#define DEFAULT_SOCKET	     "/run/logfwd/client.sock"
#define DEFAULT_BUFFER_BYTES (1024 * 1024)
#define WAIT_SLICE_MS	     10 /* another thread may take the answer that this one waits for */

/* What the structs had in the first version of the library; no caller has less. */
#define OPTIONS_SIZE_MIN (offsetof(struct logfwd_options, buffer_bytes) + sizeof(size_t))
#define STATS_SIZE_MIN	 (offsetof(struct logfwd_client_stats, loggers) + sizeof(uint64_t))

/* In a child process: all that fork() copied and that is the parent's. */
static void start_afresh(struct logfwd_client *client)
{
	client->is_forked = false;
	connection_start_afresh(&client->connection);
	level_page_detach(&client->level_page); /* only the parent hears what it announces */
	client->is_welcome = false;
	client->is_stalled = false;
	client->losses = (struct losses){ 0 };
	atomic_store_explicit(&client->refused_records, 0, memory_order_relaxed);
	shared_ring_forget(&client->ring);
	client->expects_ring = false;
	stream_clear(&client->stream);
	loggers_start_afresh(client);
	client->counts = (struct logfwd_client_stats){ 0 };
	client_levels_changed(client);
}

/* No lock: it is called where that is out of reach. */
void client_refuse_record(struct logfwd_client *client, int64_t time_us)
{
	atomic_store_explicit(&client->refused_us, time_us, memory_order_relaxed);
	atomic_fetch_add_explicit(&client->refused_records, 1, memory_order_relaxed);
}

static void lose_refused(struct logfwd_client *client)
{
	uint32_t records =
		atomic_exchange_explicit(&client->refused_records, 0, memory_order_relaxed);
	int64_t time_us = atomic_load_explicit(&client->refused_us, memory_order_relaxed);

	client->counts.records += records;
	while (records-- > 0)
		client_lose_record(client, time_us);
}

_Thread_local volatile sig_atomic_t inside_mark;

bool client_enter(struct logfwd_client *client, struct client_hold *hold_out)
{
	if (inside_is())
		return false;
	inside_begin();
	hold_out->errno_kept = errno;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &hold_out->cancel_state);
	fork_check();
	pthread_mutex_lock(&client->lock);
	if (client->is_forked)
		start_afresh(client);
	if (atomic_load_explicit(&client->refused_records, memory_order_relaxed) > 0)
		lose_refused(client);
	return true;
}

void client_leave(struct logfwd_client *client, struct client_hold hold)
{
	pthread_mutex_unlock(&client->lock);
	inside_end();
	pthread_setcancelstate(hold.cancel_state, NULL);
	errno = hold.errno_kept;
}

bool client_wait(struct logfwd_client *client, int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms - clock_ms();
	struct pollfd socket = { .fd = client->connection.fd, .events = POLLIN };

	if (left_ms <= 0)
		return false;
	if (client->ring.in_use) {
		if (client->is_stalled && !shared_ring_await_room(&client->ring))
			return true;
	} else if (!TAILQ_EMPTY(&client->unregistered) || !stream_is_empty(&client->stream)) {
		socket.events |= POLLOUT;
	}
	client->stalled_calls = 0;
	pthread_mutex_unlock(&client->lock);
	poll(&socket, 1, (int)(left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS));
	pthread_mutex_lock(&client->lock);
	atomic_store_explicit(&client->input_due_ms, 0, memory_order_relaxed);
	return true;
}

void client_lose_record(struct logfwd_client *client, int64_t time_us)
{
	struct losses *losses = &client->losses;

	if (losses->records == 0 || time_us < losses->first_us)
		losses->first_us = time_us;
	if (losses->records == 0 || time_us > losses->last_us)
		losses->last_us = time_us;
	losses->records++;
	client->counts.dropped++;
}

/* True when all bytes of a caller's struct that this version does not know are zero. */
static bool is_zero_beyond(const void *given, size_t size, size_t known)
{
	const uint8_t *bytes = given;

	for (size_t i = known; i < size; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* Completes the options with their defaults. */
static int read_options(const struct logfwd_options *given, struct logfwd_options *options_out)
{
	struct logfwd_options options = { 0 };
	const char *socket = secure_getenv("LOGFWD_SOCKET");

	if (given != NULL) {
		if (given->size < OPTIONS_SIZE_MIN ||
		    !is_zero_beyond(given, given->size, sizeof(options)))
			return -EINVAL;
		memcpy(&options, given,
		       given->size < sizeof(options) ? given->size : sizeof(options));
	}
	if (options.when_full != LOGFWD_DROP_NEWEST && options.when_full != LOGFWD_DROP_OLDEST)
		return -EINVAL;
	if (options.socket_path == NULL)
		options.socket_path = socket != NULL && socket[0] != '\0' ? socket : DEFAULT_SOCKET;
	if (options.app_name == NULL)
		options.app_name = program_invocation_short_name;
	if (options.buffer_bytes == 0)
		options.buffer_bytes = DEFAULT_BUFFER_BYTES;
	*options_out = options;
	return 0;
}

/* Owns nothing yet but its memory when this fails. */
static int client_init(struct logfwd_client *client, const struct logfwd_options *options)
{
	size_t name_length = strnlen(options->app_name, sizeof(client->app_name) - 1);
	int error = connection_init(&client->connection, options->socket_path);

	if (error < 0)
		return error;
	pthread_mutex_init(&client->lock, NULL);
	memcpy(client->app_name, options->app_name, name_length);
	client->when_full = options->when_full;
	client->wait_ms = options->wait_ms;
	atomic_init(&client->generation, 1); /* a logger's cache, all zero, is stale */
	atomic_init(&client->record_bytes, WIRE_RECORD_MAX);
	shared_ring_init(&client->ring);
	stream_init(&client->stream, options->buffer_bytes);
	names_init(&client->names, (uint32_t)clock_wall_us() ^ (uint32_t)(uintptr_t)client);
	TAILQ_INIT(&client->unregistered);
	TAILQ_INIT(&client->close_due);
	error = level_page_init(&client->level_page);
	if (error < 0)
		return error;
	error = fork_remember(client);
	if (error < 0)
		level_page_deinit(&client->level_page);
	return error;
}

int logfwd_client_open(struct logfwd_client **client_out, const struct logfwd_options *given)
{
	CLEANUP(free) struct logfwd_client *client = NULL;
	struct logfwd_options options;
	struct client_hold hold;
	int errno_kept = errno;
	int error = read_options(given, &options);

	if (error < 0 || client_out == NULL)
		return -EINVAL;
	if (inside_is())
		return -EDEADLK;
	client = calloc(1, sizeof(*client));
	error = client == NULL ? -ENOMEM : client_init(client, &options);
	errno = errno_kept;
	if (error < 0)
		return error;
	if (client_enter(client, &hold)) {
		link_pump(client);
		client_leave(client, hold);
	}
	*client_out = move_ptr(client);
	return 0;
}

void logfwd_client_close(struct logfwd_client *client)
{
	struct client_hold hold;

	if (client == NULL || !client_enter(client, &hold))
		return;
	client->expects_ring = false; /* nothing comes after this that it could be for */
	link_pump(client);
	if (connection_is_open(&client->connection))
		input_read(client); /* what the daemon understands, if that is all it has said */
	link_leave(client);
	if (connection_is_open(&client->connection))
		input_read(client); /* unread input would reach the daemon as a reset */
	connection_close(&client->connection);
	client_leave(client, hold);
	fork_forget(client); /* not before the socket is closed: a child must not keep it open */
	shared_ring_detach(&client->ring); /* what is in it is the daemon's */
	stream_clear(&client->stream);
	loggers_deinit(client);
	names_deinit(&client->names);
	level_map_clear(&client->level_map);
	level_page_deinit(&client->level_page);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

/* Asks the daemon to answer once it has taken all that was submitted before. */
static bool ask_for_flush(struct logfwd_client *client)
{
	uint8_t bytes[WIRE_HEADER_BYTES + sizeof(uint32_t)];
	struct writer head = writer_over(bytes, sizeof(bytes));
	struct outgoing frame = { .type = FRAME_FLUSH };

	frame_write_flush(&head, FRAME_FLUSH, &(struct frame_flush){ client->flush_token + 1 });
	frame.head = writer_span(&head);
	if (link_submit(client, &frame) < 0)
		return false;
	client->flush_token++;
	return true;
}

/* A question dies with its connection, and is then asked again on the next. */
static int flush_until(struct logfwd_client *client, int64_t deadline_ms)
{
	uint64_t asked_on = 0; /* number of the connection; 0: not asked */
	uint32_t token = 0;

	atomic_store_explicit(&client->input_due_ms, 0, memory_order_relaxed);
	do {
		bool connected;

		link_pump(client);
		connected = connection_is_open(&client->connection);
		if (asked_on != 0 && (int32_t)(client->flushed_token - token) >= 0)
			return 0;
		if (connected && asked_on != client->counts.connected && ask_for_flush(client)) {
			asked_on = client->counts.connected;
			token = client->flush_token;
		}
		link_wake(client);
	} while (client_wait(client, deadline_ms));
	return connection_is_open(&client->connection) ? -ETIMEDOUT : -ENOTCONN;
}

int logfwd_flush(struct logfwd_client *client, int timeout_ms)
{
	struct client_hold hold;
	int error;

	if (client == NULL)
		return -EINVAL;
	if (!client_enter(client, &hold))
		return -EDEADLK;
	error = flush_until(client, timeout_ms < 0 ? INT64_MAX : clock_ms() + timeout_ms);
	client_leave(client, hold);
	return error;
}

int logfwd_client_stats(struct logfwd_client *client, struct logfwd_client_stats *stats_out)
{
	struct logfwd_client_stats stats;
	struct client_hold hold;
	size_t size;

	if (client == NULL || stats_out == NULL || stats_out->size < STATS_SIZE_MIN)
		return -EINVAL;
	if (!client_enter(client, &hold))
		return -EDEADLK;
	stats = client->counts;
	stats.filtered += loggers_filtered(client);
	stats.buffered = client->stream.records;
	stats.loggers = client->open_loggers;
	client_leave(client, hold);
	size = stats_out->size;
	memset(stats_out, 0,
	       size); /* a later version's caller finds zeros in what is unknown here */
	memcpy(stats_out, &stats, size < sizeof(stats) ? size : sizeof(stats));
	stats_out->size = size;
	return 0;
}
