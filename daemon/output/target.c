#include "output/target.h"

#include <assert.h>
#include <errno.h>

#include "os/clock.h"

/* Datagrams in one sendmmsg(2), as at the floor of the field. */
#define BATCH_DATAGRAMS 64
/* Batches of the queue in one turn of the loop, so that a long queue starves nobody. */
#define BATCHES_PER_TURN   16
#define NOTICE_INTERVAL_MS 1000
#define NOTICE_SEVERITY	   4

struct batch {
	struct mmsghdr datagrams[BATCH_DATAGRAMS];
	struct iovec parts[BATCH_DATAGRAMS][2]; /* header, text; borrowed until the flush */
	uint8_t severities[BATCH_DATAGRAMS];
	size_t count;
};

struct target {
	struct target_env env;
	char *name;
	struct target_options options; /* its strings are not kept: see name and servers */
	struct server **servers;
	size_t n_servers;
	struct queue *queue;
	struct batch batch;
	bool blocked; /* nothing can be sent until a server changes or the timer rings */
	struct event *timer;
	/* without queued, which queue and batch know, and refused of servers that are there */
	struct target_counts counts;
	uint32_t sequence;
	struct loss loss; /* since the last notice */
	int64_t noticed_ms;
	enum format_kind notice_kind;
	uint8_t notice_facility;
};

struct target_change {
	struct target *target;
	struct target_options options;
	struct server **servers; /* those of the target that stay, and new ones */
	size_t n_servers;
};

static void target_resume(struct target *target);

static void target_set_timer(struct target *target, int64_t wait_ms)
{
	struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

	event_add(target->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	target_resume(arg);
}

/* From the loop: this may be the middle of another target's sending. */
static void on_server_changed(void *arg)
{
	struct target *target = arg;

	if (target->blocked)
		target_set_timer(target, 0);
}

int target_new(const struct target_env *env, const char *name, struct target **target_out)
{
	CLEANUP(target_free) struct target *target = calloc(1, sizeof(*target));

	if (target == NULL)
		return -ENOMEM;
	target->env = *env;
	target->name = strdup(name);
	target->queue = queue_new(&(struct queue_limits){ .bytes = QUEUE_ENTRY_BYTES });
	target->timer = evtimer_new(env->base, on_timer, target);
	if (target->name == NULL || target->queue == NULL || target->timer == NULL)
		return -ENOMEM;
	target->noticed_ms = -NOTICE_INTERVAL_MS;
	*target_out = move_ptr(target);
	return 0;
}

void target_free(struct target *target)
{
	if (target == NULL)
		return;
	for (size_t i = 0; i < target->n_servers; i++)
		server_free(target->servers[i]);
	free(target->servers);
	if (target->timer != NULL)
		event_free(target->timer);
	queue_free(target->queue);
	free(target->name);
	free(target);
}

static struct server *target_find_server(const struct target *target, const char *text)
{
	for (size_t i = 0; i < target->n_servers; i++) {
		if (strcmp(server_view(target->servers[i]).text, text) == 0)
			return target->servers[i];
	}
	return NULL;
}

/* True for a server that both the target and the change hold: it stays. */
static bool holds_server(struct server *const *servers, size_t n_servers,
			 const struct server *server)
{
	for (size_t i = 0; i < n_servers; i++) {
		if (servers[i] == server)
			return true;
	}
	return false;
}

void target_discard(struct target_change *change)
{
	if (change == NULL)
		return;
	for (size_t i = 0; i < change->n_servers; i++) {
		if (!holds_server(change->target->servers, change->target->n_servers,
				  change->servers[i]))
			server_free(change->servers[i]);
	}
	free(change->servers);
	free(change);
}

DEFINE_CLEANUP(struct target_change *, target_discard)

int target_prepare(struct target *target, const struct target_options *options,
		   struct target_change **change_out)
{
	CLEANUP(target_discard) struct target_change *change = calloc(1, sizeof(*change));
	const struct server_env env = {
		.pool = target->env.pool,
		.resolver = target->env.resolver,
		.changed = on_server_changed,
		.arg = target,
	};

	if (change == NULL)
		return -ENOMEM;
	change->target = target;
	change->options = *options;
	change->options.name = NULL;
	change->options.servers = NULL;
	change->servers = calloc(options->n_servers, sizeof(*change->servers));
	if (change->servers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < options->n_servers; i++) {
		struct server *server = target_find_server(target, options->servers[i]);
		int result = server != NULL ? 0
					    : server_new(&env, options->servers[i],
							 options->resolve_interval, &server);

		if (result < 0)
			return result;
		change->servers[change->n_servers++] = server;
	}
	*change_out = move_ptr(change);
	return 0;
}

static void target_lose(struct target *target, enum drop_reason reason, size_t records)
{
	if (records == 0)
		return;
	target->counts.dropped[reason] += records;
	loss_add(&target->loss, reason, records, clock_realtime_us());
}

void target_commit(struct target *target, struct target_change *change)
{
	struct queue_limits limits = {
		.bytes = change->options.queue_bytes,
		.when_full = change->options.when_full,
	};

	for (size_t i = 0; i < target->n_servers; i++) {
		if (holds_server(change->servers, change->n_servers, target->servers[i]))
			continue;
		target->counts.refused += server_view(target->servers[i]).refused;
		server_free(target->servers[i]);
	}
	free(target->servers);
	target->servers = change->servers;
	target->n_servers = change->n_servers;
	target->options = change->options;
	free(change);
	for (size_t i = 0; i < target->n_servers; i++)
		server_set_resolve_interval(target->servers[i], target->options.resolve_interval);
	target_lose(target, DROP_QUEUE_FULL, queue_set_limits(target->queue, &limits));
	if (target->blocked)
		target_resume(target);
}

void target_set_notice_format(struct target *target, enum format_kind kind, uint8_t facility)
{
	target->notice_kind = kind;
	target->notice_facility = facility;
}

const char *target_name(const struct target *target)
{
	return target->name;
}

uint32_t target_datagram_bytes(const struct target *target)
{
	return target->options.datagram_bytes;
}

uint32_t target_next_sequence(struct target *target)
{
	if (!target->options.sequence)
		return 0;
	/* RFC 5424 7.3.1: from 1 to 2147483647, then from 1 again */
	target->sequence = target->sequence >= INT32_MAX ? 1 : target->sequence + 1;
	return target->sequence;
}

static void target_enqueue(struct target *target, struct span header, struct span text,
			   uint8_t severity)
{
	struct queue_push_result result = queue_push(target->queue, header, text, severity);

	target_lose(target, DROP_QUEUE_FULL, result.dropped);
	target_lose(target, DROP_NO_MEMORY, result.out_of_memory ? 1 : 0);
}

/* Nobody takes records now: wake up when time alone may have changed that. */
static void target_block(struct target *target, int64_t now_ms)
{
	int64_t deadline = INT64_MAX;

	for (size_t i = 0; i < target->n_servers; i++) {
		int64_t server = server_deadline(target->servers[i]);

		deadline = server < deadline ? server : deadline;
	}
	target->blocked = true;
	if (deadline != INT64_MAX)
		target_set_timer(target, deadline > now_ms ? deadline - now_ms : 1);
}

/* Failover: the first server, in the order of the configuration, that takes records now. */
static struct server *target_pick(struct target *target, int64_t now_ms)
{
	for (size_t i = 0; i < target->n_servers; i++) {
		if (server_admits(target->servers[i], 1, now_ms) > 0)
			return target->servers[i];
	}
	return NULL;
}

/*
 * Sends datagrams until all are gone or nobody takes more. Every round sends one, gives one
 * up, blocks, or makes a server's state worse, so it ends.
 * Returns how many are done with: sent, or dropped as too large for the path.
 */
static size_t target_transmit(struct target *target, struct mmsghdr *datagrams, size_t count)
{
	int64_t now_ms = clock_monotonic_ms();
	size_t done = 0;

	while (done < count) {
		struct server *server = target_pick(target, now_ms);
		struct server_result result;

		if (server == NULL) {
			target_block(target, now_ms);
			break;
		}
		result = server_send(server, datagrams + done, count - done, now_ms);
		target->counts.sent += result.sent;
		done += result.sent;
		if (result.first_too_large) {
			target_lose(target, DROP_OVERSIZE, 1);
			done++;
		}
		if (result.blocked) {
			target->blocked = true;
			if (result.pause_ms > 0)
				target_set_timer(target, result.pause_ms);
			break;
		}
	}
	return done;
}

static void target_flush_batch(struct target *target)
{
	struct batch *batch = &target->batch;
	size_t count = batch->count;

	batch->count = 0;
	for (size_t i = target_transmit(target, batch->datagrams, count); i < count; i++) {
		const struct iovec *parts = batch->parts[i];

		target_enqueue(target, span_of_bytes(parts[0].iov_base, parts[0].iov_len),
			       span_of_bytes(parts[1].iov_base, parts[1].iov_len),
			       batch->severities[i]);
	}
}

static void target_flush_queue(struct target *target)
{
	for (int i = 0; i < BATCHES_PER_TURN && !target->blocked; i++) {
		struct iovec records[BATCH_DATAGRAMS];
		struct mmsghdr datagrams[BATCH_DATAGRAMS];
		size_t count = queue_peek(target->queue, records, BATCH_DATAGRAMS);

		if (count == 0)
			return;
		for (size_t k = 0; k < count; k++)
			datagrams[k] = (struct mmsghdr){
				.msg_hdr = { .msg_iov = &records[k], .msg_iovlen = 1 },
			};
		queue_consume(target->queue, target_transmit(target, datagrams, count));
	}
	if (!target->blocked)
		target_set_timer(target, 0); /* the rest in the next turn */
}

static struct notice_env target_notice_env(struct target *target, enum format_kind kind,
					   uint8_t facility)
{
	return (struct notice_env){
		.kind = kind,
		.facility = facility,
		.datagram_bytes = target->options.datagram_bytes,
		.host = span_of(target->env.host),
		.pid = getpid(),
		.uid = getuid(),
		.sequence_id = target_next_sequence(target),
		.timestamps = target->env.timestamps,
	};
}

/* One of the target's own; the batch is empty. */
static void target_push_notice(struct target *target, struct span bytes)
{
	struct iovec record = { .iov_base = (void *)bytes.ptr, .iov_len = bytes.len };
	struct mmsghdr datagram = { .msg_hdr = { .msg_iov = &record, .msg_iovlen = 1 } };
	bool waits = target->blocked || queue_records(target->queue) > 0;

	target->counts.enqueued++;
	target->counts.notices++;
	if (waits || target_transmit(target, &datagram, 1) == 0)
		target_enqueue(target, bytes, (struct span){ 0 }, NOTICE_SEVERITY);
}

void target_announce(struct target *target, enum format_kind kind, uint8_t facility,
		     const struct suppression *suppression, const char *handler)
{
	uint8_t scratch[NOTICE_SCRATCH_BYTES];
	struct notice_env env;

	if (target->batch.count > 0)
		target_flush_batch(target);
	env = target_notice_env(target, kind, facility);
	target_push_notice(target, notice_format_suppression(&env, suppression, handler,
							     clock_realtime_us(), scratch));
}

/* Tells the collector what it lost, once there is room and not more than once a second. */
static void target_notice(struct target *target)
{
	const struct notice_env env =
		target_notice_env(target, target->notice_kind, target->notice_facility);
	uint8_t scratch[NOTICE_SCRATCH_BYTES];
	struct span bytes = notice_format(&env, &target->loss, clock_realtime_us(), scratch);

	target->loss = (struct loss){ 0 };
	target->noticed_ms = clock_monotonic_ms();
	target_push_notice(target, bytes);
}

static void target_notice_if_due(struct target *target)
{
	int64_t wait_ms;

	if (target->loss.records == 0 || target->blocked || queue_records(target->queue) > 0)
		return;
	wait_ms = target->noticed_ms + NOTICE_INTERVAL_MS - clock_monotonic_ms();
	if (wait_ms > 0)
		target_set_timer(target, wait_ms);
	else
		target_notice(target);
}

static void target_resume(struct target *target)
{
	target->blocked = false;
	target_flush(target);
}

void target_push(struct target *target, const struct datagram *datagram, uint8_t severity)
{
	struct batch *batch = &target->batch;
	struct iovec *parts = batch->parts[batch->count];

	target->counts.enqueued++;
	target->counts.truncated += datagram->cut ? 1 : 0;
	if (target->blocked || queue_records(target->queue) > 0) {
		target_enqueue(target, datagram->header, datagram->text, severity);
		return;
	}
	parts[0] = (struct iovec){ (void *)datagram->header.ptr, datagram->header.len };
	parts[1] = (struct iovec){ (void *)datagram->text.ptr, datagram->text.len };
	batch->datagrams[batch->count] = (struct mmsghdr){
		.msg_hdr = { .msg_iov = parts, .msg_iovlen = datagram->text.len > 0 ? 2 : 1 },
	};
	batch->severities[batch->count] = severity;
	if (++batch->count == BATCH_DATAGRAMS)
		target_flush_batch(target);
}

void target_count_notice(struct target *target)
{
	target->counts.notices++;
}

void target_drop(struct target *target, enum drop_reason reason)
{
	target->counts.enqueued++;
	target_lose(target, reason, 1);
}

void target_flush(struct target *target)
{
	if (target->batch.count > 0)
		target_flush_batch(target);
	if (!target->blocked && queue_records(target->queue) > 0)
		target_flush_queue(target);
	target_notice_if_due(target);
}

void target_abandon(struct target *target, enum drop_reason reason)
{
	size_t records = queue_records(target->queue);

	queue_consume(target->queue, records);
	target_lose(target, reason, records);
}

struct target_counts target_counts(const struct target *target)
{
	struct target_counts counts = target->counts;

	counts.queued = queue_records(target->queue) + target->batch.count;
	counts.queued_bytes = queue_bytes(target->queue);
	for (size_t i = 0; i < target->n_servers; i++)
		counts.refused += server_view(target->servers[i]).refused;
	return counts;
}

size_t target_sockets(const struct target *target)
{
	size_t open = 0;

	for (size_t i = 0; i < target->n_servers; i++)
		open += server_view(target->servers[i]).has_socket ? 1 : 0;
	return open;
}

void target_each_server(const struct target *target, server_visitor *visit, void *arg)
{
	for (size_t i = 0; i < target->n_servers; i++)
		visit(target->servers[i], arg);
}
