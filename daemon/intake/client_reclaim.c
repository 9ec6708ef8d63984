#include "intake/client_internal.h"

/* Weight of the leases given back in one turn: about a millisecond. */
#define SLICE_WEIGHT 2048
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

/* The lease that ends next; NULL: all have. */
static struct lease *client_next_lease(struct client *client)
{
	if (client->ending == NULL)
		client->ending = lease_table_pop(&client->leases);
	return client->ending;
}

bool client_reclaim(struct client *client)
{
	const struct intake_ops *ops = &client->env->ops;
	struct lease *lease;
	size_t weight = 0;

	while ((lease = client_next_lease(client)) != NULL && weight < SLICE_WEIGHT) {
		if (client->has_died && !ops->play_back(ops->arg, lease, &client->sent))
			break;
		client->ending = NULL;
		client->reclaimed++;
		weight += 1 + client_give_back(client, lease, client->has_died) * RECORDED_WEIGHT;
	}
	ops->flush(ops->arg);
	return lease == NULL;
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
