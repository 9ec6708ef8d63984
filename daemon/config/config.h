/**
 * config: the whole configuration as plain structs, loaded aside and taken as one.
 *
 * config_load() reads FILE, then the *.conf of the folder conf.d beside it in sorted order,
 * and checks everything that can be checked without acting: what it returns can be built.
 * It owns every string; the modules' option structs borrow from it while it lives.
 */
#ifndef LOGFWD_CONFIG_CONFIG_H
#define LOGFWD_CONFIG_CONFIG_H

#include "base/cleanup.h"
#include "control/metrics_server.h"
#include "format/datagram.h"
#include "format/template.h"
#include "intake/listener.h"
#include "intake/quota.h"
#include "output/socket_pool.h"
#include "output/target.h"
#include "route/tree.h"

/** A handler: where the records that reach it go, and in what shape. */
struct handler_options {
	const char *name;
	size_t target; /* index into config.targets */
	enum format_kind format;
	uint8_t facility;	   /* 0..23; default 16, local0 */
	uint8_t level;		   /* 0: all */
	const char *filter;	   /* logger name prefix; "": all */
	struct template *template; /* NULL: the text as it is */
	uint32_t rate_limit;	   /* records a second; 0: none */
	uint32_t rate_burst;	   /* records at once; default: rate_limit */
};

struct config {
	struct listen_options listen;
	struct limits limits;
	struct pool_options pool;
	struct metrics_options metrics;
	struct target_options *targets; /* at least one */
	size_t n_targets;		/* <= CONFIG_TARGETS_MAX */
	struct handler_options *handlers;
	size_t n_handlers;		/* <= ROUTE_HANDLERS_MAX */
	struct logger_options *loggers; /* the root is always there */
	size_t n_loggers;
};

#define CONFIG_FILE_MAX	   (1024 * 1024) /* bytes of one file */
#define CONFIG_TARGETS_MAX 128
#define CONFIG_ERROR_BYTES 512

/**
 * Loads and checks a configuration.
 * path:       of the main file.
 * config_out: owned by the caller, on success only.
 * error_out:  one line, "FILE:LINE: reason" (no line where there is none, as for an
 *             unreadable file), on failure only.
 * Errors: -EINVAL (a mistake in it), -ENOMEM, -errno of reading. Never blocks, whatever stands
 * at the path, and never exits, unless libconfuse's lexer finds no memory.
 */
int config_load(const char *path, struct config **config_out,
		char error_out[static CONFIG_ERROR_BYTES]);
void config_free(struct config *config);
DEFINE_CLEANUP(struct config *, config_free)

#endif
