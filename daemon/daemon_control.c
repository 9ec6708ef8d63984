#include "accounts.h"
#include "client_listing.h"
#include "daemon_internal.h"
#include "explain.h"
#include "logger_listing.h"

static struct accounts_source accounts_source(const struct daemon *daemon)
{
	return (struct accounts_source){
		.forward = daemon->forward,
		.clients = daemon->clients,
		.tails = daemon->tails,
		.config = daemon->config,
		.started_ms = daemon->started_ms,
	};
}

static json_t *control_stats(void *arg)
{
	struct accounts_source source = accounts_source(arg);

	return accounts_stats(&source);
}

static json_t *control_health(void *arg)
{
	struct accounts_source source = accounts_source(arg);

	return accounts_health(&source);
}

static int control_loggers(void *arg, const char *pattern, bool all,
			   struct control_stream *stream_out)
{
	const struct daemon *daemon = arg;

	return logger_listing(forward_tree(daemon->forward), pattern, all, stream_out);
}

static int control_tail(void *arg, const struct control_caller *caller,
			const struct tail_wish *wish, struct control_stream *stream_out)
{
	const struct daemon *daemon = arg;

	return tails_open(daemon->tails, caller, wish, stream_out);
}

static int control_clients(void *arg, struct control_stream *stream_out)
{
	const struct daemon *daemon = arg;

	return client_listing(daemon->clients, stream_out);
}

static json_t *control_targets(void *arg)
{
	struct accounts_source source = accounts_source(arg);

	return accounts_targets(&source);
}

static json_t *control_level(void *arg, const char *name)
{
	const struct daemon *daemon = arg;

	return live_levels_json(daemon->live_levels, name);
}

static int control_set_level(void *arg, const struct level_change *change,
			     char error_out[static CONTROL_ERROR_BYTES])
{
	struct daemon *daemon = arg;

	return live_levels_set(daemon->live_levels, change, error_out);
}

static json_t *control_explain(void *arg, struct span name, uint8_t level, struct span text)
{
	const struct daemon *daemon = arg;

	return explain(daemon->forward, name, level, text);
}

static int control_reload(void *arg, bool dry_run, char error_out[static CONTROL_ERROR_BYTES])
{
	return daemon_reload(arg, dry_run, error_out);
}

static void control_audit(void *arg, const struct control_caller *caller, const char *verb,
			  bool allowed)
{
	struct daemon *daemon = arg;

	if (allowed) /* none of them is missing */
		log_notice("control", "%s by pid %d uid %u: allowed", verb, (int)caller->pid,
			   (unsigned)caller->uid);
	else
		log_limited(&daemon->audit, LOG_LEVEL_NOTICE, "control",
			    "%s by pid %d uid %u: denied", verb, (int)caller->pid,
			    (unsigned)caller->uid);
}

struct control_ops daemon_control_ops(struct daemon *daemon)
{
	return (struct control_ops){
		.stats = control_stats,
		.health = control_health,
		.loggers = control_loggers,
		.tail = control_tail,
		.clients = control_clients,
		.targets = control_targets,
		.level = control_level,
		.set_level = control_set_level,
		.explain = control_explain,
		.reload = control_reload,
		.audit = control_audit,
		.arg = daemon,
	};
}
