#include "config/config_options.h"

#include <errno.h>
#include <stddef.h>
#include <strings.h>

#include "config/config_readers.h"
#include "config/config_value.h"
#include "output/address.h"
#include "wire/frame.h"

/* Targets */

static bool same_address(const char *a, const char *b)
{
	struct address_text first, second;
	struct socket_address first_number, second_number;

	if (!address_parse(a, &first) || !address_parse(b, &second))
		return false;
	if (address_of(first.host, first.port, &first_number) &&
	    address_of(second.host, second.port, &second_number))
		return address_equal(&first_number, &second_number);
	return first.port == second.port && strcasecmp(first.host, second.host) == 0;
}

/* The i-th server; those before it are good. */
static int check_server(const struct reading *reading, const struct setting *setting, size_t i)
{
	const struct value *value = &setting->values[i];
	struct address_text address;

	if (!address_parse(value->text, &address)) {
		size_t digits = strspn(value->text, "0123456789ABCDEFabcdef:.");
		bool bare_v6 = value->text[digits] == '\0' &&
			       strchr(value->text, ':') != strrchr(value->text, ':');

		return reader_refuse(reading, setting, value, "bad address \"%.*s\": %s",
				     QUOTE(value->text),
				     bare_v6 ? "put the IPv6 address into brackets, [V6]:PORT"
					     : "write HOST:PORT or [IPV6]:PORT, port 1 to 65535");
	}
	for (size_t other = 0; other < i; other++) {
		if (same_address(value->text, setting->values[other].text))
			return reader_refuse(reading, setting, value,
					     "duplicate server \"%.*s\", already in line %u",
					     QUOTE(value->text), setting->values[other].line);
	}
	return 0;
}

static int read_servers(const struct reading *reading, const struct setting *setting, void *object)
{
	struct target_options *target = object;
	const char **servers = arena_take(reading->arena, setting->n_values, sizeof(*servers));

	if (servers == NULL)
		return -ENOMEM;
	if (setting->n_values > TARGET_SERVERS_MAX)
		return reader_refuse(reading, setting, &setting->values[TARGET_SERVERS_MAX],
				     "more than %d servers", TARGET_SERVERS_MAX);
	for (size_t i = 0; i < setting->n_values; i++) {
		int result = check_server(reading, setting, i);

		if (result < 0)
			return result;
		servers[i] = setting->values[i].text;
	}
	target->servers = servers;
	target->n_servers = setting->n_values;
	return 0;
}

static int read_policy(const struct reading *reading, const struct setting *setting, void *object)
{
	static const char *const words[] = {
		[POLICY_FAILOVER] = "failover",
		[POLICY_BALANCE] = "balance",
		[POLICY_STICKY] = "sticky",
		[POLICY_MIRROR] = "mirror",
	};
	const struct value *value = setting->values;
	struct target_options *target = object;
	size_t found;

	if (!word_find(value->text, words, ARRAY_LEN(words), &found))
		return reader_refuse(reading, setting, value,
				     "\"%.*s\" is none of failover, balance, sticky and mirror",
				     QUOTE(value->text));
	target->policy = (enum target_policy)found;
	return 0;
}

/* A local address, with no port: the kernel chooses that. */
static int read_bind_address(const struct reading *reading, const struct setting *setting,
			     void *object)
{
	const struct value *value = setting->values;
	struct target_options *target = object;

	if (value->text[0] == '\0') {
		target->socket.bind.length = 0;
		return 0;
	}
	if (address_of(value->text, 0, &target->socket.bind))
		return 0;
	return reader_refuse(
		reading, setting, value,
		"\"%.*s\" is no address: write an IPv4 or IPv6 address, without a port",
		QUOTE(value->text));
}

/* A name that the kernel would take for an interface, dev_valid_name() of Linux. */
static int read_bind_device(const struct reading *reading, const struct setting *setting,
			    void *object)
{
	const struct value *value = setting->values;
	struct target_options *target = object;
	size_t length = strlen(value->text);
	bool good = length < sizeof(target->socket.bind_device) && strcmp(value->text, ".") != 0 &&
		    strcmp(value->text, "..") != 0;

	for (size_t i = 0; i < length && good; i++)
		good = value->text[i] > ' ' && value->text[i] <= '~' &&
		       strchr("/:", value->text[i]) == NULL;
	if (!good)
		return reader_refuse(reading, setting, value,
				     "\"%.*s\" is no name of a network interface: at most %zu "
				     "printable ASCII characters without ' ', '/' and ':'",
				     QUOTE(value->text), sizeof(target->socket.bind_device) - 1);
	memcpy(target->socket.bind_device, value->text, length + 1);
	return 0;
}

static int read_dscp(const struct reading *reading, const struct setting *setting, void *object)
{
	struct target_options *target = object;
	uint64_t number;
	int result = reader_take_number(reading, setting, &number);

	if (result == 0)
		target->socket.dscp = (uint8_t)number;
	return result;
}

static int read_oversize(const struct reading *reading, const struct setting *setting, void *object)
{
	static const char *const words[] = {
		[OVERSIZE_CUT] = "cut",
		[OVERSIZE_SPLIT] = "split",
		[OVERSIZE_DROP] = "drop",
	};
	const struct value *value = setting->values;
	struct target_options *target = object;
	size_t found;

	if (!word_find(value->text, words, ARRAY_LEN(words), &found))
		return reader_refuse(reading, setting, value,
				     "\"%.*s\" is none of cut, split and drop", QUOTE(value->text));
	target->oversize = (enum oversize)found;
	return 0;
}

static int read_when_full(const struct reading *reading, const struct setting *setting,
			  void *object)
{
	static const char *const words[] = {
		[WHEN_FULL_DROP_OLDEST] = "drop-oldest",
		[WHEN_FULL_DROP_NEWEST] = "drop-newest",
		[WHEN_FULL_DROP_LOWEST] = "drop-lowest",
	};
	const struct value *value = setting->values;
	struct target_options *target = object;
	size_t found;

	if (!word_find(value->text, words, ARRAY_LEN(words), &found))
		return reader_refuse(reading, setting, value,
				     "\"%.*s\" is none of drop-oldest, drop-newest and drop-lowest",
				     QUOTE(value->text));
	target->when_full = (enum when_full)found;
	return 0;
}

/* Handlers */

static int read_target(const struct reading *reading, const struct setting *setting, void *object)
{
	const struct value *value = setting->values;
	struct handler_options *handler = object;

	for (size_t i = 0; i < reading->config->n_targets; i++) {
		if (strcmp(reading->config->targets[i].name, value->text) == 0) {
			handler->target = i;
			return 0;
		}
	}
	return reader_refuse(reading, setting, value, "there is no target \"%.*s\"",
			     QUOTE(value->text));
}

static int read_format(const struct reading *reading, const struct setting *setting, void *object)
{
	static const char *const words[] = {
		[FORMAT_RFC5424] = "rfc5424",
		[FORMAT_RFC3164] = "rfc3164",
	};
	const struct value *value = setting->values;
	struct handler_options *handler = object;
	size_t found;

	if (!word_find(value->text, words, ARRAY_LEN(words), &found))
		return reader_refuse(reading, setting, value,
				     "\"%.*s\" is neither rfc5424 nor rfc3164", QUOTE(value->text));
	handler->format = (enum format_kind)found;
	return 0;
}

static int read_filter(const struct reading *reading, const struct setting *setting, void *object)
{
	const struct value *value = setting->values;
	enum logger_name_error error = logger_name_check(span_of(value->text));

	if (error != LOGGER_NAME_OK)
		return reader_refuse(reading, setting, value, "%s", logger_name_error_text(error));
	return read_text(reading, setting, object);
}

static int read_template(const struct reading *reading, const struct setting *setting, void *object)
{
	struct handler_options *handler = object;
	char error[TEMPLATE_ERROR_BYTES];
	int result = template_compile(setting->values->text, &handler->template, error);

	if (result == -EINVAL)
		return reader_refuse(reading, setting, setting->values, "%s", error);
	return result;
}

/* Loggers */

static int read_handlers(const struct reading *reading, const struct setting *setting, void *object)
{
	struct logger_options *logger = object;
	uint16_t *handlers = arena_take(reading->arena, setting->n_values, sizeof(*handlers));

	if (handlers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < setting->n_values; i++) {
		const struct value *value = &setting->values[i];
		size_t found;

		if (!config_find_handler(reading->config, value->text, &found))
			return reader_refuse(reading, setting, value,
					     "there is no handler \"%.*s\"", QUOTE(value->text));
		handlers[i] = (uint16_t)found;
		for (size_t other = 0; other < i; other++) {
			if (handlers[other] == handlers[i])
				return reader_refuse(reading, setting, value,
						     "handler \"%.*s\" is named twice",
						     QUOTE(value->text));
		}
	}
	logger->handlers = handlers;
	logger->n_handlers = setting->n_values;
	return 0;
}

/* "key=value" */
static int take_pair(const struct reading *reading, const struct setting *setting,
		     const struct value *value, struct context_pair *pair_out)
{
	struct span text = span_of(value->text);
	size_t equals = span_find(text, '=');

	if (equals == text.len)
		return reader_refuse(reading, setting, value, "\"%.*s\" is not \"key=value\"",
				     QUOTE(value->text));
	pair_out->key = span_first(text, equals);
	pair_out->value = span_drop(text, equals + 1);
	if (!context_key_is_valid(pair_out->key))
		return reader_refuse(
			reading, setting, value,
			"the key of \"%.*s\" is not 1 to %d printable ASCII characters "
			"without space, ']' and '\"'",
			QUOTE(value->text), CONTEXT_KEY_MAX);
	if (pair_out->value.len > CONTEXT_VALUE_MAX)
		return reader_refuse(reading, setting, value,
				     "the value of \"%.*s\" exceeds %d bytes", (int)equals,
				     value->text, CONTEXT_VALUE_MAX);
	return 0;
}

static int read_context(const struct reading *reading, const struct setting *setting, void *object)
{
	struct logger_options *logger = object;
	struct context_pair *pairs = arena_take(reading->arena, setting->n_values, sizeof(*pairs));

	if (pairs == NULL)
		return -ENOMEM;
	if (setting->n_values > CONTEXT_PAIRS_MAX)
		return reader_refuse(reading, setting, &setting->values[CONTEXT_PAIRS_MAX],
				     "more than %d pairs", CONTEXT_PAIRS_MAX);
	for (size_t i = 0; i < setting->n_values; i++) {
		const struct value *value = &setting->values[i];
		int result = take_pair(reading, setting, value, &pairs[i]);

		if (result < 0)
			return result;
		for (size_t other = 0; other < i; other++) {
			if (span_equal(pairs[other].key, pairs[i].key))
				return reader_refuse(reading, setting, value,
						     "key \"%.*s\" is set twice",
						     (int)pairs[i].key.len, value->text);
		}
	}
	logger->context = pairs;
	logger->n_context = setting->n_values;
	return 0;
}

static int read_recorder(const struct reading *reading, const struct setting *setting, void *object)
{
	struct logger_options *logger = object;
	uint64_t records;
	int result = reader_take_number(reading, setting, &records);

	logger->has_recorder = true;
	if (result == 0)
		logger->recorder.records = (uint32_t)records;
	return result;
}

static int read_trigger(const struct reading *reading, const struct setting *setting, void *object)
{
	struct logger_options *logger = object;
	int result = read_level(reading, setting, object);

	if (result == 0 && logger->recorder.trigger == LEVEL_NOTSET)
		return reader_refuse(reading, setting, setting->values,
				     "a trigger is a level of records, 1 to %d", LEVEL_MAX);
	return result;
}

#define LIMIT_BYTES_MAX (UINT64_C(1) << 40)
#define RECORDER_MAX	2000 /* records of one lease */

#define LISTEN(member)	.offset = offsetof(struct listen_options, member)
#define LIMITS(member)	.offset = offsetof(struct limits, member)
#define METRICS(member) .offset = offsetof(struct metrics_options, member)
#define POOL(member)	.offset = offsetof(struct pool_options, member)
#define TARGET(member)	.offset = offsetof(struct target_options, member)
#define HANDLER(member) .offset = offsetof(struct handler_options, member)
#define LOGGER(member)	.offset = offsetof(struct logger_options, member)

static const struct option_spec listen_options[] = {
	{ .name = "client", .read = read_path, LISTEN(client), .min = 1 },
	{ .name = "client-mode", .read = read_mode, LISTEN(client_mode) },
	{ .name = "syslog", .read = read_path, LISTEN(syslog) },
	{ .name = "syslog-mode", .read = read_mode, LISTEN(syslog_mode) },
	{ .name = "control", .read = read_path, LISTEN(control), .min = 1 },
	{ .name = "control-mode", .read = read_mode, LISTEN(control_mode) },
	{ .name = "control-group", .read = read_text, LISTEN(control_group) },
};

static const struct option_spec limits_options[] = {
	{ .name = "clients", .read = read_u32, LIMITS(clients), .min = 1, .max = 1000000 },
	{ .name = "loggers", .read = read_u32, LIMITS(loggers), .min = 1, .max = 100000000 },
	{ .name = "record-bytes",
	  .read = read_u32,
	  LIMITS(record_bytes),
	  .min = 480,
	  .max = WIRE_RECORD_MAX },
	{ .name = "context-bytes",
	  .read = read_u64,
	  LIMITS(context_bytes),
	  .max = LIMIT_BYTES_MAX },
	{ .name = "recorder-bytes",
	  .read = read_u64,
	  LIMITS(recorder_bytes),
	  .max = LIMIT_BYTES_MAX },
	{ .name = "ring-bytes", .read = read_u64, LIMITS(ring_bytes), .max = LIMIT_BYTES_MAX },
	{ .name = "uid-share", .read = read_u32, LIMITS(uid_share), .min = 1, .max = 100 },
};

static const struct option_spec pool_options[] = {
	{ .name = "sockets", .read = read_u32, POOL(sockets), .min = 1, .max = 1024 },
	{ .name = "idle-timeout", .read = read_u32, POOL(idle_timeout), .min = 1, .max = 86400 },
};

static const struct option_spec metrics_options[] = {
	{ .name = "listen", .read = read_listen_address, METRICS(listen) },
};

static const struct option_spec target_options[] = {
	{ .name = "servers", .read = read_servers, .list = true },
	{ .name = "policy", .read = read_policy },
	{ .name = "sockets",
	  .read = read_u32,
	  TARGET(sockets),
	  .min = 1,
	  .max = SERVER_SOCKETS_MAX },
	{ .name = "queue-bytes",
	  .read = read_u64,
	  TARGET(queue_bytes),
	  .min = 4096,
	  .max = 1 << 30 },
	{ .name = "when-full", .read = read_when_full },
	{ .name = "datagram-bytes",
	  .read = read_u32,
	  TARGET(datagram_bytes),
	  .min = DATAGRAM_BYTES_MIN,
	  .max = DATAGRAM_BYTES_MAX },
	{ .name = "oversize", .read = read_oversize },
	{ .name = "resolve-interval",
	  .read = read_u32,
	  TARGET(resolve_interval),
	  .min = 1,
	  .max = 86400 },
	{ .name = "sequence", .read = read_switch, TARGET(sequence) },
	{ .name = "resend", .read = read_u32, TARGET(resend), .max = TARGET_RESEND_MAX },
	{ .name = "rate", .read = read_u32, TARGET(rate), .max = 1000000000 },
	{ .name = "bind-address", .read = read_bind_address },
	{ .name = "bind-device", .read = read_bind_device },
	{ .name = "dscp", .read = read_dscp, .max = 63 },
	{ .name = "send-buffer",
	  .read = read_u32,
	  TARGET(socket.send_buffer),
	  .min = 4096,
	  .max = 1 << 30 },
};

static const struct option_spec handler_options[] = {
	{ .name = "target", .read = read_target },
	{ .name = "format", .read = read_format },
	{ .name = "facility", .read = read_facility, HANDLER(facility) },
	{ .name = "level", .read = read_level, HANDLER(level) },
	{ .name = "filter", .read = read_filter, HANDLER(filter) },
	{ .name = "template", .read = read_template },
	{ .name = "rate-limit", .read = read_u32, HANDLER(rate_limit), .max = 1000000000 },
	{ .name = "rate-burst", .read = read_u32, HANDLER(rate_burst), .max = 1000000000 },
};

static const struct option_spec logger_options[] = {
	{ .name = "level", .read = read_level, LOGGER(level) },
	{ .name = "handlers", .read = read_handlers, .list = true },
	{ .name = "propagate", .read = read_switch, LOGGER(propagate) },
	{ .name = "context", .read = read_context, .list = true },
	{ .name = "recorder", .read = read_recorder, .max = RECORDER_MAX },
	{ .name = "recorder-trigger", .read = read_trigger, LOGGER(recorder.trigger) },
};

#define OPTIONS(table) .options = (table), .n_options = ARRAY_LEN(table)

static const struct section_spec specs[SECTION_KINDS] = {
	[SECTION_LISTEN] = { .name = "listen", OPTIONS(listen_options) },
	[SECTION_LIMITS] = { .name = "limits", OPTIONS(limits_options) },
	[SECTION_POOL] = { .name = "pool", OPTIONS(pool_options) },
	[SECTION_METRICS] = { .name = "metrics", OPTIONS(metrics_options) },
	[SECTION_TARGET] = { .name = "target", OPTIONS(target_options), .titled = true },
	[SECTION_HANDLER] = { .name = "handler", OPTIONS(handler_options), .titled = true },
	[SECTION_LOGGER] = { .name = "logger", OPTIONS(logger_options), .titled = true },
};

const struct section_spec *section_spec(enum section_kind kind)
{
	return &specs[kind];
}

int section_read(const struct reading *reading, const struct section *section, void *object)
{
	for (size_t i = 0; i < section->n_settings; i++) {
		const struct setting *setting = &section->settings[i];
		int result = setting->option->read(reading, setting, object);

		if (result < 0)
			return result;
	}
	return 0;
}

const struct setting *section_setting(const struct section *section, const char *name)
{
	for (size_t i = 0; i < section->n_settings; i++) {
		if (strcmp(section->settings[i].option->name, name) == 0)
			return &section->settings[i];
	}
	return NULL;
}

bool config_find_handler(const struct config *config, const char *name, size_t *index_out)
{
	for (size_t i = 0; i < config->n_handlers; i++) {
		if (strcmp(config->handlers[i].name, name) == 0) {
			*index_out = i;
			return true;
		}
	}
	return false;
}
