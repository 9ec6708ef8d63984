#include "accounts.h"

#include <string.h>

#include "logger_json.h"
#include "os/clock.h"

DEFINE_CLEANUP(json_t *, json_decref)

static uint64_t rejected_sum(const struct record_counts *counts)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < REJECT_REASONS; i++)
		sum += counts->rejected[i];
	return sum;
}

static json_t *records_json(const struct record_counts *counts)
{
	json_t *by = json_object();

	for (size_t i = 0; i < REJECT_REASONS; i++)
		json_object_set_new(by, reject_reason_name((enum reject_reason)i),
				    count_json(counts->rejected[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "received",
			 count_json(counts->received), "accepted", count_json(counts->accepted),
			 "filtered", count_json(counts->filtered), "rate_limited",
			 count_json(counts->rate_limited), "no_handler",
			 count_json(counts->no_handler), "rejected",
			 count_json(rejected_sum(counts)), "rejected_by", by, "deliveries",
			 count_json(counts->deliveries), "recorded", count_json(counts->recorded));
}

static json_t *dropped_json(const struct target_counts *counts)
{
	json_t *dropped = json_object();

	for (size_t i = 0; i < DROP_REASONS; i++)
		json_object_set_new(dropped, drop_reason_name((enum drop_reason)i),
				    count_json(counts->dropped[i]));
	return dropped;
}

static uint64_t dropped_sum(const struct target_counts *counts)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < DROP_REASONS; i++)
		sum += counts->dropped[i];
	return sum;
}

static json_t *errors_json(const struct server_account *account)
{
	json_t *errors = json_object();

	for (size_t i = 0; i < account->n_errors; i++) {
		const char *name = strerrorname_np(account->errors[i].error);

		json_object_set_new(errors, name != NULL ? name : "other",
				    count_json(account->errors[i].count));
	}
	return errors;
}

/* The terms of a ledger that closes: of a target, or of a server that has a lane of its own. */
static json_t *ledger_json(const struct target_counts *counts)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "enqueued",
			 count_json(counts->enqueued), "sent", count_json(counts->sent), "dropped",
			 dropped_json(counts), "queued", count_json(counts->queued), "queued_bytes",
			 count_json(counts->queued_bytes), "refused", count_json(counts->refused),
			 "resent", count_json(counts->resent), "resending",
			 count_json(counts->resending), "truncated", count_json(counts->truncated),
			 "split", count_json(counts->split), "notices",
			 count_json(counts->notices));
}

static void add_server(const struct server *server, const struct target_counts *lane, void *arg)
{
	struct server_view view = server_view(server);
	const struct server_account *account = view.account;
	json_t *shared =
		json_pack("{s:o, s:o, s:o}", "sent", count_json(account->sent), "resent",
			  count_json(account->resent), "refused", count_json(account->refused));
	json_t *object = lane != NULL ? ledger_json(lane) : json_incref(shared);

	json_object_set_new(object, "state", json_string(view.state));
	json_object_set_new(object, "address",
			    view.address[0] == '\0' ? json_null() : json_string(view.address));
	json_object_set_new(object, "addresses", count_json(view.addresses));
	json_object_set_new(object, "sockets", count_json(view.sockets));
	json_object_set_new(object, "evicted", count_json(account->evicted));
	json_object_set_new(object, "too_large", count_json(account->too_large));
	json_object_set_new(object, "errors", errors_json(account));
	json_object_set_new(arg, view.text, object);
	json_decref(shared);
}

static json_t *target_json(const struct target *target)
{
	struct target_counts counts = target_counts(target);
	json_t *object = ledger_json(&counts);
	json_t *servers = json_object();

	target_each_server(target, add_server, servers);
	json_object_set_new(object, "servers", servers);
	return object;
}

/* What all targets, those that are gone included, have done. */
struct delivery_totals {
	uint64_t enqueued, settled, notices;
	bool balanced; /* each of them by itself */
};

static void totals_add(struct delivery_totals *totals, const struct target_counts *counts)
{
	uint64_t settled = counts->sent + dropped_sum(counts) + counts->queued;

	totals->enqueued += counts->enqueued;
	totals->notices += counts->notices;
	totals->balanced = totals->balanced && counts->enqueued == settled;
}

static struct delivery_totals delivery_totals(const struct output *output)
{
	struct delivery_totals totals = { .balanced = true };
	struct target_counts removed = output_removed(output);

	totals_add(&totals, &removed);
	for (size_t i = 0; i < output_targets(output); i++) {
		struct target_counts counts = target_counts(output_target(output, i));

		totals_add(&totals, &counts);
	}
	return totals;
}

static bool is_balanced(const struct record_counts *records, const struct delivery_totals *totals,
			const struct recorder_counts *recorder)
{
	uint64_t fates = records->accepted + records->filtered + records->rate_limited +
			 records->no_handler + rejected_sum(records);

	return records->received == fates && totals->balanced &&
	       recorder->kept == recorder->sent + recorder->forgotten + recorder->held &&
	       totals->enqueued == records->deliveries + totals->notices;
}

static json_t *targets_json(const struct output *output)
{
	json_t *targets = json_object();

	for (size_t i = 0; i < output_targets(output); i++) {
		const struct target *target = output_target(output, i);

		json_object_set_new(targets, target_name(target), target_json(target));
	}
	return targets;
}

static json_t *removed_json(const struct output *output)
{
	struct target_counts removed = output_removed(output);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "enqueued",
			 count_json(removed.enqueued), "sent", count_json(removed.sent), "dropped",
			 count_json(dropped_sum(&removed)), "refused", count_json(removed.refused),
			 "resent", count_json(removed.resent), "truncated",
			 count_json(removed.truncated), "split", count_json(removed.split),
			 "notices", count_json(removed.notices));
}

static json_t *handlers_json(const struct forward *forward)
{
	json_t *handlers = json_object();

	for (size_t i = 0; i < forward_handlers(forward); i++) {
		struct handler_view view = forward_handler(forward, i);

		json_object_set_new(handlers, view.name,
				    json_pack("{s:s, s:o, s:o}", "target", view.target, "hits",
					      count_json(view.hits), "rate_limited",
					      count_json(view.rate_limited)));
	}
	return handlers;
}

static json_t *refused_json(const struct client_counts *counts, enum refusal_kind kind)
{
	json_t *by = json_object();

	for (int i = REFUSAL_NONE + 1; i < REFUSALS; i++) {
		enum refusal refusal = (enum refusal)i;

		if (refusal_text(kind, refusal) != NULL)
			json_object_set_new(by, refusal_name(refusal),
					    count_json(counts->refusals.of[kind][i]));
	}
	return by;
}

static json_t *refused_sum(const struct client_counts *counts, enum refusal_kind kind)
{
	return count_json(refusal_sum(&counts->refusals, kind));
}

static json_t *loggers_json(const struct tree *tree, const struct clients *clients)
{
	struct client_counts held = clients_counts(clients);
	struct tree_counts counts = tree_counts(tree);

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}}",
		"refused", refused_sum(&held, REFUSED_LOGGER), "refused_by",
		refused_json(&held, REFUSED_LOGGER), "contexts_refused",
		refused_sum(&held, REFUSED_CONTEXT), "contexts_refused_by",
		refused_json(&held, REFUSED_CONTEXT), "context_bytes",
		count_json(held.context_bytes), "overrides", count_json(counts.overrides), "live",
		count_json(counts.live), "leased", count_json(counts.leased), "leases",
		count_json(counts.leases), "placeholders", count_json(counts.placeholders), "peak",
		count_json(counts.peak), "opened", count_json(counts.opened), "reclaimed",
		"released", count_json(counts.released), "client_exit",
		count_json(counts.client_exit));
}

static json_t *recorder_json(const struct recorder_counts *counts)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "kept", count_json(counts->kept), "sent",
			 count_json(counts->sent), "forgotten", count_json(counts->forgotten),
			 "held", count_json(counts->held), "held_bytes",
			 count_json(counts->held_bytes), "not_kept", count_json(counts->not_kept));
}

static json_t *rings_json(const struct client_counts *counts)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "live",
			 count_json(counts->ring_bytes / CLIENT_RING_BYTES), "bytes",
			 count_json(counts->ring_bytes), "made", count_json(counts->rings.made),
			 "refused", count_json(counts->rings.refused), "wakings",
			 count_json(counts->rings.wakings));
}

static json_t *clients_json(const struct clients *clients, uint64_t client_dropped)
{
	struct client_counts counts = clients_counts(clients);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "live",
			 count_json(counts.live), "peak", count_json(counts.peak), "connected",
			 count_json(counts.connected), "refused",
			 refused_sum(&counts, REFUSED_CLIENT), "refused_by",
			 refused_json(&counts, REFUSED_CLIENT), "violations",
			 count_json(counts.violations), "client_dropped",
			 count_json(client_dropped), "rings", rings_json(&counts));
}

static json_t *sockets_json(const struct output *output)
{
	struct pool_counts counts = output_pool_counts(output);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "open", count_json(counts.open),
			 "limit", count_json(counts.limit), "peak", count_json(counts.peak),
			 "opened", count_json(counts.opened), "evicted", count_json(counts.evicted),
			 "idle_closed", count_json(counts.idle_closed), "failed",
			 count_json(counts.failed));
}

static json_t *tails_json(const struct tails *tails)
{
	struct tail_counts counts = tails_counts(tails);

	return json_pack("{s:o, s:o, s:{s:o, s:o}}", "live", count_json(counts.live), "refused",
			 count_json(counts.refused), "records", "shown", count_json(counts.shown),
			 "not_shown", count_json(counts.not_shown));
}

static json_t *health_json(const struct accounts_source *source,
			   const struct delivery_totals *totals)
{
	struct record_counts records = forward_counts(source->forward);
	struct recorder_counts recorder = forward_recorder_counts(source->forward);
	double uptime = (double)(clock_monotonic_ms() - source->started_ms) / 1000.0;

	return json_pack("{s:s, s:f, s:b}", "version", LOGFWD_VERSION, "uptime_seconds", uptime,
			 "balanced", is_balanced(&records, totals, &recorder));
}

json_t *accounts_health(const struct accounts_source *source)
{
	struct delivery_totals totals = delivery_totals(forward_output(source->forward));

	return health_json(source, &totals);
}

json_t *accounts_stats(const struct accounts_source *source)
{
	const struct output *output = forward_output(source->forward);
	struct record_counts records = forward_counts(source->forward);
	struct delivery_totals totals = delivery_totals(output);
	struct recorder_counts recorder = forward_recorder_counts(source->forward);
	CLEANUP(json_decref) json_t *stats = health_json(source, &totals);
	json_t *rest =
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "records",
			  records_json(&records), "recorder", recorder_json(&recorder), "targets",
			  targets_json(output), "removed", removed_json(output), "notices",
			  count_json(totals.notices), "handlers", handlers_json(source->forward),
			  "loggers", loggers_json(forward_tree(source->forward), source->clients),
			  "clients", clients_json(source->clients, records.client_dropped),
			  "sockets", sockets_json(output), "tails", tails_json(source->tails));

	return json_object_update_new(stats, rest) == 0 ? move_ptr(stats) : NULL;
}

static void find_later(const struct server *server, const struct target_counts *lane, void *arg)
{
	const struct server_account **last = arg;

	(void)lane;
	*last = server_account_later(*last, server_account(server));
}

static void add_last_error(json_t *object, const struct target *target)
{
	const struct server_account *last = NULL;
	json_t *error = json_null(), *seconds = json_null();

	target_each_server(target, find_later, &last);
	if (last != NULL && last->last_error != 0) {
		error = json_string(strerror(last->last_error));
		seconds = json_real((double)(clock_monotonic_ms() - last->last_error_ms) / 1000.0);
	}
	json_object_set_new(object, "last_error", error);
	json_object_set_new(object, "last_error_seconds", seconds);
}

json_t *accounts_targets(const struct accounts_source *source)
{
	const struct output *output = forward_output(source->forward);
	json_t *targets = targets_json(output);

	for (size_t i = 0; i < output_targets(output); i++) {
		const struct target *target = output_target(output, i);
		json_t *object = json_object_get(targets, target_name(target));

		json_object_set_new(object, "policy",
				    json_string(policy_name(target_policy(target))));
		json_object_set_new(object, "sockets", count_json(target_sockets(target)));
		add_last_error(object, target);
	}
	return json_pack("{s:o}", "targets", targets);
}
