#include "output/target.h"

#include <errno.h>

#include "os/clock.h"

#define NOTICE_SEVERITY 4

struct target {
	struct target_env env;
	char *name;
	struct target_options options; /* its strings are not kept: see name and servers */
	struct server **servers;
	size_t n_servers;
	struct lane **lanes; /* of a mirror one for each server, in their order; else one */
	size_t n_lanes;
	bool needs_flow;	   /* records of different loggers may go different ways */
	struct target_counts gone; /* of lanes and servers that reloads have removed */
	uint32_t sequence;
	enum format_kind notice_kind;
	uint8_t notice_facility;
};

struct target_change {
	struct target *target;
	struct target_options options;
	struct server **servers; /* those of the target that stay, and new ones */
	size_t n_servers;
	struct lane **lanes; /* likewise */
	size_t n_lanes;
};

struct target_options target_defaults(void)
{
	return (struct target_options){
		.policy = POLICY_FAILOVER,
		.queue_bytes = 8 << 20,
		.when_full = WHEN_FULL_DROP_OLDEST,
		.datagram_bytes = DATAGRAM_BYTES_DEFAULT,
		.resolve_interval = 60,
		.sockets = 1,
		/* a burst that outruns the network waits in the kernel before it waits in the queue */
		.socket = { .send_buffer = 1 << 20 },
	};
}

size_t target_record_bytes(const struct target_options *options)
{
	return options->datagram_bytes - (options->resend > 0 ? DATAGRAM_MARK_BYTES : 0);
}

int target_new(const struct target_env *env, const char *name, struct target **target_out)
{
	CLEANUP(target_free) struct target *target = calloc(1, sizeof(*target));

	if (target == NULL)
		return -ENOMEM;
	target->env = *env;
	target->name = strdup(name);
	if (target->name == NULL)
		return -ENOMEM;
	*target_out = move_ptr(target);
	return 0;
}

void target_free(struct target *target)
{
	if (target == NULL)
		return;
	/* the servers first: they have something to put back into their lanes, perhaps */
	for (size_t i = 0; i < target->n_servers; i++)
		server_free(target->servers[i]);
	for (size_t i = 0; i < target->n_lanes; i++)
		lane_free(target->lanes[i]);
	free(target->servers);
	free(target->lanes);
	free(target->name);
	free(target);
}

/* The place of a server, or n_servers. */
static size_t find_server(const struct target *target, const char *text)
{
	size_t i = 0;

	while (i < target->n_servers && strcmp(server_text(target->servers[i]), text) != 0)
		i++;
	return i;
}

static bool holds_server(struct server *const *servers, size_t n_servers,
			 const struct server *server)
{
	for (size_t i = 0; i < n_servers; i++) {
		if (servers[i] == server)
			return true;
	}
	return false;
}

static bool holds_lane(struct lane *const *lanes, size_t n_lanes, const struct lane *lane)
{
	for (size_t i = 0; i < n_lanes; i++) {
		if (lanes[i] == lane)
			return true;
	}
	return false;
}

/* What both the target and the change hold stays. */
void target_discard(struct target_change *change)
{
	const struct target *target;

	if (change == NULL)
		return;
	target = change->target;
	for (size_t i = 0; i < change->n_servers; i++) {
		if (!holds_server(target->servers, target->n_servers, change->servers[i]))
			server_free(change->servers[i]);
	}
	for (size_t i = 0; i < change->n_lanes; i++) {
		if (!holds_lane(target->lanes, target->n_lanes, change->lanes[i]))
			lane_free(change->lanes[i]);
	}
	free(change->servers);
	free(change->lanes);
	free(change);
}

DEFINE_CLEANUP(struct target_change *, target_discard)

static struct notice_env target_notice_env(struct target *target, enum format_kind kind,
					   uint8_t facility, uint32_t sequence_id)
{
	return (struct notice_env){
		.kind = kind,
		.facility = facility,
		.datagram_bytes = target_record_bytes(&target->options),
		.host = span_of(target->env.host),
		.pid = getpid(),
		.uid = getuid(),
		.sequence_id = sequence_id,
		.timestamps = target->env.timestamps,
	};
}

static struct datagram_traits traits_of(const struct datagram *datagram, uint8_t severity)
{
	return (struct datagram_traits){
		.severity = severity,
		.mark_at = (uint16_t)datagram->mark_at,
		.mark_kind = datagram->kind & 0x1FU,
		.part = datagram->part,
	};
}

static struct span whole(const struct datagram *datagram)
{
	return span_of_bytes(datagram->header.ptr, datagram->header.len + datagram->text.len);
}

/* The other servers of a mirror do not see it: a number would be missing there. */
static struct span on_lane_notice(const struct loss *loss, uint8_t scratch[NOTICE_SCRATCH_BYTES],
				  struct datagram_traits *traits_out, void *arg)
{
	struct target *target = arg;
	const struct notice_env env =
		target_notice_env(target, target->notice_kind, target->notice_facility,
				  target->n_lanes > 1 ? 0 : target_next_sequence(target));
	struct datagram datagram = { 0 };

	notice_format(&env, loss, clock_realtime_us(), scratch, &datagram);
	*traits_out = traits_of(&datagram, NOTICE_SEVERITY);
	traits_out->of_loss = true;
	return whole(&datagram);
}

static int change_add_servers(struct target_change *change, const struct target_options *options)
{
	const struct target *target = change->target;

	change->servers = calloc(options->n_servers, sizeof(*change->servers));
	if (change->servers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < options->n_servers; i++) {
		size_t found = find_server(target, options->servers[i]);
		struct server *server = found < target->n_servers ? target->servers[found] : NULL;
		int result = server != NULL ? 0
					    : server_new(&target->env.servers, options->servers[i],
							 &server);

		if (result < 0)
			return result;
		change->servers[change->n_servers++] = server;
	}
	return 0;
}

/*
 * The lane of the target that goes on as the i-th of the change, or NULL. Among mirrors a lane
 * belongs to its server; the one lane of another policy goes on as the first, and back.
 */
static struct lane *change_old_lane(const struct target_change *change, size_t i)
{
	const struct target *target = change->target;
	bool was_mirror = target->options.policy == POLICY_MIRROR;
	bool is_mirror = change->options.policy == POLICY_MIRROR;
	size_t place = 0;

	if (was_mirror && is_mirror)
		place = find_server(target, server_text(change->servers[i]));
	else if (i > 0)
		return NULL;
	return place < target->n_lanes ? target->lanes[place] : NULL;
}

static int change_add_lanes(struct target_change *change)
{
	const struct lane_env env = {
		.base = change->target->env.base,
		.notice = on_lane_notice,
		.arg = change->target,
	};
	size_t count = change->options.policy == POLICY_MIRROR ? change->n_servers : 1;

	change->lanes = calloc(count, sizeof(struct lane *));
	if (change->lanes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct lane *lane = change_old_lane(change, i);
		int result = lane != NULL ? 0 : lane_new(&env, &lane);

		if (result < 0)
			return result;
		change->lanes[change->n_lanes++] = lane;
	}
	return 0;
}

int target_prepare(struct target *target, const struct target_options *options,
		   struct target_change **change_out)
{
	CLEANUP(target_discard) struct target_change *change = calloc(1, sizeof(*change));
	int result;

	if (change == NULL)
		return -ENOMEM;
	change->target = target;
	change->options = *options;
	change->options.name = NULL;
	change->options.servers = NULL;
	result = change_add_servers(change, options);
	if (result == 0)
		result = change_add_lanes(change);
	if (result < 0)
		return result;
	*change_out = move_ptr(change);
	return 0;
}

static void target_configure_lanes(struct target *target)
{
	const struct target_options *options = &target->options;
	struct lane_options lane = {
		.policy = options->policy,
		.splits = options->oversize == OVERSIZE_SPLIT,
		.servers = target->servers,
		.n_servers = target->n_lanes > 1 ? 1 : target->n_servers,
		.server = { .resolve_interval = options->resolve_interval,
			    .sockets = options->sockets,
			    .socket = options->socket },
		.queue = { .bytes = options->queue_bytes, .when_full = options->when_full },
		.resend = options->resend,
		.rate = options->rate,
	};

	target->needs_flow = lane_options_spread(&lane);
	for (size_t i = 0; i < target->n_lanes; i++, lane.servers++)
		lane_configure(target->lanes[i], &lane);
}

/* What nobody holds any more is counted one last time; what was refused goes back to its lane. */
static void target_remove_servers(struct target *target, struct server *const *servers,
				  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (holds_server(target->servers, target->n_servers, servers[i]))
			continue;
		server_close(servers[i]);
		target->gone.refused += server_account(servers[i])->refused;
		server_free(servers[i]);
	}
}

static void target_remove_lanes(struct target *target, struct lane *const *lanes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct target_counts counts;

		if (holds_lane(target->lanes, target->n_lanes, lanes[i]))
			continue;
		lane_abandon(lanes[i], DROP_TARGET_REMOVED);
		counts = lane_counts(lanes[i]);
		target_counts_add(&target->gone, &counts);
		lane_free(lanes[i]);
	}
}

void target_commit(struct target *target, struct target_change *change)
{
	struct server **servers = target->servers;
	struct lane **lanes = target->lanes;
	size_t n_servers = target->n_servers, n_lanes = target->n_lanes;

	target->servers = change->servers;
	target->n_servers = change->n_servers;
	target->lanes = change->lanes;
	target->n_lanes = change->n_lanes;
	target->options = change->options;
	free(change);
	/* lanes that stay go on with what their servers give back; those that go are left by all */
	target_remove_servers(target, servers, n_servers);
	target_configure_lanes(target);
	target_remove_lanes(target, lanes, n_lanes);
	free(servers);
	free(lanes);
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

uint32_t target_next_sequence(struct target *target)
{
	if (!target->options.sequence)
		return 0;
	/* RFC 5424 7.3.1: from 1 to 2147483647, then from 1 again */
	target->sequence = target->sequence >= INT32_MAX ? 1 : target->sequence + 1;
	return target->sequence;
}

void target_announce(struct target *target, enum format_kind kind, uint8_t facility,
		     const struct suppression *suppression, const char *handler)
{
	const struct notice_env env =
		target_notice_env(target, kind, facility, target_next_sequence(target));
	uint8_t scratch[NOTICE_SCRATCH_BYTES];
	struct datagram datagram = { 0 };

	notice_format_suppression(&env, suppression, handler, clock_realtime_us(), scratch,
				  &datagram);
	for (size_t i = 0; i < target->n_lanes; i++)
		lane_push_notice(target->lanes[i], whole(&datagram),
				 traits_of(&datagram, NOTICE_SEVERITY));
}

void target_push(struct target *target, const struct datagram *datagram, uint8_t severity,
		 struct span logger)
{
	struct datagram_traits traits = traits_of(datagram, severity);

	if (target->needs_flow)
		traits.flow = policy_flow(logger);
	for (size_t i = 0; i < target->n_lanes; i++)
		lane_push(target->lanes[i], datagram, traits);
}

size_t target_deliveries(const struct target *target)
{
	return target->n_lanes;
}

void target_count_notices(struct target *target, size_t count)
{
	for (size_t i = 0; i < target->n_lanes; i++)
		lane_count_notices(target->lanes[i], count);
}

void target_drop(struct target *target, enum drop_reason reason, struct span logger)
{
	for (size_t i = 0; i < target->n_lanes; i++)
		lane_drop(target->lanes[i], reason, logger);
}

void target_flush(struct target *target)
{
	for (size_t i = 0; i < target->n_lanes; i++)
		lane_flush(target->lanes[i]);
}

void target_close(struct target *target)
{
	for (size_t i = 0; i < target->n_servers; i++)
		server_close(target->servers[i]);
}

void target_abandon(struct target *target, enum drop_reason reason)
{
	for (size_t i = 0; i < target->n_lanes; i++)
		lane_abandon(target->lanes[i], reason);
}

struct target_counts target_counts(const struct target *target)
{
	struct target_counts sum = target->gone;

	for (size_t i = 0; i < target->n_lanes; i++) {
		struct target_counts counts = lane_counts(target->lanes[i]);

		target_counts_add(&sum, &counts);
	}
	for (size_t i = 0; i < target->n_servers; i++)
		sum.refused += server_account(target->servers[i])->refused;
	return sum;
}

size_t target_sockets(const struct target *target)
{
	size_t open = 0;

	for (size_t i = 0; i < target->n_servers; i++)
		open += server_view(target->servers[i]).sockets;
	return open;
}

enum target_policy target_policy(const struct target *target)
{
	return target->options.policy;
}

void target_each_server(const struct target *target, server_visitor *visit, void *arg)
{
	for (size_t i = 0; i < target->n_servers; i++) {
		struct target_counts lane;

		if (target->options.policy != POLICY_MIRROR) {
			visit(target->servers[i], NULL, arg);
			continue;
		}
		lane = lane_counts(target->lanes[i]);
		lane.refused += server_account(target->servers[i])->refused;
		visit(target->servers[i], &lane, arg);
	}
}
