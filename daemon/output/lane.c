#include "output/lane.h"

#include <assert.h>
#include <errno.h>

#include "os/clock.h"
#include "output/pacing.h"
#include "output/segments.h"

/* Datagrams in one sendmmsg(2), as at the floor of the field; a bit of a mask for each. */
#define BATCH_DATAGRAMS 64
/* Batches of the queue in one turn of the loop, so that a long queue starves nobody. */
#define BATCHES_PER_TURN   16
#define NOTICE_INTERVAL_MS 1000

static_assert(BATCH_DATAGRAMS <= SEGMENTS_BATCH && BATCH_DATAGRAMS <= 64,
	      "a batch goes in one plan, and in one mask");

/* What came in this turn and was not sent yet. */
struct batch {
	struct mmsghdr datagrams[BATCH_DATAGRAMS];
	struct iovec parts[BATCH_DATAGRAMS]
			  [SEGMENTS_PARTS]; /* header, text; borrowed until the flush */
	struct datagram_traits traits[BATCH_DATAGRAMS];
	size_t count;
};

struct lane {
	struct lane_env env;
	struct lane_options options;
	uint32_t keys[POLICY_SERVERS_MAX]; /* of the servers, for policy_pick() */
	size_t last;			   /* of the servers, the one that had the last batch */
	struct queue *queue;
	/*
	 * Of the queue, those that came when nobody needed to know their loggers' flows: they go one
	 * way. It may be more than there are, when some of them were dropped.
	 */
	size_t flowless;
	/* Of records that were sent before, and were refused: they wait here, in front of the queue. */
	struct queue *again;
	struct queue *returned; /* since again was looked at last */
	struct batch batch;
	bool resends; /* these two may hold something */
	struct pacing pacing;
	bool blocked; /* nothing can be sent until a server changes or the timer rings */
	struct event *timer;
	/* without queued and resending, which the queues and the batch know */
	struct target_counts counts;
	struct loss loss; /* since the last notice */
	struct loss told; /* by the last notice; it is untold again when that is dropped itself */
	int64_t noticed_ms;
};

static void lane_resume(struct lane *lane);

static void lane_set_timer(struct lane *lane, int64_t wait_ms)
{
	struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

	event_add(lane->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lane_resume(arg);
}

/* From the loop: this may be the middle of another lane's sending, or of ours. */
static void on_server_changed(void *arg)
{
	struct lane *lane = arg;

	if (lane->blocked || queue_records(lane->returned) > 0)
		lane_set_timer(lane, 0);
}

/* Notes whose record is lost; the header says it, all of which is in the first piece. */
static void on_record_lost(const struct iovec *parts, struct datagram_traits traits, void *arg)
{
	struct lane *lane = arg;
	struct span bytes = span_of_bytes(parts->iov_base, parts->iov_len), logger;

	if (traits.of_loss)
		loss_add_earlier(&lane->loss, &lane->told);
	else if (datagram_logger((enum format_kind)traits.mark_kind, bytes, &logger))
		prefixes_add(&lane->loss.loggers, logger);
}

int lane_new(const struct lane_env *env, struct lane **lane_out)
{
	const struct queue_limits no_room = { .bytes = QUEUE_ENTRY_BYTES };
	CLEANUP(lane_free) struct lane *lane = calloc(1, sizeof(*lane));

	if (lane == NULL)
		return -ENOMEM;
	lane->env = *env;
	lane->queue = queue_new(&no_room);
	lane->again = queue_new(&no_room);
	lane->returned = queue_new(&no_room);
	lane->timer = evtimer_new(env->base, on_timer, lane);
	if (lane->queue == NULL || lane->again == NULL || lane->returned == NULL ||
	    lane->timer == NULL)
		return -ENOMEM;
	queue_on_drop(lane->queue, on_record_lost, lane);
	lane->noticed_ms = -NOTICE_INTERVAL_MS;
	*lane_out = move_ptr(lane);
	return 0;
}

void lane_free(struct lane *lane)
{
	if (lane == NULL)
		return;
	if (lane->timer != NULL)
		event_free(lane->timer);
	queue_free(lane->queue);
	queue_free(lane->again);
	queue_free(lane->returned);
	free(lane);
}

static void lane_lose(struct lane *lane, enum drop_reason reason, size_t records)
{
	if (records == 0)
		return;
	lane->counts.dropped[reason] += records;
	loss_add(&lane->loss, reason, records, clock_realtime_us());
}

/* What was taken back waits in front of what was taken back before it; the oldest give way. */
static void lane_collect_returned(struct lane *lane)
{
	queue_put_back(lane->again, lane->returned, 0);
	while (queue_bytes(lane->again) > lane->options.queue.bytes) {
		queue_consume(lane->again, 1);
		lane->counts.refused++;
	}
}

/* Something is older than what comes now. */
static bool lane_has_waiting(const struct lane *lane)
{
	return queue_records(lane->queue) > 0 ||
	       (lane->resends &&
		(queue_records(lane->again) > 0 || queue_records(lane->returned) > 0));
}

/* The windows of all source ports together hold no more than the queue may. */
static struct server_owner lane_owner(struct lane *lane)
{
	struct server_owner owner = { .changed = on_server_changed, .arg = lane };

	if (lane->options.resend > 0) {
		owner.again = lane->again;
		owner.returned = lane->returned;
		owner.window_records = lane->options.resend;
		owner.window_bytes = lane->options.queue.bytes /
				     (lane->options.n_servers * lane->options.server.sockets);
	}
	return owner;
}

bool lane_options_spread(const struct lane_options *options)
{
	return options->policy == POLICY_STICKY || options->server.sockets > 1 ||
	       (options->policy == POLICY_BALANCE && options->splits);
}

void lane_configure(struct lane *lane, const struct lane_options *options)
{
	struct server_owner owner;

	if (!lane_options_spread(&lane->options) && lane_options_spread(options))
		lane->flowless = queue_records(lane->queue);
	lane->options = *options;
	pacing_set_rate(&lane->pacing, options->rate);
	owner = lane_owner(lane);
	for (size_t i = 0; i < options->n_servers; i++) {
		server_configure(options->servers[i], &owner, &options->server);
		lane->keys[i] = policy_flow(span_of(server_text(options->servers[i])));
	}
	lane_lose(lane, DROP_QUEUE_FULL, queue_set_limits(lane->queue, &options->queue));
	lane_collect_returned(lane);
	lane->resends = options->resend > 0 || queue_records(lane->again) > 0;
	if (lane->blocked || lane_has_waiting(lane))
		lane_set_timer(lane, 0);
}

static void lane_enqueue(struct lane *lane, const struct iovec *parts, size_t n_parts,
			 struct datagram_traits traits)
{
	struct queue_push_result result = queue_push(lane->queue, parts, n_parts, traits);

	lane_lose(lane, DROP_QUEUE_FULL, result.dropped);
	if (result.out_of_memory) {
		on_record_lost(parts, traits, lane);
		lane_lose(lane, DROP_NO_MEMORY, 1);
	}
}

/*
 * For how long a server may be left alone while all of them are. To try it may cost a record, unless
 * that is sent again; a full queue costs more.
 */
static int64_t lane_patience_ms(const struct lane *lane)
{
	bool pressed = queue_bytes(lane->queue) > lane->options.queue.bytes / 2;

	return pressed || lane->options.resend > 0 ? SERVER_BACKOFF_PRESSED_MS
						   : SERVER_BACKOFF_NEEDED_MS;
}

/* Nobody takes records now: wake up when time alone may have changed that. */
static void lane_block(struct lane *lane, int64_t now_ms)
{
	int64_t deadline = INT64_MAX;

	for (size_t i = 0; i < lane->options.n_servers; i++) {
		struct server *server = lane->options.servers[i];
		int64_t its_deadline;

		server_needed(server, lane_patience_ms(lane));
		its_deadline = server_deadline(server);
		deadline = its_deadline < deadline ? its_deadline : deadline;
	}
	lane->blocked = true;
	if (deadline != INT64_MAX)
		lane_set_timer(lane, deadline > now_ms ? deadline - now_ms : 1);
}

/* A bit for each server that takes records now. */
static uint64_t lane_ready(const struct lane *lane, int64_t now_ms)
{
	uint64_t ready = 0;

	for (size_t i = 0; i < lane->options.n_servers; i++) {
		if (server_admits(lane->options.servers[i], 1, now_ms) > 0)
			ready |= UINT64_C(1) << i;
	}
	return ready;
}

/* Datagrams on their way, and of which of them there is nothing left to do. */
struct shipment {
	struct mmsghdr *datagrams;
	struct datagram_traits *traits;
	uint64_t left; /* a bit for each that is neither sent nor given up */
	bool again;    /* they were sent before */
	bool together; /* they all go one way */
};

static uint64_t mask_of(size_t count)
{
	return count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX;
}

static size_t first_of(uint64_t mask)
{
	return (size_t)__builtin_ctzll(mask);
}

/* The lowest of the bits that are set, so many of them or all. */
static uint64_t first_bits(uint64_t mask, size_t count)
{
	uint64_t rest = mask;

	if (count >= (size_t)__builtin_popcountll(mask))
		return mask;
	for (; count > 0; count--)
		rest &= rest - 1;
	return mask & ~rest;
}

/* Its server is that of its logger. The parts of a record are of no use but together. */
static bool lane_is_sticky(const struct lane *lane, struct datagram_traits traits)
{
	return lane->options.policy == POLICY_STICKY ||
	       (lane->options.policy == POLICY_BALANCE && traits.part);
}

static size_t lane_pick(const struct lane *lane, uint64_t ready, struct datagram_traits traits)
{
	return policy_pick(lane_is_sticky(lane, traits) ? POLICY_STICKY : lane->options.policy,
			   ready, lane->keys, traits.flow, lane->last);
}

/* Those of a shipment that go to one server by one source port. */
static uint64_t lane_select(const struct lane *lane, const struct shipment *shipment,
			    uint64_t ready, size_t server, size_t channel)
{
	uint64_t selected = 0;

	for (uint64_t left = shipment->left; left != 0; left &= left - 1) {
		size_t i = first_of(left);
		struct datagram_traits traits = shipment->traits[i];

		if (lane_is_sticky(lane, traits) && lane_pick(lane, ready, traits) != server) {
			if (lane->options.policy == POLICY_BALANCE)
				break; /* nothing of its logger may pass it */
			continue;
		}
		if (server_channel_of(lane->options.servers[server], traits.flow) == channel)
			selected |= UINT64_C(1) << i;
	}
	return selected;
}

static void lane_lose_too_large(struct lane *lane, const struct shipment *shipment, size_t which)
{
	if (shipment->again) {
		lane->counts.refused++;
		return;
	}
	on_record_lost(shipment->datagrams[which].msg_hdr.msg_iov, shipment->traits[which], lane);
	lane_lose(lane, DROP_OVERSIZE, 1);
}

/* Counts what became of the selected ones, in their order. */
static void lane_settle(struct lane *lane, struct shipment *shipment, uint64_t selected,
			const struct server_result *result)
{
	size_t done = result->sent;

	*(shipment->again ? &lane->counts.resent : &lane->counts.sent) += result->sent;
	if (result->first_too_large) {
		done++;
		lane_lose_too_large(lane, shipment,
				    first_of(selected & ~first_bits(selected, result->sent)));
	}
	shipment->left &= ~first_bits(selected, done);
	pacing_spend(&lane->pacing, done);
}

/* Copies the selected ones together, since sendmmsg(2) wants them in a row. */
static struct server_result send_selected(const struct shipment *shipment, uint64_t selected,
					  struct server *server, size_t channel, int64_t now_ms)
{
	struct mmsghdr datagrams[BATCH_DATAGRAMS];
	struct datagram_traits traits[BATCH_DATAGRAMS];
	struct channel_batch batch = { datagrams, traits, 0, shipment->again };

	for (; selected != 0; selected &= selected - 1) {
		datagrams[batch.count] = shipment->datagrams[first_of(selected)];
		traits[batch.count++] = shipment->traits[first_of(selected)];
	}
	return server_send(server, channel, &batch, now_ms);
}

/* One attempt: to one of the servers that are ready, as many as are for it; at most cap (> 0). */
static struct server_result lane_send(struct lane *lane, struct shipment *shipment, uint64_t ready,
				      size_t cap, int64_t now_ms)
{
	size_t first = first_of(shipment->left);
	struct datagram_traits traits = shipment->traits[first];
	size_t server = lane_pick(lane, ready, traits);
	uint64_t selected = first_bits(shipment->left, cap);
	struct server_result result;

	if (lane_options_spread(&lane->options) && !shipment->together) {
		size_t channel = server_channel_of(lane->options.servers[server], traits.flow);

		selected = first_bits(lane_select(lane, shipment, ready, server, channel), cap);
		result = send_selected(shipment, selected, lane->options.servers[server], channel,
				       now_ms);
	} else { /* all that is left stands in a row */
		const struct channel_batch batch = { shipment->datagrams + first,
						     shipment->traits + first,
						     (size_t)__builtin_popcountll(selected),
						     shipment->again };

		result = server_send(lane->options.servers[server], 0, &batch, now_ms);
	}
	if (result.sent > 0)
		lane->last = server;
	lane_settle(lane, shipment, selected, &result);
	return result;
}

/*
 * Sends datagrams until all are gone or nobody takes more, or until older ones were taken back,
 * which must go first. Every round sends one, gives one up, blocks, makes a server's state
 * worse, or takes news from a socket, so it ends.
 */
static void lane_transmit(struct lane *lane, struct shipment *shipment)
{
	int64_t now_ms = clock_monotonic_ms();

	while (shipment->left != 0 && queue_records(lane->returned) == 0) {
		size_t admitted = pacing_admits(&lane->pacing, now_ms);
		uint64_t ready = lane_ready(lane, now_ms);
		struct server_result result;

		if (admitted == 0) {
			lane->blocked = true;
			lane_set_timer(lane, pacing_wait_ms(&lane->pacing));
			return;
		}
		if (ready == 0) {
			lane_block(lane, now_ms);
			return;
		}
		result = lane_send(lane, shipment, ready, admitted, now_ms);
		if (result.blocked) {
			lane->blocked = true;
			if (result.pause_ms > 0)
				lane_set_timer(lane, result.pause_ms);
			return;
		}
	}
}

static void lane_flush_batch(struct lane *lane)
{
	struct batch *batch = &lane->batch;
	struct shipment shipment = {
		.datagrams = batch->datagrams,
		.traits = batch->traits,
		.left = mask_of(batch->count),
	};

	batch->count = 0;
	lane_transmit(lane, &shipment);
	for (; shipment.left != 0; shipment.left &= shipment.left - 1) {
		size_t i = first_of(shipment.left);

		lane_enqueue(lane, batch->parts[i], batch->datagrams[i].msg_hdr.msg_iovlen,
			     batch->traits[i]);
	}
}

/* How many of the queue may go in one shipment. */
static size_t lane_batch_of_queue(struct lane *lane)
{
	if (queue_records(lane->queue) < lane->flowless)
		lane->flowless = queue_records(lane->queue);
	return lane->flowless > 0 && lane->flowless < BATCH_DATAGRAMS ? lane->flowless
								      : BATCH_DATAGRAMS;
}

/* Sends a batch of what waits. Returns false when nothing waits. */
static bool lane_flush_waiting(struct lane *lane)
{
	bool again = queue_records(lane->again) > 0;
	struct queue *queue = again ? lane->again : lane->queue;
	struct mmsghdr datagrams[BATCH_DATAGRAMS];
	struct iovec records[BATCH_DATAGRAMS];
	struct datagram_traits traits[BATCH_DATAGRAMS];
	size_t count = queue_peek(queue, records, traits,
				  again ? BATCH_DATAGRAMS : lane_batch_of_queue(lane));
	struct shipment shipment = {
		.datagrams = datagrams,
		.traits = traits,
		.left = mask_of(count),
		.again = again,
		.together = !again && lane->flowless > 0,
	};
	uint64_t done;

	for (size_t i = 0; i < count; i++)
		datagrams[i] = (struct mmsghdr){
			.msg_hdr = { .msg_iov = &records[i], .msg_iovlen = 1 },
		};
	lane_transmit(lane, &shipment);
	done = mask_of(count) & ~shipment.left;
	if (shipment.together)
		lane->flowless -= (size_t)__builtin_popcountll(done);
	queue_take(queue, done);
	return count > 0;
}

static void lane_flush_queues(struct lane *lane)
{
	for (int i = 0; i < BATCHES_PER_TURN && !lane->blocked; i++) {
		lane_collect_returned(lane);
		if (!lane_flush_waiting(lane))
			return;
	}
	if (!lane->blocked)
		lane_set_timer(lane, 0); /* the rest in the next turn */
}

void lane_push_notice(struct lane *lane, struct span bytes, struct datagram_traits traits)
{
	struct iovec record = { .iov_base = (void *)bytes.ptr, .iov_len = bytes.len };
	struct mmsghdr datagram = { .msg_hdr = { .msg_iov = &record, .msg_iovlen = 1 } };
	struct shipment shipment = { .datagrams = &datagram, .traits = &traits, .left = 1 };

	if (lane->batch.count > 0)
		lane_flush_batch(lane);
	lane->counts.enqueued++;
	lane->counts.notices++;
	if (!lane->blocked && !lane_has_waiting(lane))
		lane_transmit(lane, &shipment);
	if (shipment.left != 0)
		lane_enqueue(lane, &record, 1, traits);
	if (!lane->blocked && lane_has_waiting(lane))
		lane_set_timer(lane, 0); /* it was refused at once: no flush may follow */
}

/* Tells the collector what it lost, once there is room and not more than once a second. */
static void lane_notice_if_due(struct lane *lane)
{
	uint8_t scratch[NOTICE_SCRATCH_BYTES];
	struct datagram_traits traits = { 0 };
	int64_t now_ms;
	struct span bytes;

	if (lane->loss.records == 0 || lane->blocked || lane_has_waiting(lane))
		return;
	now_ms = clock_monotonic_ms();
	if (now_ms < lane->noticed_ms + NOTICE_INTERVAL_MS) {
		lane_set_timer(lane, lane->noticed_ms + NOTICE_INTERVAL_MS - now_ms);
		return;
	}
	bytes = lane->env.notice(&lane->loss, scratch, &traits, lane->env.arg);
	lane->told = lane->loss;
	lane->loss = (struct loss){ 0 };
	lane->noticed_ms = now_ms;
	lane_push_notice(lane, bytes, traits);
}

static void lane_resume(struct lane *lane)
{
	lane->blocked = false;
	lane_flush(lane);
}

void lane_push(struct lane *lane, const struct datagram *datagram, struct datagram_traits traits)
{
	struct batch *batch = &lane->batch;
	struct iovec *parts = batch->parts[batch->count];
	size_t n_parts = datagram->text.len > 0 ? 2 : 1;

	lane->counts.enqueued++;
	lane->counts.truncated += datagram->cut ? 1 : 0;
	lane->counts.split += datagram->split ? 1 : 0;
	parts[0] = (struct iovec){ (void *)datagram->header.ptr, datagram->header.len };
	parts[1] = (struct iovec){ (void *)datagram->text.ptr, datagram->text.len };
	/* what is older than it may stand in a batch that something taken back has made wait */
	if (lane->blocked || (batch->count == 0 && lane_has_waiting(lane))) {
		lane_enqueue(lane, parts, n_parts, traits);
		return;
	}
	/* all else of it is 0, and stays so */
	batch->datagrams[batch->count].msg_hdr.msg_iov = parts;
	batch->datagrams[batch->count].msg_hdr.msg_iovlen = n_parts;
	batch->traits[batch->count] = traits;
	if (++batch->count == BATCH_DATAGRAMS)
		lane_flush_batch(lane);
}

void lane_count_notices(struct lane *lane, size_t count)
{
	lane->counts.notices += count;
}

void lane_drop(struct lane *lane, enum drop_reason reason, struct span logger)
{
	lane->counts.enqueued++;
	prefixes_add(&lane->loss.loggers, logger);
	lane_lose(lane, reason, 1);
}

void lane_flush(struct lane *lane)
{
	if (lane->batch.count > 0)
		lane_flush_batch(lane);
	if (!lane->blocked && lane_has_waiting(lane))
		lane_flush_queues(lane);
	lane_notice_if_due(lane);
}

void lane_abandon(struct lane *lane, enum drop_reason reason)
{
	size_t records = queue_records(lane->queue);

	queue_consume(lane->queue, records);
	lane_lose(lane, reason, records);
	lane_collect_returned(lane);
	lane->counts.refused += queue_records(lane->again);
	queue_consume(lane->again, queue_records(lane->again));
}

struct target_counts lane_counts(const struct lane *lane)
{
	struct target_counts counts = lane->counts;

	counts.queued = queue_records(lane->queue) + lane->batch.count;
	counts.queued_bytes = queue_bytes(lane->queue);
	counts.resending = queue_records(lane->again) + queue_records(lane->returned);
	return counts;
}
