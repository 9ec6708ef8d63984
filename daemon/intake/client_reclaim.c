#include "intake/client_internal.h"

/* Weight of the leases given back in one turn: about a millisecond. */
#define SLICE_WEIGHT 2048
/* Leases looked at in one turn for what was recorded of them: a look-up each. */
#define SLICE_LOOKS 8192
/* Beside that of its lease, of each recorded record that is forgotten with it. */
#define RECORDED_WEIGHT 4

size_t client_give_back(struct client *client, struct lease *lease, bool client_exit)
{
	const struct client_env *env = client->env;

	quota_release(env->quota, QUOTA_CONTEXT_BYTES, client->uid,
		      env->ops.context_bytes(env->ops.arg, lease));
	quota_release(env->quota, QUOTA_LOGGERS, client->uid, 1);
	return env->ops.close(env->ops.arg, lease, client_exit);
}

/*
 * Sends what was recorded of the leases of a client that has died; true when nothing is left.
 * Before the first lease ends: a record carries the context of those above its own, too.
 */
static bool client_play_back(struct client *client)
{
	const struct intake_ops *ops = &client->env->ops;

	for (size_t looks = 0; looks < SLICE_LOOKS; looks++) {
		if (client->playing == NULL)
			client->playing = lease_table_next(&client->leases, &client->played);
		if (client->playing == NULL)
			return true;
		if (!ops->play_back(ops->arg, client->playing, &client->sent))
			return false;
		client->playing = NULL;
	}
	return false;
}

/* Gives back a slice of its leases; true when none is left. */
static bool client_end_leases(struct client *client)
{
	struct lease *lease;
	size_t weight = 0;

	while (weight < SLICE_WEIGHT && (lease = lease_table_pop(&client->leases)) != NULL) {
		client->reclaimed++;
		weight += 1 + client_give_back(client, lease, client->has_died) * RECORDED_WEIGHT;
	}
	return client->leases.count == 0;
}

bool client_reclaim(struct client *client)
{
	const struct intake_ops *ops = &client->env->ops;
	bool done = (!client->has_died || client_play_back(client)) && client_end_leases(client);

	ops->flush(ops->arg);
	return done;
}

void client_tell_exit(const struct client *client)
{
	const struct intake_ops *ops = &client->env->ops;
	const struct client_exit exit = {
		.pid = client->pid,
		.uid = client->uid,
		.app = span_of_bytes(client->app, client->app_length),
		.records = client->records,
		.loggers = client->reclaimed,
		.sent = client->sent,
	};

	if (client->reclaimed > 0 && client->has_died)
		ops->client_exit(ops->arg, &exit);
}
