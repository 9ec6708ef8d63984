#include "client/logger.h"

#include <errno.h>
#include <string.h>

#include "client/clock.h"
#include "client/link.h"
#include "client/loggers.h"
#include "wire/level.h"
#include "wire/logger_name.h"

/* Does the daemon keep what it filters of this name, so that it wants to see all? */
static bool is_recorded(const struct level_map *map, struct span name)
{
	size_t length = name.len;
	int recorder = level_map_recorder(map, name);

	while (recorder < 0 && length > 0) {
		length = logger_name_ancestor(name, length);
		recorder = level_map_recorder(map, span_first(name, length));
	}
	return recorder == 1;
}

/* The lowest level that the daemon may pass for a name, as far as it is known. */
static uint8_t threshold_of(const struct logfwd_client *client, const struct name *name)
{
	const struct level_map *map = &client->level_map;
	struct span text = name_span(name);
	uint8_t level;

	if (!map->known && client->counts.connected > 0)
		return 0; /* it is on its way */
	/* Of a name with ".." any process's logger may be the parent: only the daemon knows. */
	if (map->known && logger_name_is_irregular(text))
		return 0;
	if (is_recorded(map, text))
		return 0;
	level = level_map_override(map, text);
	if (level != 0)
		return level; /* above what any other process's lease says */
	level = names_effective_level(&client->names, map, name);
	return map->known && map->lease_floor < level ? map->lease_floor : level;
}

static uint64_t refresh_cache(struct logfwd_logger *logger)
{
	struct logfwd_client *client = logger->client;
	struct client_hold hold;
	uint64_t cache;

	if (!client_enter(client, &hold))
		return atomic_load_explicit(&logger->cache, memory_order_relaxed);
	cache = atomic_load_explicit(&client->generation, memory_order_relaxed) << 8 |
		threshold_of(client, logger->name);
	atomic_store_explicit(&logger->cache, cache, memory_order_relaxed);
	client_leave(client, hold);
	return cache;
}

static bool passes(struct logfwd_logger *logger, int level)
{
	uint64_t cache = atomic_load_explicit(&logger->cache, memory_order_relaxed);

	if (cache >> 8 != atomic_load_explicit(&logger->client->generation, memory_order_relaxed))
		cache = refresh_cache(logger);
	return level >= (uint8_t)cache;
}

/* A process that logs nothing at all must still hear that a level has changed. */
static bool idle_input_is_due(const struct logfwd_client *client)
{
	int64_t due_ms = atomic_load_explicit(&client->input_due_ms, memory_order_relaxed);

	return clock_coarse_ms() >= due_ms + IDLE_INPUT_INTERVAL_MS - INPUT_INTERVAL_MS;
}

static void look_at_input(struct logfwd_client *client)
{
	struct client_hold hold;

	if (!client_enter(client, &hold))
		return;
	atomic_store_explicit(&client->input_due_ms, 0, memory_order_relaxed);
	link_pump(client);
	client_leave(client, hold);
}

bool logger_find_out(struct logfwd_logger *logger, int level)
{
	struct logfwd_client *client = logger->client;
	bool is_due;

	if (level_page_is_held(level_page_word(&client->level_page)))
		is_due = level_page_has_news(&client->level_page);
	else
		is_due = idle_input_is_due(client); /* nobody announces what the daemon says */
	if (is_due)
		look_at_input(client);
	return passes(logger, level);
}

bool logfwd_enabled(const struct logfwd_logger *logger, int level)
{
	if (logger == NULL || level < 1 || level > LEVEL_MAX)
		return false;
	/* What it changes is a cache, which is nothing that the caller can see. */
	return logger_is_enabled((struct logfwd_logger *)logger, level);
}

static int64_t deadline_of(const struct logfwd_client *client)
{
	return client->wait_ms == 0 ? 0 : clock_ms() + client->wait_ms;
}

/* Existence matters only where it hides a candidate of CPython's (wire/logger_name.h). */
static bool is_crossroads(struct span name)
{
	return name.len > 0 && name.ptr[name.len - 1] == '.';
}

int logfwd_logger_open(struct logfwd_client *client, const char *name_text,
		       struct logfwd_logger **logger_out)
{
	struct span name = span_of(name_text);
	struct logfwd_logger *logger;
	struct client_hold hold;
	int error;

	if (client == NULL || name_text == NULL || logger_out == NULL)
		return -EINVAL;
	switch (logger_name_check(name)) {
	case LOGGER_NAME_OK:
		break;
	case LOGGER_NAME_TOO_LONG:
		return -ENAMETOOLONG;
	default:
		return -EINVAL;
	}
	if (!client_enter(client, &hold))
		return -EDEADLK;
	error = loggers_add(client, logger_name_canonical(name), &logger);
	if (error == 0) {
		name_lease_begins(logger->name);
		client->open_loggers++;
		if (is_crossroads(name))
			client_levels_changed(client);
		link_pump(client);
		*logger_out = logger;
	}
	client_leave(client, hold);
	return error;
}

void logfwd_logger_close(struct logfwd_logger *logger)
{
	struct logfwd_client *client;
	struct client_hold hold;

	if (logger == NULL)
		return;
	client = logger->client;
	if (!client_enter(client, &hold))
		return;
	link_pump(client);
	if (logger->own_level.level != 0 || is_crossroads(name_span(logger->name)))
		client_levels_changed(client);
	name_lease_ends(logger->name, &logger->own_level);
	logger->is_closed = true;
	client->open_loggers--;
	link_close_logger(logger);
	client_leave(client, hold);
}

/* Before the daemon knows of a logger, its registration will tell all that has changed. */
static int submit_change(struct logfwd_logger *logger, const struct outgoing *frame)
{
	if (!logger->is_registered && logger->frames_waiting == 0)
		return 0;
	return link_submit(logger->client, frame);
}

static int try_set_level(struct logfwd_logger *logger, uint8_t level)
{
	uint8_t bytes[WIRE_HEADER_BYTES + sizeof(uint32_t) + 1];
	struct writer head = writer_over(bytes, sizeof(bytes));
	struct outgoing frame = { .type = FRAME_SET_LEVEL, .logger = logger };
	int error;

	frame_write_set_level(&head, &(struct frame_set_level){ logger->id, level });
	frame.head = writer_span(&head);
	error = submit_change(logger, &frame);
	if (error < 0)
		return error;
	name_set_level(logger->name, &logger->own_level, level);
	client_levels_changed(logger->client);
	if (logger->changes_waiting > 0)
		return 0;
	loggers_changes_told(logger);
	if (!logger->is_registered && level != 0)
		loggers_register_last(logger);
	return 0;
}

int logfwd_logger_set_level(struct logfwd_logger *logger, int level)
{
	struct logfwd_client *client;
	struct client_hold hold;
	int64_t deadline_ms;
	int error;

	if (logger == NULL || level < 0 || level > LEVEL_MAX)
		return -EINVAL;
	client = logger->client;
	deadline_ms = deadline_of(client);
	if (!client_enter(client, &hold))
		return -EDEADLK;
	do {
		link_pump(client);
		error = try_set_level(logger, (uint8_t)level);
	} while (error == -ENOBUFS && client_wait(client, deadline_ms));
	client_leave(client, hold);
	return error;
}

static int try_set_context(struct logfwd_logger *logger, const struct context_pair *pair, bool set)
{
	uint8_t bytes[WIRE_HEADER_BYTES + 8 + CONTEXT_KEY_MAX + CONTEXT_VALUE_MAX];
	struct writer head = writer_over(bytes, sizeof(bytes));
	struct outgoing frame = { .type = FRAME_CONTEXT, .logger = logger };
	struct pairs *changed;
	int error = pairs_with(logger->context, pair, set, &changed);

	if (error < 0)
		return error;
	frame_write_context(&head, &(struct frame_context){ logger->id, set, *pair });
	frame.head = writer_span(&head);
	if (changed != logger->context)
		error = submit_change(logger, &frame);
	if (error < 0) {
		pairs_unref(changed);
		return error;
	}
	pairs_unref(logger->context);
	logger->context = changed;
	if (logger->changes_waiting == 0)
		loggers_changes_told(logger);
	return 0;
}

int logfwd_logger_set_context(struct logfwd_logger *logger, const char *key, const char *value)
{
	struct context_pair pair = { span_of(key), span_of(value) };
	struct logfwd_client *client;
	struct client_hold hold;
	int64_t deadline_ms;
	int error;

	if (logger == NULL || !context_key_is_valid(pair.key) || pair.value.len > CONTEXT_VALUE_MAX)
		return -EINVAL;
	client = logger->client;
	deadline_ms = deadline_of(client);
	if (!client_enter(client, &hold))
		return -EDEADLK;
	do {
		link_pump(client);
		error = try_set_context(logger, &pair, value != NULL);
	} while (error == -ENOBUFS && client_wait(client, deadline_ms));
	client_leave(client, hold);
	return error;
}
