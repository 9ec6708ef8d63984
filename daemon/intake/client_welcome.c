#include "intake/client_internal.h"
#include "intake/descriptors.h"

static void client_on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_drain(arg);
}

bool client_make_ring(struct client *client)
{
	struct client_env *env = client->env;

	if (quota_take(env->quota, QUOTA_RING_BYTES, client->uid, CLIENT_RING_BYTES) ==
	    QUOTA_TAKEN) {
		if (client_ring_init(&client->ring, env->base, client_on_look, client) == 0) {
			env->rings.made++;
			return true;
		}
		quota_release(env->quota, QUOTA_RING_BYTES, client->uid, CLIENT_RING_BYTES);
	}
	env->rings.refused++;
	return false;
}

void client_drop_ring(struct client *client)
{
	if (client->ring.memory == NULL)
		return;
	client_ring_deinit(&client->ring);
	quota_release(client->env->quota, QUOTA_RING_BYTES, client->uid, CLIENT_RING_BYTES);
}

int client_send_welcome(struct client *client, const void *bytes, size_t length)
{
	int fds[DESCRIPTORS_MAX];
	size_t count = 0;

	if ((client->features & FEATURE_LEVEL_PAGE) != 0)
		fds[count++] = level_page_fd(client->env->level_page);
	if ((client->features & FEATURE_RING) != 0)
		fds[count++] = client->ring.fd;
	return descriptors_send(client->fd, bytes, length, fds, count);
}
