#include "config/config_check.h"

#include <errno.h>

#include "config/config_options.h"

#define NAME_MAX_BYTES	64 /* of a target or handler: it stands in columns and metrics */
#define DEFAULT_HANDLER "default"
#define ROOT		"root"
#define FACILITY_LOCAL0 16

struct check {
	const struct sections *sections;
	const char *main_path;
	struct arena *arena;
	struct config *config;
	char *error;
};

static struct reading reading_of(const struct check *check, const struct section *section)
{
	return (struct reading){ .arena = check->arena,
				 .config = check->config,
				 .file = section->place.file,
				 .error = check->error };
}

/* Sections without a title: all write into one object, later ones over earlier ones. */
static int read_untitled(const struct check *check, enum section_kind kind, void *object)
{
	const struct section *section = check->sections->first[kind];
	int result = 0;

	for (; section != NULL && result == 0; section = section->next) {
		struct reading reading = reading_of(check, section);

		result = section_read(&reading, section, object);
	}
	return result;
}

/* Where an option was last set; where it was not, the main file as a whole. */
static struct place place_of(const struct check *check, enum section_kind kind, const char *name)
{
	struct place place = { .file = check->main_path };

	for (const struct section *section = check->sections->first[kind]; section != NULL;
	     section = section->next) {
		const struct setting *setting = section_setting(section, name);

		if (setting != NULL && setting->n_values > 0)
			place = (struct place){ section->place.file, setting->values[0].line };
	}
	return place;
}

static int check_two_sockets(const struct check *check, const char *name, const char *path,
			     const char *other_name, const char *other_path)
{
	struct place place = place_of(check, SECTION_LISTEN, name);

	if (path[0] == '\0' || strcmp(path, other_path) != 0)
		return 0;
	if (place.line == 0)
		place = place_of(check, SECTION_LISTEN, other_name);
	return config_fail(check->error, place, "%s and %s have the same path \"%.*s\"", other_name,
			   name, CONFIG_ERROR_QUOTE_MAX, path);
}

static int check_listen(const struct check *check)
{
	struct listen_options *listen = &check->config->listen;
	int result = read_untitled(check, SECTION_LISTEN, listen);

	if (result == 0)
		result = check_two_sockets(check, "syslog", listen->syslog, "client",
					   listen->client);
	if (result == 0)
		result = check_two_sockets(check, "control", listen->control, "client",
					   listen->client);
	if (result == 0)
		result = check_two_sockets(check, "control", listen->control, "syslog",
					   listen->syslog);
	return result;
}

/* Names */

struct named {
	const char *name;
	size_t order; /* in which it was read */
	const struct section *section;
};

static int by_name(const void *a, const void *b)
{
	const struct named *first = a, *second = b;
	int result = strcmp(first->name, second->name);

	if (result != 0)
		return result;
	return first->order < second->order ? -1 : 1;
}

static const char *name_of(const struct section *section)
{
	bool root = section->kind == SECTION_LOGGER && section->title[0] == '\0';

	return root ? ROOT : section->title;
}

/* All of a kind, sorted: two of one name are neighbours. */
static int refuse_duplicates(const struct check *check, enum section_kind kind)
{
	size_t n = check->sections->n[kind];
	struct named *all = arena_take(check->arena, n, sizeof(*all));
	const struct named *again = NULL;
	size_t i = 0;

	if (all == NULL)
		return -ENOMEM;
	for (const struct section *each = check->sections->first[kind]; each != NULL;
	     each = each->next, i++)
		all[i] = (struct named){ name_of(each), i, each };
	qsort(all, n, sizeof(*all), by_name);
	for (i = 1; i < n; i++) {
		if (strcmp(all[i - 1].name, all[i].name) == 0 &&
		    (again == NULL || all[i].order < again->order))
			again = &all[i];
	}
	if (again == NULL)
		return 0;
	return config_fail(check->error, again->section->place,
			   "duplicate %s \"%.*s\", already in %s:%u", section_spec(kind)->name,
			   CONFIG_ERROR_QUOTE_MAX, again->name, again[-1].section->place.file,
			   again[-1].section->place.line);
}

/* Printable ASCII without spaces. */
static int check_name(const struct check *check, const struct section *section)
{
	size_t length = strlen(section->title);
	bool good = length > 0 && length <= NAME_MAX_BYTES;

	for (size_t i = 0; i < length; i++)
		good = good && section->title[i] > ' ' && section->title[i] <= '~';
	if (good)
		return 0;
	return config_fail(
		check->error, section->place,
		"bad name \"%.*s\" of a %s: 1 to %d printable ASCII characters, no space",
		CONFIG_ERROR_QUOTE_MAX, section->title, section_spec(section->kind)->name,
		NAME_MAX_BYTES);
}

static int refuse_many(const struct check *check, enum section_kind kind, size_t max)
{
	const struct section *section = check->sections->first[kind];

	if (check->sections->n[kind] <= max)
		return 0;
	for (size_t i = 0; i < max; i++)
		section = section->next;
	return config_fail(check->error, section->place, "more than %zu sections \"%s\"", max,
			   section_spec(kind)->name);
}

/* Targets */

/* A socket of one family reaches addresses of that family; of a name it may find some. */
static int check_bind_address(const struct check *check, const struct section *section,
			      const struct target_options *target)
{
	for (size_t i = 0; i < target->n_servers && target->socket.bind.length > 0; i++) {
		struct address_text text;
		struct socket_address address;

		if (!address_parse(target->servers[i], &text) ||
		    !address_of(text.host, text.port, &address) ||
		    address.any.sa_family == target->socket.bind.any.sa_family)
			continue;
		return config_fail(check->error, section->place,
				   "target \"%s\": bind-address and server \"%s\" are not of one "
				   "family, IPv4 or IPv6",
				   target->name, target->servers[i]);
	}
	return 0;
}

static int check_target(const struct check *check, const struct section *section,
			struct target_options *target)
{
	struct reading reading = reading_of(check, section);
	int result = check_name(check, section);

	*target = target_defaults();
	target->name = section->title;
	if (result == 0)
		result = section_read(&reading, section, target);
	if (result < 0)
		return result;
	if (target->n_servers == 0)
		return config_fail(check->error, section->place,
				   "target \"%s\" has no servers: servers = {\"HOST:PORT\"}",
				   target->name);
	if (target->queue_bytes < target->datagram_bytes + QUEUE_ENTRY_BYTES)
		return config_fail(check->error, section->place,
				   "target \"%s\": queue-bytes is less than one datagram needs, %u",
				   target->name, target->datagram_bytes + QUEUE_ENTRY_BYTES);
	if (target->sockets > check->config->pool.sockets)
		return config_fail(check->error, section->place,
				   "target \"%s\": sockets is more than pool.sockets, %u",
				   target->name, check->config->pool.sockets);
	return check_bind_address(check, section, target);
}

static int check_targets(const struct check *check)
{
	struct config *config = check->config;
	size_t n = check->sections->n[SECTION_TARGET];
	int result = refuse_duplicates(check, SECTION_TARGET);

	if (result == 0)
		result = refuse_many(check, SECTION_TARGET, CONFIG_TARGETS_MAX);
	if (result < 0)
		return result;
	if (n == 0)
		return config_fail(check->error, (struct place){ .file = check->main_path },
				   "there is no target: target NAME { servers = {\"HOST:PORT\"} }");
	config->targets = arena_take(check->arena, n, sizeof(*config->targets));
	if (config->targets == NULL)
		return -ENOMEM;
	for (const struct section *section = check->sections->first[SECTION_TARGET];
	     section != NULL && result == 0; section = section->next)
		result = check_target(check, section, &config->targets[config->n_targets++]);
	return result;
}

/* Handlers */

static struct handler_options default_handler(const char *name)
{
	return (struct handler_options){ .name = name,
					 .format = FORMAT_RFC5424,
					 .facility = FACILITY_LOCAL0,
					 .level = LEVEL_NOTSET,
					 .filter = "" };
}

static int check_handler(const struct check *check, const struct section *section,
			 struct handler_options *handler)
{
	struct reading reading = reading_of(check, section);
	int result = check_name(check, section);

	*handler = default_handler(section->title);
	if (result == 0)
		result = section_read(&reading, section, handler);
	if (handler->rate_burst == 0)
		handler->rate_burst = handler->rate_limit;
	return result;
}

static int check_handlers(const struct check *check)
{
	struct config *config = check->config;
	size_t n = check->sections->n[SECTION_HANDLER];
	int result = refuse_duplicates(check, SECTION_HANDLER);

	if (result == 0)
		result = refuse_many(check, SECTION_HANDLER, ROUTE_HANDLERS_MAX);
	if (result < 0)
		return result;
	config->handlers = arena_take(check->arena, n + 1, sizeof(*config->handlers));
	if (config->handlers == NULL)
		return -ENOMEM;
	if (n == 0)
		config->handlers[config->n_handlers++] = default_handler(DEFAULT_HANDLER);
	for (const struct section *section = check->sections->first[SECTION_HANDLER];
	     section != NULL && result == 0; section = section->next)
		result = check_handler(check, section, &config->handlers[config->n_handlers++]);
	return result;
}

/* Loggers */

static int check_logger(const struct check *check, const struct section *section,
			struct logger_options *logger)
{
	struct reading reading = reading_of(check, section);
	const char *name = name_of(section);
	enum logger_name_error error = logger_name_check(span_of(name));

	if (error != LOGGER_NAME_OK)
		return config_fail(check->error, section->place, "logger \"%.*s\": %s",
				   CONFIG_ERROR_QUOTE_MAX, name, logger_name_error_text(error));
	logger->name = name;
	return section_read(&reading, section, logger);
}

/* The root is never without handlers by accident: the one named default, or it says which. */
static int give_root_handlers(const struct check *check, const struct section *root,
			      struct logger_options *logger)
{
	uint16_t *handlers;
	size_t found;

	if (root != NULL && section_setting(root, "handlers") != NULL)
		return 0;
	if (config_find_handler(check->config, DEFAULT_HANDLER, &found)) {
		handlers = arena_take(check->arena, 1, sizeof(*handlers));
		if (handlers == NULL)
			return -ENOMEM;
		handlers[0] = (uint16_t)found;
		logger->handlers = handlers;
		logger->n_handlers = 1;
		return 0;
	}
	if (root != NULL) /* it is written down, so it is meant */
		return 0;
	return config_fail(check->error, check->sections->first[SECTION_HANDLER]->place,
			   "no logger root: say which handlers it has, "
			   "logger root { handlers = {\"NAME\"} }, or name a handler default");
}

/* A trigger needs something that it triggers. */
static int check_recorder(const struct check *check, const struct section *section,
			  struct logger_options *logger)
{
	const struct setting *trigger = section_setting(section, "recorder-trigger");

	if (!logger->has_recorder && trigger != NULL)
		return config_fail(check->error, section->place,
				   "recorder-trigger without recorder; add recorder = NUMBER");
	if (trigger == NULL)
		logger->recorder.trigger = LEVEL_ERROR;
	return 0;
}

/* The root first, whether a section names it or not; the others in their order. */
static int check_loggers(const struct check *check)
{
	struct config *config = check->config;
	const struct section *root = NULL;
	int result = refuse_duplicates(check, SECTION_LOGGER);

	if (result < 0)
		return result;
	config->loggers = arena_take(check->arena, check->sections->n[SECTION_LOGGER] + 1,
				     sizeof(*config->loggers));
	if (config->loggers == NULL)
		return -ENOMEM;
	config->loggers[config->n_loggers++] =
		(struct logger_options){ .name = ROOT, .level = LEVEL_INFO, .propagate = true };
	for (const struct section *section = check->sections->first[SECTION_LOGGER];
	     section != NULL && result == 0; section = section->next) {
		struct logger_options *logger = &config->loggers[0];

		if (strcmp(name_of(section), ROOT) == 0) {
			root = section;
		} else {
			logger = &config->loggers[config->n_loggers++];
			logger->propagate = true;
		}
		result = check_logger(check, section, logger);
		if (result == 0)
			result = check_recorder(check, section, logger);
	}
	return result < 0 ? result : give_root_handlers(check, root, &config->loggers[0]);
}

static int set_defaults(struct config *config, struct arena *arena)
{
	config->listen = (struct listen_options){
		.client = arena_copy(arena, span_of("/run/logfwd/client.sock")),
		.client_mode = 0666,
		.syslog = arena_copy(arena, span_of("/run/logfwd/dev-log")),
		.syslog_mode = 0666,
		.control = arena_copy(arena, span_of("/run/logfwd/control.sock")),
		.control_mode = 0660,
		.control_group = arena_copy(arena, span_of("")),
	};
	config->limits = (struct limits){
		.clients = 10000,
		.loggers = 1000000,
		.record_bytes = 65536,
		.context_bytes = 64 << 20,
		.recorder_bytes = 64 << 20,
		.ring_bytes = 64 << 20,
		.uid_share = 25,
	};
	config->pool = (struct pool_options){ .sockets = 16, .idle_timeout = 60 };
	if (config->listen.client == NULL || config->listen.syslog == NULL ||
	    config->listen.control == NULL || config->listen.control_group == NULL)
		return -ENOMEM;
	return 0;
}

int config_check(const struct sections *sections, const char *main_path, struct arena *arena,
		 struct config *config, char error_out[static CONFIG_ERROR_BYTES])
{
	const struct check check = { .sections = sections,
				     .main_path = main_path,
				     .arena = arena,
				     .config = config,
				     .error = error_out };
	int result = set_defaults(config, arena);

	if (result == 0)
		result = check_listen(&check);
	if (result == 0)
		result = read_untitled(&check, SECTION_LIMITS, &config->limits);
	if (result == 0)
		result = read_untitled(&check, SECTION_POOL, &config->pool);
	if (result == 0)
		result = read_untitled(&check, SECTION_METRICS, &config->metrics);
	if (result == 0)
		result = check_targets(&check);
	if (result == 0)
		result = check_handlers(&check);
	if (result == 0)
		result = check_loggers(&check);
	return result;
}
