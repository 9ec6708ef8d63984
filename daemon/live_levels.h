/**
 * live_levels: levels that operators set while the daemon runs, until they are unset or their
 * time is over. They outlive reloads, and end with the daemon.
 */
#ifndef LOGFWD_LIVE_LEVELS_H
#define LOGFWD_LIVE_LEVELS_H

#include "control/control_server.h"
#include "forward.h"

struct live_levels;

/** changed is called after each change. All is borrowed. Errors: -ENOMEM. */
typedef void live_levels_changed(void *arg);
int live_levels_new(struct event_base *base, struct forward *forward, live_levels_changed *changed,
		    void *arg, struct live_levels **levels_out);
void live_levels_free(struct live_levels *levels);
DEFINE_CLEANUP(struct live_levels *, live_levels_free)

/** Sets or unsets, as asked. Errors: -ENOENT, -ENOSPC, -ENOMEM, with error_out filled. */
int live_levels_set(struct live_levels *levels, const struct level_change *change,
		    char error_out[static CONTROL_ERROR_BYTES]);

/**
 * name: NULL for {"overrides":[{"pattern","level","seconds_left"}],"root":{...}}; otherwise
 * {"name","exists","own":{...},"effective":{...}} (logger_json.h). Owned; NULL without memory.
 */
json_t *live_levels_json(const struct live_levels *levels, const char *name);

#endif
