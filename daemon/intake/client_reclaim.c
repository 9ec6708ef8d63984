#include "intake/client_internal.h"

#define RECORDED_WEIGHT 4

size_t client_give_back(struct client *client, struct lease *lease, bool client_exit)
{
	const struct client_env *env = client->env;

	quota_release(env->quota, QUOTA_CONTEXT_BYTES, client->uid,
		      env->ops.context_bytes(env->ops.arg, lease));
	quota_release(env->quota, QUOTA_LOGGERS, client->uid, 1);
	return env->ops.close(env->ops.arg, lease, client_exit);
}

/* Its leases end because it is gone, and neither by its own word nor because we go. */
static bool client_has_died(const struct client *client)
{
	return !client->has_left && !client->env->stopping;
}

bool client_reclaim(struct client *client, size_t weight)
{
	bool died = client_has_died(client);

	for (size_t done = 0; done < weight; done++) {
		struct lease *lease = lease_table_pop(&client->leases);
		size_t recorded;

		if (lease == NULL)
			return true;
		recorded = client_give_back(client, lease, died);
		client->reclaimed++;
		if (died)
			client->sent += recorded;
		done += recorded * RECORDED_WEIGHT;
	}
	return false;
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

	if (client->reclaimed > 0 && client_has_died(client))
		ops->client_exit(ops->arg, &exit);
}
