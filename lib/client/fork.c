#include "client/fork.h"

#include <errno.h>

/*
 * The only state of the process that the library keeps: pthread_atfork() takes no argument,
 * so the clients must be found from here. The list's lock comes before any client's.
 */
static pthread_mutex_t clients_lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, logfwd_client) clients = TAILQ_HEAD_INITIALIZER(clients);
static pthread_once_t registered = PTHREAD_ONCE_INIT;
static int registration_error;

/* No client changes while it is copied. */
static void before_fork(void)
{
	struct logfwd_client *client;

	pthread_mutex_lock(&clients_lock);
	TAILQ_FOREACH (client, &clients, fork_link) {
		pthread_mutex_lock(&client->lock);
	}
}

static void after_fork(void)
{
	struct logfwd_client *client;

	TAILQ_FOREACH (client, &clients, fork_link) {
		pthread_mutex_unlock(&client->lock);
	}
	pthread_mutex_unlock(&clients_lock);
}

/* Most children exec() at once: only what must not be taken for theirs cannot wait for the first use. */
static void after_fork_in_child(void)
{
	struct logfwd_client *client;
	int errno_kept = errno;

	TAILQ_FOREACH (client, &clients, fork_link) {
		connection_close(&client->connection);
		level_page_forget(&client->level_page);
		client->is_forked = true;
	}
	errno = errno_kept;
	after_fork();
}

static void register_handlers(void)
{
	registration_error = pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

int fork_remember(struct logfwd_client *client)
{
	pthread_once(&registered, register_handlers);
	if (registration_error != 0)
		return -registration_error;
	pthread_mutex_lock(&clients_lock);
	TAILQ_INSERT_TAIL(&clients, client, fork_link);
	pthread_mutex_unlock(&clients_lock);
	return 0;
}

void fork_forget(struct logfwd_client *client)
{
	pthread_mutex_lock(&clients_lock);
	TAILQ_REMOVE(&clients, client, fork_link);
	pthread_mutex_unlock(&clients_lock);
}
