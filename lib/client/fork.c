#include "client/fork.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/inside.h"

/* What the mark says; the kernel makes it CHILD in a child. */
enum { CHILD, OURS, CATCHING_UP };

/*
 * The only state of the process that the library keeps: pthread_atfork() takes no argument,
 * so the clients must be found from here. The list's lock comes before any client's.
 */
static pthread_mutex_t clients_lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, logfwd_client) clients = TAILQ_HEAD_INITIALIZER(clients);
static pthread_once_t registered = PTHREAD_ONCE_INIT;
static int registration_error;

/* Where the kernel cannot make the mark, there is no child that would be seen by it. */
static _Atomic int unmarked = OURS;
static _Atomic int *mark = &unmarked;
const _Atomic int *fork_mark = &unmarked;

/*
 * No client changes while it is copied. A signal handler that forks inside a call of the library
 * cannot wait for that: its child, which will most likely exec(), is seen by the mark.
 */
static void before_fork(void)
{
	struct logfwd_client *client;

	inside_begin();
	if (!inside_is_outermost())
		return;
	fork_check();
	pthread_mutex_lock(&clients_lock);
	TAILQ_FOREACH (client, &clients, fork_link) {
		pthread_mutex_lock(&client->lock);
	}
}

static void after_fork(void)
{
	struct logfwd_client *client;

	if (inside_is_outermost()) {
		TAILQ_FOREACH (client, &clients, fork_link) {
			pthread_mutex_unlock(&client->lock);
		}
		pthread_mutex_unlock(&clients_lock);
	}
	inside_end();
}

/* Most children exec() at once: only what must not be taken for theirs cannot wait for the first use. */
static void disown_all(void)
{
	struct logfwd_client *client;
	int errno_kept = errno;

	TAILQ_FOREACH (client, &clients, fork_link) {
		connection_close(&client->connection);
		level_page_forget(&client->level_page);
		client->is_forked = true;
	}
	errno = errno_kept;
	atomic_store(mark, OURS);
}

static void after_fork_in_child(void)
{
	if (inside_is_outermost())
		disown_all();
	after_fork();
}

/*
 * The locks are as another thread of the parent may have left them, and nobody would ever give them
 * back. What they guard is whole if the parent had one thread; if it had several, such a child may
 * not call us (_Fork(3)).
 */
static void renew_locks(void)
{
	struct logfwd_client *client;

	pthread_mutex_init(&clients_lock, NULL);
	TAILQ_FOREACH (client, &clients, fork_link) {
		pthread_mutex_init(&client->lock, NULL);
	}
}

void fork_catch_up(void)
{
	int expected = CHILD;

	if (atomic_compare_exchange_strong(mark, &expected, CATCHING_UP)) {
		renew_locks();
		disown_all();
	}
	while (atomic_load(mark) == CATCHING_UP)
		sched_yield();
}

static void make_mark(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	if (madvise(page, bytes, MADV_WIPEONFORK) < 0) {
		munmap(page, bytes);
		return;
	}
	mark = page;
	atomic_init(mark, OURS);
	fork_mark = mark;
}

static void register_handlers(void)
{
	make_mark();
	registration_error = pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

int fork_remember(struct logfwd_client *client)
{
	pthread_once(&registered, register_handlers);
	if (registration_error != 0)
		return -registration_error;
	fork_check();
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
