#include "control/prometheus.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

struct metric;

/* Writes the samples of one metric; path says where in the object its numbers are. */
typedef void sample_function(FILE *out, const struct metric *metric, const json_t *stats);

struct metric {
	const char *name;
	const char *type;
	const char *help;
	sample_function *samples;
	const char *path;  /* keys with '/' between; of a target or server for those samples */
	const char *label; /* of the samples that have one of their own */
};

/* A label value: exposition format, "Text format details": \, " and line feed are escaped. */
static void put_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	while (*value != '\0') {
		size_t plain = strcspn(value, "\\\"\n");

		fwrite(value, 1, plain, out);
		value += plain;
		if (*value != '\0') {
			fputc('\\', out);
			fputc(*value == '\n' ? 'n' : *value, out);
			value++;
		}
	}
	fputc('"', out);
}

static void put_value(FILE *out, const json_t *value)
{
	if (json_is_real(value))
		fprintf(out, " %.6f\n", json_real_value(value));
	else if (json_is_boolean(value))
		fprintf(out, " %d\n", json_is_true(value));
	else
		fprintf(out, " %" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
}

/* Follows a path down; NULL when a key is missing. */
static const json_t *at_path(const json_t *object, const char *path)
{
	while (object != NULL && *path != '\0') {
		size_t length = strcspn(path, "/");

		object = json_object_getn(object, path, length);
		path += length + (path[length] == '/' ? 1 : 0);
	}
	return object;
}

static json_int_t sum_of(const json_t *numbers)
{
	json_int_t sum = 0;
	const char *key;
	json_t *number;

	json_object_foreach((json_t *)numbers, key, number) sum += json_integer_value(number);
	return sum;
}

static void put_number(FILE *out, const struct metric *metric, const json_t *stats)
{
	const json_t *value = at_path(stats, metric->path);

	if (value == NULL)
		return;
	fputs(metric->name, out);
	put_value(out, value);
}

static void put_labelled(FILE *out, const struct metric *metric, const char *value,
			 const json_t *number)
{
	if (number == NULL)
		return;
	fprintf(out, "%s{", metric->name);
	put_label(out, metric->label, value);
	fputc('}', out);
	put_value(out, number);
}

/* Every member of the object at path, labelled with its key. */
static void put_members(FILE *out, const struct metric *metric, const json_t *stats)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)at_path(stats, metric->path), key, value)
		put_labelled(out, metric, key, value);
}

/* Only what a record can become: the sum over the label is what was received. */
static void put_results(FILE *out, const struct metric *metric, const json_t *stats)
{
	static const char *const results[] = { "accepted", "filtered", "rate_limited", "no_handler",
					       "rejected" };
	const json_t *records = at_path(stats, metric->path);

	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		put_labelled(out, metric, results[i], json_object_get(records, results[i]));
}

/* With what is held, the sum over the label is what was wanted. */
static void put_recorded(FILE *out, const struct metric *metric, const json_t *stats)
{
	static const char *const results[] = { "sent", "forgotten", "not_kept" };
	const json_t *recorder = at_path(stats, metric->path);

	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		put_labelled(out, metric, results[i], json_object_get(recorder, results[i]));
}

/* The states exclude each other, so that the sum over the label is the number of nodes. */
static void put_logger_states(FILE *out, const struct metric *metric, const json_t *stats)
{
	const json_t *loggers = at_path(stats, metric->path);
	const json_t *leased = json_object_get(loggers, "leased");
	json_int_t live = json_integer_value(json_object_get(loggers, "live"));
	json_t *unleased = json_integer(live - json_integer_value(leased));

	put_labelled(out, metric, "leased", leased);
	put_labelled(out, metric, "configured", unleased);
	put_labelled(out, metric, "placeholder", json_object_get(loggers, "placeholders"));
	json_decref(unleased);
}

static void put_build_info(FILE *out, const struct metric *metric, const json_t *stats)
{
	const char *version = json_string_value(json_object_get(stats, metric->path));

	fprintf(out, "%s{", metric->name);
	put_label(out, metric->label, version != NULL ? version : "");
	fputs("} 1\n", out);
}

/* "NAME{target="…"", with the brace still open for more labels. */
static void open_target(FILE *out, const struct metric *metric, const char *target)
{
	fprintf(out, "%s{", metric->name);
	put_label(out, "target", target);
}

static void put_target_number(FILE *out, const struct metric *metric, const json_t *stats)
{
	const char *name;
	json_t *target;

	json_object_foreach(json_object_get(stats, "targets"), name, target)
	{
		const json_t *value = at_path(target, metric->path);

		if (value == NULL)
			continue;
		open_target(out, metric, name);
		fputc('}', out);
		put_value(out, value);
	}
}

static void put_target_members(FILE *out, const struct metric *metric, const json_t *stats)
{
	const char *name, *key;
	json_t *target, *value;

	json_object_foreach(json_object_get(stats, "targets"), name, target)
	{
		json_object_foreach((json_t *)at_path(target, metric->path), key, value)
		{
			open_target(out, metric, name);
			fputc(',', out);
			put_label(out, metric->label, key);
			fputc('}', out);
			put_value(out, value);
		}
	}
}

static void put_deliveries(FILE *out, const struct metric *metric, const json_t *stats)
{
	const char *name;
	json_t *target;

	json_object_foreach(json_object_get(stats, "targets"), name, target)
	{
		open_target(out, metric, name);
		fprintf(out, ",result=\"sent\"} %" JSON_INTEGER_FORMAT "\n",
			json_integer_value(json_object_get(target, "sent")));
		open_target(out, metric, name);
		fprintf(out, ",result=\"dropped\"} %" JSON_INTEGER_FORMAT "\n",
			sum_of(json_object_get(target, "dropped")));
	}
}

static bool is_up(const json_t *server)
{
	const char *state = json_string_value(json_object_get(server, "state"));

	return state != NULL && strcmp(state, "up") == 0;
}

static void put_target_up(FILE *out, const struct metric *metric, const json_t *stats)
{
	const char *name, *address;
	json_t *target, *server;

	json_object_foreach(json_object_get(stats, "targets"), name, target)
	{
		bool up = false;

		json_object_foreach(json_object_get(target, "servers"), address, server) up =
			up || is_up(server);
		open_target(out, metric, name);
		fprintf(out, "} %d\n", up);
	}
}

/* "NAME{target="…",server="…"", with the brace still open. */
static void open_server(FILE *out, const struct metric *metric, const char *target,
			const char *server)
{
	open_target(out, metric, target);
	fputc(',', out);
	put_label(out, "server", server);
}

static void put_server_up(FILE *out, const struct metric *metric, const json_t *stats)
{
	const char *name, *address;
	json_t *target, *server;

	json_object_foreach(json_object_get(stats, "targets"), name, target)
	{
		json_object_foreach(json_object_get(target, "servers"), address, server)
		{
			open_server(out, metric, name, address);
			fprintf(out, "} %d\n", is_up(server));
		}
	}
}

static void put_server_number(FILE *out, const struct metric *metric, const json_t *stats)
{
	const char *name, *address;
	json_t *target, *server;

	json_object_foreach(json_object_get(stats, "targets"), name, target)
	{
		json_object_foreach(json_object_get(target, "servers"), address, server)
		{
			const json_t *value = at_path(server, metric->path);

			if (value == NULL)
				continue;
			open_server(out, metric, name, address);
			fputc('}', out);
			put_value(out, value);
		}
	}
}

static void put_errors_of_server(FILE *out, const struct metric *metric, const char *target,
				 const char *address, const json_t *server)
{
	const char *error;
	json_t *count;

	json_object_foreach((json_t *)at_path(server, metric->path), error, count)
	{
		open_server(out, metric, target, address);
		fputc(',', out);
		put_label(out, metric->label, error);
		fputc('}', out);
		put_value(out, count);
	}
}

static void put_server_errors(FILE *out, const struct metric *metric, const json_t *stats)
{
	const char *name, *address;
	json_t *target, *server;

	json_object_foreach(json_object_get(stats, "targets"), name, target)
	{
		json_object_foreach(json_object_get(target, "servers"), address, server)
			put_errors_of_server(out, metric, name, address, server);
	}
}

/* clang-format off */
static const struct metric metrics[] = {
	{ "logfwd_build_info", "gauge", "Version of logfwdd; always 1.", put_build_info, "version", "version" },
	{ "logfwd_uptime_seconds", "gauge", "Seconds since logfwdd started.", put_number, "uptime_seconds", NULL },
	{ "logfwd_balanced", "gauge", "1 when both ledgers of the accounts close.", put_number, "balanced", NULL },
	{ "logfwd_records_total", "counter", "Records received, by what became of them.", put_results, "records", "result" },
	{ "logfwd_client_dropped_total", "counter", "Records that clients dropped before they reached logfwdd.", put_number, "clients/client_dropped", NULL },
	{ "logfwd_deliveries_total", "counter", "Deliveries that left the queue, by how.", put_deliveries, "", NULL },
	{ "logfwd_deliveries_dropped_total", "counter", "Deliveries dropped, by reason.", put_target_members, "dropped", "reason" },
	{ "logfwd_queue_records", "gauge", "Records that wait to be sent.", put_target_number, "queued", NULL },
	{ "logfwd_queue_bytes", "gauge", "Bytes of the records that wait to be sent.", put_target_number, "queued_bytes", NULL },
	{ "logfwd_records_truncated_total", "counter", "Records cut to the target's datagram-bytes.", put_target_number, "truncated", NULL },
	{ "logfwd_records_split_total", "counter", "Records that went in parts, each of them a delivery.", put_target_number, "split", NULL },
	{ "logfwd_refused_total", "counter", "Records sent that the network refused (ICMP) and that are not sent again.", put_target_number, "refused", NULL },
	{ "logfwd_resent_total", "counter", "Records handed to the kernel again after a refusal.", put_target_number, "resent", NULL },
	{ "logfwd_notices_total", "counter", "In-band notices of loss.", put_number, "notices", NULL },
	{ "logfwd_target_up", "gauge", "1 when a server of the target is up.", put_target_up, "", NULL },
	{ "logfwd_server_up", "gauge", "1 when the server is up.", put_server_up, "", NULL },
	{ "logfwd_server_sent_total", "counter", "Records handed to the kernel for the server, each once.", put_server_number, "sent", NULL },
	{ "logfwd_server_resent_total", "counter", "Records handed to the kernel for the server again.", put_server_number, "resent", NULL },
	{ "logfwd_server_refused_total", "counter", "Records sent to the server that were refused and are not sent again.", put_server_number, "refused", NULL },
	{ "logfwd_server_sockets", "gauge", "UDP sockets open to the server.", put_server_number, "sockets", NULL },
	{ "logfwd_server_evicted_total", "counter", "UDP sockets to the server closed to make room for another.", put_server_number, "evicted", NULL },
	{ "logfwd_server_errors_total", "counter", "Errors of sending to the server, by errno.", put_server_errors, "errors", "errno" },
	{ "logfwd_loggers", "gauge", "Loggers by state; a configured one has no lease.", put_logger_states, "loggers", "state" },
	{ "logfwd_loggers_opened_total", "counter", "Leases opened.", put_number, "loggers/opened", NULL },
	{ "logfwd_loggers_reclaimed_total", "counter", "Leases that ended, by cause.", put_members, "loggers/reclaimed", "cause" },
	{ "logfwd_loggers_refused_total", "counter", "Loggers refused, by reason.", put_members, "loggers/refused_by", "reason" },
	{ "logfwd_contexts_refused_total", "counter", "Pairs of context refused, by reason.", put_members, "loggers/contexts_refused_by", "reason" },
	{ "logfwd_context_bytes", "gauge", "Memory of the contexts that clients set.", put_number, "loggers/context_bytes", NULL },
	{ "logfwd_overrides", "gauge", "Levels that operators have set.", put_number, "loggers/overrides", NULL },
	{ "logfwd_recorder_records_total", "counter", "Filtered records that a recorder wanted, by what became of them.", put_recorded, "recorder", "result" },
	{ "logfwd_recorder_held", "gauge", "Records that recorders hold.", put_number, "recorder/held", NULL },
	{ "logfwd_recorder_held_bytes", "gauge", "Memory of the records that recorders hold.", put_number, "recorder/held_bytes", NULL },
	{ "logfwd_clients_refused_total", "counter", "Clients refused, by reason.", put_members, "clients/refused_by", "reason" },
	{ "logfwd_client_violations_total", "counter", "Connections ended for a breach of the protocol.", put_number, "clients/violations", NULL },
	{ "logfwd_clients", "gauge", "Clients connected.", put_number, "clients/live", NULL },
	{ "logfwd_rings", "gauge", "Clients that have a ring.", put_number, "clients/rings/live", NULL },
	{ "logfwd_ring_bytes", "gauge", "Memory of rings.", put_number, "clients/rings/bytes", NULL },
	{ "logfwd_rings_made_total", "counter", "Rings made for clients.", put_number, "clients/rings/made", NULL },
	{ "logfwd_rings_refused_total", "counter", "Rings asked for in vain; the socket serves.", put_number, "clients/rings/refused", NULL },
	{ "logfwd_ring_wakings_total", "counter", "Times that a client woke the daemon for its ring.", put_number, "clients/rings/wakings", NULL },
	{ "logfwd_sockets", "gauge", "UDP sockets open.", put_number, "sockets/open", NULL },
	{ "logfwd_sockets_limit", "gauge", "UDP sockets allowed (pool.sockets).", put_number, "sockets/limit", NULL },
	{ "logfwd_tails", "gauge", "Tails that look on.", put_number, "tails/live", NULL },
	{ "logfwd_tail_records_total", "counter", "Records for tails, by whether there was room for them.", put_members, "tails/records", "result" },
	{ "logfwd_sockets_evicted_total", "counter", "UDP sockets closed to make room for another.", put_number, "sockets/evicted", NULL },
};
/* clang-format on */

char *prometheus_render(const json_t *stats)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	bool failed;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
		fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[i].name, metrics[i].help,
			metrics[i].name, metrics[i].type);
		metrics[i].samples(out, &metrics[i], stats);
	}
	failed = ferror(out) != 0;
	if (fclose(out) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}
