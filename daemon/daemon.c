#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "daemon_internal.h"
#include "intake/client_ring.h"
#include "os/clock.h"
#include "os/notify.h"

/* How long a stopping daemon goes on sending what is queued. */
#define DRAIN_MS      5000
#define DRAIN_STEP_MS 10
/* How long it reads what clients, and then syslog(3), have written: some never stop. */
#define DRAIN_READ_MS	   1000
#define DRAIN_READ_BATCHES 16
/* Memory goes back to the system when so many leases have ended. */
#define TRIM_LEASES	8192
#define HOUSEKEEPING_MS 250

/* Starts what metrics.listen asks for, before anything is given up for it. */
static int daemon_new_metrics(struct daemon *daemon, const struct metrics_options *options,
			      struct metrics_server **metrics_out)
{
	struct control_ops ops = daemon_control_ops(daemon);
	int result;

	*metrics_out = NULL;
	if (options->listen == NULL)
		return 0;
	result = metrics_server_new(daemon->base, options, &ops, metrics_out);
	if (result == 0) /* port 0 is known only here */
		log_notice("control", "metrics at http://%s/metrics",
			   metrics_server_address(*metrics_out));
	return result;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* Descriptors beside those of clients, rings and pool: listeners, control, metrics, epoll, some air. */
#define OTHER_DESCRIPTORS 128

/* Clients never take the descriptors that sending needs, whatever the limit of the process is. */
static struct limits effective_limits(const struct config *config)
{
	const uint64_t reserved = config->pool.sockets + OTHER_DESCRIPTORS;
	struct limits limits = config->limits;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return limits;
	limits_fit(&limits, files.rlim_cur > reserved ? files.rlim_cur - reserved : 0,
		   CLIENT_RING_BYTES);
	if (limits.clients < config->limits.clients ||
	    limits.ring_bytes < config->limits.ring_bytes)
		log_warning("daemon",
			    "limits.clients is %u, but this process may have %llu descriptors: "
			    "%u clients at most, %llu of them with a ring; raise LimitNOFILE= or "
			    "lower limits.clients",
			    config->limits.clients, (unsigned long long)files.rlim_cur,
			    limits.clients,
			    (unsigned long long)(limits.ring_bytes / CLIENT_RING_BYTES));
	return limits;
}

/* A batch is through: if it changed levels, clients hear of it. */
static void on_flushed(void *arg)
{
	struct daemon *daemon = arg;
	uint64_t generation = forward_level_generation(daemon->forward);

	if (daemon->clients == NULL || generation == daemon->levels_told)
		return;
	daemon->levels_told = generation;
	clients_levels_changed(daemon->clients);
}

/* The point of no return: from here on nothing can fail. */
static void daemon_take_config(struct daemon *daemon, struct config *config,
			       struct forward_generation *generation)
{
	if (daemon->config != NULL &&
	    !listen_options_equal(&daemon->config->listen, &config->listen))
		log_warning("config",
			    "%s: section listen has changed; sockets stay as they are "
			    "until a restart",
			    daemon->config_path);
	forward_commit(daemon->forward, generation);
	if (daemon->clients != NULL) {
		struct limits limits = effective_limits(config);

		clients_set_limits(daemon->clients, &limits);
	}
	config_free(daemon->config);
	daemon->config = config;
	on_flushed(daemon);
}

static int daemon_reload_metrics(struct daemon *daemon, const struct config *config,
				 struct metrics_server **metrics_out,
				 char error_out[static CONTROL_ERROR_BYTES])
{
	int result;

	if (same_text(daemon->config->metrics.listen, config->metrics.listen)) {
		*metrics_out = daemon->metrics;
		return 0;
	}
	result = daemon_new_metrics(daemon, &config->metrics, metrics_out);
	if (result < 0)
		snprintf(error_out, CONTROL_ERROR_BYTES, "%s: metrics.listen %s: %s",
			 daemon->config_path, config->metrics.listen, strerror(-result));
	return result;
}

int daemon_reload(struct daemon *daemon, bool dry_run, char error_out[static CONTROL_ERROR_BYTES])
{
	CLEANUP(config_free) struct config *config = NULL;
	struct forward_generation *generation = NULL;
	struct metrics_server *metrics;
	int result;

	static_assert(CONTROL_ERROR_BYTES >= CONFIG_ERROR_BYTES,
		      "a reload reports config's errors");
	if (daemon->drain_until_ms != 0) {
		snprintf(error_out, CONTROL_ERROR_BYTES, "the daemon stops; nothing is loaded");
		return -ESHUTDOWN;
	}
	result = config_load(daemon->config_path, &config, error_out);
	if (result < 0 || dry_run)
		return result;
	result = forward_prepare(daemon->forward, config, &generation);
	if (result < 0) {
		snprintf(error_out, CONTROL_ERROR_BYTES, "%s: %s", daemon->config_path,
			 strerror(-result));
		return result;
	}
	result = daemon_reload_metrics(daemon, config, &metrics, error_out);
	if (result < 0) {
		forward_discard(generation);
		return result;
	}
	if (metrics != daemon->metrics) {
		metrics_server_free(daemon->metrics);
		daemon->metrics = metrics;
	}
	daemon_take_config(daemon, move_ptr(config), generation);
	log_notice("config", "%s: reloaded", daemon->config_path);
	return 0;
}

static void on_reload(evutil_socket_t fd, short what, void *arg)
{
	char error[CONTROL_ERROR_BYTES];
	struct daemon *daemon = arg;

	(void)fd;
	(void)what;
	notify_reloading();
	if (daemon_reload(daemon, false, error) < 0)
		log_error("config", "%s; the running configuration stays", error);
	notify_ready();
}

static void on_hup(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd;
	(void)what;
	if (daemon->drain_until_ms == 0)
		event_active(daemon->reload, EV_TIMEOUT, 1);
}

/* From the loop, so that a loop that hangs is not alive. */
static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_alive();
}

/* Twice as often as asked for, as sd_watchdog_enabled(3) says. */
static bool daemon_new_watchdog(struct daemon *daemon)
{
	uint64_t half_us = notify_watchdog_us() / 2;
	const struct timeval every = { .tv_sec = (time_t)(half_us / 1000000),
				       .tv_usec = (suseconds_t)(half_us % 1000000) };

	if (half_us == 0)
		return true;
	daemon->watchdog = event_new(daemon->base, -1, EV_PERSIST, on_watchdog, daemon);
	return daemon->watchdog != NULL && event_add(daemon->watchdog, &every) == 0;
}

/* malloc() keeps what 80,000 loggers have left behind unless it is told not to. */
static void on_housekeeping(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	uint64_t leases = tree_counts(forward_tree(daemon->forward)).leases;

	(void)fd;
	(void)what;
	if (leases + TRIM_LEASES < daemon->leases_before) {
		malloc_trim(0);
		daemon->leases_before = leases;
	}
	if (leases > daemon->leases_before)
		daemon->leases_before = leases;
	forward_tick(daemon->forward, clock_monotonic_ms());
	on_flushed(daemon); /* the end of a lease may have changed levels too */
}

static void on_drain(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	uint64_t queued = forward_drain(daemon->forward);

	(void)fd;
	(void)what;
	if (queued > 0 && clock_monotonic_ms() < daemon->drain_until_ms)
		return;
	if (queued > 0)
		log_warning("daemon", "%llu records could not be sent within %d ms; dropped",
			    (unsigned long long)queued, DRAIN_MS);
	forward_abandon(daemon->forward);
	event_base_loopbreak(daemon->base);
}

static void drain_clients(struct daemon *daemon)
{
	if (!clients_drain(daemon->clients, clock_monotonic_ms() + DRAIN_READ_MS))
		log_warning("daemon", "clients still said something after %d ms; it is not read",
			    DRAIN_READ_MS);
	clients_stop(daemon->clients);
}

static void drain_syslog(struct daemon *daemon)
{
	const int64_t until_ms = clock_monotonic_ms() + DRAIN_READ_MS;
	bool empty = daemon->syslog == NULL;

	while (!empty && clock_monotonic_ms() < until_ms)
		empty = syslog_socket_drain(daemon->syslog, DRAIN_READ_BATCHES);
	if (!empty)
		log_warning("daemon", "syslog(3) still wrote after %d ms; it is not read",
			    DRAIN_READ_MS);
	syslog_socket_free(daemon->syslog);
	daemon->syslog = NULL;
}

/* Takes in what was written before the signal, then sends until all is out or time is up. */
static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval step = { .tv_usec = DRAIN_STEP_MS * 1000 };
	struct daemon *daemon = arg;

	(void)fd;
	(void)what;
	if (daemon->drain_until_ms != 0) { /* asked twice: at once */
		daemon->drain_until_ms = 1;
		return;
	}
	log_notice("daemon", "stopping");
	notify_stopping();
	daemon->drain_until_ms = clock_monotonic_ms() + DRAIN_MS;
	drain_clients(daemon);
	drain_syslog(daemon);
	event_add(daemon->drain, &step);
	event_active(daemon->drain, EV_TIMEOUT, 1);
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	/* libevent uses epoll: a descriptor above 1024 breaks nothing */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static struct event_base *new_event_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	event_config_avoid_method(config, "select");
	event_config_avoid_method(config, "poll");
	/* The coarse clock ticks each 4 ms: looks at rings, a millisecond apart, came 3 ms late. */
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static bool daemon_new_events(struct daemon *daemon)
{
	const struct timeval every = { .tv_usec = HOUSEKEEPING_MS * 1000 };

	daemon->signals[SIGNAL_HUP] = evsignal_new(daemon->base, SIGHUP, on_hup, daemon);
	daemon->signals[SIGNAL_TERM] = evsignal_new(daemon->base, SIGTERM, on_stop, daemon);
	daemon->signals[SIGNAL_INT] = evsignal_new(daemon->base, SIGINT, on_stop, daemon);
	for (size_t i = 0; i < N_SIGNALS; i++) {
		if (daemon->signals[i] == NULL || event_add(daemon->signals[i], NULL) < 0)
			return false;
	}
	daemon->reload = event_new(daemon->base, -1, 0, on_reload, daemon);
	daemon->drain = event_new(daemon->base, -1, EV_PERSIST, on_drain, daemon);
	daemon->housekeeping = event_new(daemon->base, -1, EV_PERSIST, on_housekeeping, daemon);
	return daemon->reload != NULL && daemon->drain != NULL && daemon->housekeeping != NULL &&
	       event_add(daemon->housekeeping, &every) == 0 && daemon_new_watchdog(daemon);
}

static bool daemon_new_clients(struct daemon *daemon)
{
	struct intake_ops ops = forward_intake_ops(daemon->forward);
	struct limits limits = effective_limits(daemon->config);
	int fd = sockets_take(&daemon->sockets, SOCKET_CLIENT);
	uint32_t seed;

	if (getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed) &&
	    clients_new(daemon->base, fd, &ops, &limits, seed, &daemon->clients) == 0)
		return true;
	close(fd);
	return false;
}

static bool daemon_new_syslog(struct daemon *daemon)
{
	struct intake_ops ops = forward_intake_ops(daemon->forward);
	int fd = sockets_take(&daemon->sockets, SOCKET_SYSLOG);

	if (fd < 0 || syslog_socket_new(daemon->base, fd, &ops, &daemon->syslog) == 0)
		return true;
	close(fd);
	return false;
}

static bool daemon_new_control(struct daemon *daemon)
{
	struct control_ops ops = daemon_control_ops(daemon);
	int fd = sockets_take(&daemon->sockets, SOCKET_CONTROL);
	int result;

	daemon->tails = tails_new(daemon->forward);
	if (daemon->tails == NULL ||
	    control_server_new(daemon->base, fd, &ops, &daemon->control) < 0)
		return false;
	result = daemon_new_metrics(daemon, &daemon->config->metrics, &daemon->metrics);
	if (result < 0)
		log_error("control", "metrics.listen %s: %s", daemon->config->metrics.listen,
			  strerror(-result));
	return result == 0;
}

static bool daemon_new_forward(struct daemon *daemon, struct config *config)
{
	struct forward_generation *generation;
	uint8_t hash_key[16];

	if (getrandom(hash_key, sizeof(hash_key), 0) != (ssize_t)sizeof(hash_key) ||
	    forward_new(daemon->base, hash_key, &config->pool, &daemon->forward) < 0 ||
	    forward_prepare(daemon->forward, config, &generation) < 0)
		return false;
	forward_on_flushed(daemon->forward, on_flushed, daemon);
	if (live_levels_new(daemon->base, daemon->forward, on_flushed, daemon,
			    &daemon->live_levels) < 0) {
		forward_discard(generation);
		return false;
	}
	daemon_take_config(daemon, config, generation);
	return true;
}

/* Takes config. On failure the reason was logged, but for want of memory, which the caller says. */
static bool daemon_build(struct daemon *daemon, struct config *config)
{
	if (!sockets_init(&daemon->sockets, &config->listen) ||
	    (daemon->base = new_event_base()) == NULL || !daemon_new_events(daemon) ||
	    !daemon_new_forward(daemon, config)) {
		config_free(config);
		return false;
	}
	return daemon_new_clients(daemon) && daemon_new_syslog(daemon) &&
	       daemon_new_control(daemon);
}

int daemon_new(const char *config_path, struct daemon **daemon_out)
{
	CLEANUP(daemon_free) struct daemon *daemon = calloc(1, sizeof(*daemon));
	char error[CONFIG_ERROR_BYTES];
	struct config *config;

	if (daemon == NULL)
		return EXIT_FAILURE;
	daemon->config_path = config_path;
	daemon->sockets = SOCKETS_NONE;
	daemon->started_ms = clock_monotonic_ms();
	if (config_load(config_path, &config, error) < 0) {
		log_error("config", "%s", error);
		return EXIT_CONFIG;
	}
	signal(SIGPIPE, SIG_IGN);
	/* no fast bins: what 100,000 loggers left in them was joined in one turn, of 20 ms */
	mallopt(M_MXFAST, 0);
	raise_descriptor_limit();
	if (!daemon_build(daemon, config)) {
		log_error("daemon", "cannot start");
		return EXIT_FAILURE;
	}
	*daemon_out = move_ptr(daemon);
	return 0;
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

void daemon_free(struct daemon *daemon)
{
	if (daemon == NULL)
		return;
	/* first: the loop turns once more while names are asked for, and they would see what is gone */
	for (size_t i = 0; i < N_SIGNALS; i++)
		free_event(daemon->signals[i]);
	free_event(daemon->reload);
	free_event(daemon->housekeeping);
	free_event(daemon->watchdog);
	free_event(daemon->drain);
	live_levels_free(daemon->live_levels);
	control_server_free(daemon->control);
	tails_free(daemon->tails);
	metrics_server_free(daemon->metrics);
	clients_free(daemon->clients);
	syslog_socket_free(daemon->syslog);
	forward_free(daemon->forward);
	config_free(daemon->config);
	if (daemon->base != NULL)
		event_base_free(daemon->base);
	sockets_deinit(&daemon->sockets);
	libevent_global_shutdown();
	free(daemon);
}

int daemon_run(struct daemon *daemon)
{
	log_notice("daemon", "logfwdd %s: forwarding", LOGFWD_VERSION);
	notify_ready();
	if (event_base_dispatch(daemon->base) < 0) {
		log_error("daemon", "the event loop failed: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
