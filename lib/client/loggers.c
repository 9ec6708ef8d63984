#include "client/loggers.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define FIRST_SLOTS 16
#define MAX_SLOTS   (UINT32_C(1) << 30)

static int grow(struct logger_table *table)
{
	uint32_t n_slots = table->n_slots == 0 ? FIRST_SLOTS : 2 * table->n_slots;
	struct logfwd_logger **slots;
	uint32_t *free_ids;

	if (n_slots > MAX_SLOTS)
		return -ENOMEM;
	slots = realloc(table->slots, n_slots * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	table->slots = slots;
	free_ids = realloc(table->free_ids, n_slots * sizeof(*free_ids));
	if (free_ids == NULL)
		return -ENOMEM;
	table->free_ids = free_ids;
	for (uint32_t id = n_slots; id > table->n_slots; id--) {
		slots[id - 1] = NULL;
		free_ids[table->n_free++] = id;
	}
	table->n_slots = n_slots;
	return 0;
}

int loggers_add(struct logfwd_client *client, struct span name, struct logfwd_logger **logger_out)
{
	struct logger_table *table = &client->loggers;
	struct logfwd_logger *logger;

	if (table->n_free == 0 && grow(table) < 0)
		return -ENOMEM;
	logger = calloc(1, sizeof(*logger));
	if (logger == NULL)
		return -ENOMEM;
	if (names_take(&client->names, name, &logger->name) < 0) {
		free(logger);
		return -ENOMEM;
	}
	logger->client = client;
	logger->id = table->free_ids[--table->n_free];
	table->slots[logger->id - 1] = logger;
	TAILQ_INSERT_TAIL(&client->unregistered, logger, unregistered_link);
	*logger_out = logger;
	return 0;
}

void loggers_remove(struct logfwd_logger *logger)
{
	struct logfwd_client *client = logger->client;
	struct logger_table *table = &client->loggers;

	if (!logger->is_registered)
		TAILQ_REMOVE(&client->unregistered, logger, unregistered_link);
	if (logger->close_is_due)
		TAILQ_REMOVE(&client->close_due, logger, close_due_link);
	table->slots[logger->id - 1] = NULL;
	table->free_ids[table->n_free++] = logger->id;
	client->counts.filtered += atomic_load_explicit(&logger->filtered, memory_order_relaxed);
	pairs_unref(logger->context);
	pairs_unref(logger->told_context);
	names_give_back(&client->names, logger->name);
	free(logger);
}

void loggers_remove_if_done(struct logfwd_logger *logger)
{
	if (logger->is_closed && !logger->is_registered && logger->frames_waiting == 0)
		loggers_remove(logger);
}

struct logfwd_logger *loggers_find(struct logfwd_client *client, uint32_t id)
{
	if (id == 0 || id > client->loggers.n_slots)
		return NULL;
	return client->loggers.slots[id - 1];
}

void loggers_register_last(struct logfwd_logger *logger)
{
	struct logger_queue *queue = &logger->client->unregistered;

	if (!logger->is_registered)
		TAILQ_REMOVE(queue, logger, unregistered_link);
	logger->is_registered = false;
	TAILQ_INSERT_TAIL(queue, logger, unregistered_link);
}

static struct logfwd_logger *logger_of(struct own_level *own)
{
	return (struct logfwd_logger *)((char *)own - offsetof(struct logfwd_logger, own_level));
}

/* Queues all leases of a name in the order of their levels, on meeting the first of them. */
static void unregister(struct logfwd_logger *logger)
{
	struct own_level *own = name_oldest_level(logger->name);

	logger->is_refused = false;
	if (logger->own_level.level == 0) {
		loggers_register_last(logger);
		loggers_remove_if_done(logger);
	} else if (own == &logger->own_level) {
		for (; own != NULL; own = own_level_newer(own))
			loggers_register_last(logger_of(own));
	}
}

void loggers_unregister_all(struct logfwd_client *client)
{
	for (uint32_t i = 0; i < client->loggers.n_slots; i++) {
		if (client->loggers.slots[i] != NULL)
			unregister(client->loggers.slots[i]);
	}
}

void loggers_start_afresh(struct logfwd_client *client)
{
	for (uint32_t i = 0; i < client->loggers.n_slots; i++) {
		struct logfwd_logger *logger = client->loggers.slots[i];

		if (logger == NULL)
			continue;
		atomic_store_explicit(&logger->filtered, 0, memory_order_relaxed);
		logger->frames_waiting = 0;
		loggers_changes_told(logger);
		unregister(logger);
	}
}

void loggers_set_registered(struct logfwd_logger *logger)
{
	TAILQ_REMOVE(&logger->client->unregistered, logger, unregistered_link);
	logger->is_registered = true;
}

void loggers_changes_told(struct logfwd_logger *logger)
{
	logger->changes_waiting = 0;
	logger->told_level = logger->own_level.level;
	if (logger->told_context != logger->context) {
		pairs_unref(logger->told_context);
		logger->told_context = pairs_ref(logger->context);
	}
}

uint64_t loggers_filtered(const struct logfwd_client *client)
{
	uint64_t filtered = 0;

	for (uint32_t i = 0; i < client->loggers.n_slots; i++) {
		const struct logfwd_logger *logger = client->loggers.slots[i];

		if (logger != NULL)
			filtered += atomic_load_explicit(&logger->filtered, memory_order_relaxed);
	}
	return filtered;
}

void loggers_deinit(struct logfwd_client *client)
{
	for (uint32_t i = 0; i < client->loggers.n_slots; i++) {
		struct logfwd_logger *logger = client->loggers.slots[i];

		if (logger == NULL)
			continue;
		if (!logger->is_closed)
			name_lease_ends(logger->name, &logger->own_level);
		loggers_remove(logger);
	}
	free(client->loggers.slots);
	free(client->loggers.free_ids);
}
