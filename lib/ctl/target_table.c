#include "ctl/target_table.h"

#include <stdio.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/visible.h"

#define COUNT_BYTES 24

/* Whole up to 8 digits, then "1234.5M" and so on: a column stays a column. */
static const char *count_text(json_int_t count, char text_out[static COUNT_BYTES])
{
	static const char units[] = "MGTPE";
	double scaled = (double)count / 1e6;
	size_t unit = 0;

	if (count < 100000000) {
		snprintf(text_out, COUNT_BYTES, "%" JSON_INTEGER_FORMAT, count);
		return text_out;
	}
	for (; scaled >= 9999.95 && units[unit + 1] != '\0'; unit++)
		scaled /= 1000;
	snprintf(text_out, COUNT_BYTES, "%.1f%c", scaled, units[unit]);
	return text_out;
}

static json_int_t sum_of(const json_t *counts)
{
	json_int_t sum = 0;
	const char *key;
	json_t *count;

	json_object_foreach((json_t *)counts, key, count) sum += json_integer_value(count);
	return sum;
}

/* A number, or the sum of numbers by reason; nothing where there is no such account. */
static void print_count(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	json_int_t count = json_is_object(value) ? sum_of(value) : json_integer_value(value);
	char text[COUNT_BYTES];

	printf(" %8s", value == NULL ? "" : count_text(count, text));
}

/* A target's account, or a server's; one of a mirror has all the terms, too. */
static void print_account(const json_t *account)
{
	print_count(account, "queued");
	print_count(account, "sent");
	print_count(account, "dropped");
	print_count(account, "refused");
	print_count(account, "sockets");
	fputs("  ", stdout);
}

/* "    dropped: queue_full 12, shutdown 3", or nothing when all are zero. */
static void print_counts(int indent, const char *what, const json_t *counts)
{
	const char *separator = ":", *key;
	json_t *count;

	if (sum_of(counts) == 0)
		return;
	printf("%*s%s", indent, "", what);
	json_object_foreach((json_t *)counts, key, count)
	{
		if (json_integer_value(count) == 0)
			continue;
		printf("%s ", separator);
		visible_write(stdout, span_of(key));
		printf(" %" JSON_INTEGER_FORMAT, json_integer_value(count));
		separator = ",";
	}
	fputc('\n', stdout);
}

/* Where it is found, beside what the configuration calls it, if that is a name. */
static void print_address(const json_t *server, const char *name)
{
	const char *address = json_text(server, "address");
	json_int_t addresses = json_number(server, "addresses");

	if (addresses == 0 || (addresses == 1 && strcmp(address, name) == 0))
		return;
	fputs(" at ", stdout);
	visible_write(stdout, span_of(address));
	if (addresses > 1)
		printf(", one of %" JSON_INTEGER_FORMAT, addresses);
}

static void print_server(const char *name, const json_t *server)
{
	printf("  %-10s", json_text(server, "state"));
	print_account(server);
	fputs("  ", stdout);
	visible_write(stdout, span_of(name));
	print_address(server, name);
	fputc('\n', stdout);
	print_counts(6, "dropped", json_object_get(server, "dropped"));
	print_counts(6, "errors", json_object_get(server, "errors"));
}

static void print_last_error(const json_t *target)
{
	const char *error = json_text(target, "last_error");
	double seconds = json_number_value(json_object_get(target, "last_error_seconds"));
	char age[PRINT_DURATION_BYTES];

	if (error[0] == '\0')
		return;
	fputs("    last error: ", stdout);
	visible_write(stdout, span_of(error));
	printf(", %s ago\n", print_duration(seconds, age));
}

static void print_target(const char *name, const json_t *target)
{
	const char *server_name;
	json_t *server;

	printf("%-12s", json_text(target, "policy"));
	print_account(target);
	visible_write(stdout, span_of(name));
	fputc('\n', stdout);
	print_counts(4, "dropped", json_object_get(target, "dropped"));
	print_last_error(target);
	json_object_foreach(json_object_get(target, "servers"), server_name, server)
		print_server(server_name, server);
}

void target_table_print(const json_t *targets)
{
	const char *name;
	json_t *target;

	puts("POLICY         QUEUED     SENT  DROPPED  REFUSED  SOCKETS  TARGET\n"
	     "  STATE                                                      SERVER");
	json_object_foreach((json_t *)targets, name, target) print_target(name, target);
}
