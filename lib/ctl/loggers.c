/* The verb `loggers`: the tree of names, with levels, leases and counts. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/connection.h"
#include "ctl/json.h"
#include "ctl/level_text.h"
#include "ctl/print.h"
#include "ctl/visible.h"
#include "wire/logger_name.h"

/* One line: a logger, or many like it below one parent. */
struct row {
	const json_t *logger; /* borrowed from the reply */
	char *name;	      /* owned; of a fold "PARENT.*" */
	json_int_t folded;    /* how many it stands for; 0: it is a logger itself */
};

struct rows {
	struct row *row; /* owned */
	size_t count;
};

static void rows_free(struct rows *rows)
{
	if (rows == NULL)
		return;
	for (size_t i = 0; i < rows->count; i++)
		free(rows->row[i].name);
	free(rows->row);
	free(rows);
}
DEFINE_CLEANUP(struct rows *, rows_free)

/* Takes a name that asprintf() made: -1 is no memory. */
static bool append(struct rows *rows, const json_t *logger, char *name, int length,
		   json_int_t folded)
{
	if (length < 0)
		return false;
	rows->row[rows->count++] = (struct row){ .logger = logger, .name = name, .folded = folded };
	return true;
}

static bool append_all(struct rows *rows, json_t *loggers, json_t *folded)
{
	json_t *entry;
	char *name;
	size_t i;

	json_array_foreach(loggers, i, entry)
	{
		struct span full = logger_name_canonical(span_of(json_text(entry, "name")));
		int length = asprintf(&name, "%.*s", (int)full.len, full.ptr);

		if (!append(rows, entry, name, length, 0))
			return false;
	}
	json_array_foreach(folded, i, entry)
	{
		struct span parent = logger_name_canonical(span_of(json_text(entry, "parent")));
		int length = asprintf(&name, "%.*s%s*", (int)parent.len, parent.ptr,
				      parent.len > 0 ? "." : "");

		if (!append(rows, entry, name, length, json_number(entry, "count")))
			return false;
	}
	return true;
}

/* Rows of a reply, unsorted; owned, NULL without memory. */
static struct rows *rows_of(const json_t *result)
{
	json_t *loggers = json_object_get(result, "loggers");
	json_t *folded = json_object_get(result, "folded");
	size_t count = json_array_size(loggers) + json_array_size(folded);
	CLEANUP(rows_free) struct rows *rows = calloc(1, sizeof(*rows));

	if (rows == NULL)
		return NULL;
	rows->row = calloc(count + 1, sizeof(*rows->row));
	if (rows->row == NULL || !append_all(rows, loggers, folded))
		return NULL;
	return move_ptr(rows);
}

/* A logger comes right before what is below it: the dot sorts before every other byte. */
static int compare_rows(const void *left, const void *right)
{
	const char *a = ((const struct row *)left)->name, *b = ((const struct row *)right)->name;

	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	if (*a == '\0' || *b == '\0')
		return (*a != '\0') - (*b != '\0');
	if (*a == '.' || *b == '.')
		return *a == '.' ? -1 : 1;
	return (unsigned char)*a - (unsigned char)*b;
}

/* Whose the effective level is, in a letter: o(perator), l(ease), c(onfiguration). */
static char source_letter(const json_t *logger)
{
	const char *source = json_text(json_object_get(logger, "effective_level"), "source");

	if (strcmp(source, "override") == 0)
		return 'o';
	return source[0] == '\0' || strcmp(source, "nobody") == 0 ? ' ' : source[0];
}

static void print_columns(const struct row *row)
{
	char own[LEVEL_TEXT_BYTES], effective[LEVEL_TEXT_BYTES];

	if (row->folded > 0)
		printf("%-9s   %-9s", "", "");
	else
		printf("%-9s %c %-9s",
		       json_number(row->logger, "effective") == 0
			       ? "all"
			       : level_text(json_number(row->logger, "effective"), effective),
		       source_letter(row->logger),
		       level_text(json_number(row->logger, "level"), own));
	printf(" %8" JSON_INTEGER_FORMAT " %11" JSON_INTEGER_FORMAT "  ",
	       json_number(row->logger, "leases"), json_number(row->logger, "records"));
}

/* Names of the rows that are above the current one, outermost first. */
struct ancestry {
	const char *name[LOGGER_NAME_DEPTH_MAX];
	size_t depth;
};

/* Leaves the ancestors of name, and returns the part of name below the nearest. */
static const char *descend(struct ancestry *ancestry, const char *name)
{
	while (ancestry->depth > 0) {
		const char *above = ancestry->name[ancestry->depth - 1];
		size_t length = strlen(above);

		if (strncmp(name, above, length) == 0 && name[length] == '.')
			return name + length + 1;
		ancestry->depth--;
	}
	return name;
}

static void print_row(struct ancestry *ancestry, const struct row *row)
{
	const char *label = descend(ancestry, row->name);

	print_columns(row);
	printf("%*s", (int)(2 * ancestry->depth), "");
	visible_write(stdout, span_of(row->name[0] != '\0' ? label : "root"));
	if (row->folded > 0)
		printf("  (%" JSON_INTEGER_FORMAT ")", row->folded);
	if (json_is_true(json_object_get(row->logger, "placeholder")))
		fputs("  (placeholder)", stdout);
	fputc('\n', stdout);
	if (row->name[0] != '\0' && row->folded == 0 && ancestry->depth < LOGGER_NAME_DEPTH_MAX)
		ancestry->name[ancestry->depth++] = row->name;
}

static int print_tree(const json_t *result)
{
	CLEANUP(rows_free) struct rows *rows = rows_of(result);
	struct ancestry ancestry = { 0 };

	if (rows == NULL) {
		fputs("logfwdctl: out of memory\n", stderr);
		return EXIT_FAILURE;
	}
	qsort(rows->row, rows->count, sizeof(*rows->row), compare_rows);
	puts("EFFECTIVE   LEVEL       LEASES     RECORDS  NAME");
	for (size_t i = 0; i < rows->count; i++)
		print_row(&ancestry, &rows->row[i]);
	return EXIT_SUCCESS;
}

static int show(const struct invocation *invocation, const char *pattern, bool all,
		enum print_format format)
{
	CLEANUP(json_decref) json_t *result = NULL;
	json_t *request =
		json_pack("{s:s, s:s*, s:b}", "verb", "loggers", "pattern", pattern, "all", all);
	int status =
		connection_ask(invocation->socket_path, request, CONNECTION_TIMEOUT_MS, &result);

	if (status != EXIT_SUCCESS)
		return status;
	if (format == PRINT_TEXT)
		return print_tree(result);
	print_json(result);
	return EXIT_SUCCESS;
}

int run_loggers(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum print_format format = PRINT_TEXT;
	bool all = false;
	int option;

	while ((option = getopt_long(argc, argv, "f:ah", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (!print_parse_format(optarg, false, &format))
				return EXIT_USAGE;
			break;
		case 'a':
			all = true;
			break;
		case 'h':
			return command_help("loggers");
		default:
			return command_misused("loggers");
		}
	}
	if (argc - optind > 1)
		return command_misused("loggers");
	return show(invocation, argc > optind ? argv[optind] : NULL, all, format);
}
