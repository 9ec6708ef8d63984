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
	char *name;	   /* owned; of a fold "PARENT.*" */
	json_int_t folded; /* how many it stands for; 0: it is a logger itself */
	json_int_t level, effective, leases, records;
	char source; /* of the effective level */
	bool placeholder;
};

/* What has come of an answer in slices. */
struct listing {
	enum print_format format;
	struct row *row; /* owned; PRINT_TEXT */
	size_t count, cap;
	json_t *folded;		/* by parent, with the sums of the slices so far; owned */
	size_t slices, printed; /* PRINT_JSON: slices, and loggers of them */
	bool failed;		/* memory ran out */
};

static void listing_deinit(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->row[i].name);
	free(listing->row);
	json_decref(listing->folded);
}

/* Whose the effective level is, in a letter: o(perator), l(ease), c(onfiguration). */
static char source_letter(const json_t *logger)
{
	const char *source = json_text(json_object_get(logger, "effective_level"), "source");

	if (strcmp(source, "override") == 0)
		return 'o';
	return source[0] == '\0' || strcmp(source, "nobody") == 0 ? ' ' : source[0];
}

/* Appends a row for a logger or a fold, named by key, with suffix behind the name. */
static bool append(struct listing *listing, const json_t *entry, const char *key,
		   const char *suffix)
{
	struct span name = logger_name_canonical(span_of(json_text(entry, key)));
	struct row row = {
		.folded = json_number(entry, "count"),
		.level = json_number(entry, "level"),
		.effective = json_number(entry, "effective"),
		.leases = json_number(entry, "leases"),
		.records = json_number(entry, "records"),
		.source = source_letter(entry),
		.placeholder = json_is_true(json_object_get(entry, "placeholder")),
	};

	if (listing->count == listing->cap) {
		size_t cap = 2 * listing->cap + 64;
		struct row *larger = reallocarray(listing->row, cap, sizeof(*larger));

		if (larger == NULL)
			return false;
		listing->row = larger;
		listing->cap = cap;
	}
	if (asprintf(&row.name, "%.*s%s%s", (int)name.len, name.ptr,
		     suffix[0] != '\0' && name.len > 0 ? "." : "", suffix) < 0)
		return false;
	listing->row[listing->count++] = row;
	return true;
}

static void add_number(json_t *sums, const json_t *row, const char *key)
{
	json_object_set_new(sums, key,
			    json_integer(json_number(sums, key) + json_number(row, key)));
}

/* Siblings that are one row have one in each slice that met some of them. */
static bool add_folded(struct listing *listing, json_t *rows)
{
	json_t *row, *sums;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *parent = json_text(row, "parent");

		sums = json_object_get(listing->folded, parent);
		if (sums == NULL) {
			if (json_object_set(listing->folded, parent, row) < 0)
				return false;
			continue;
		}
		add_number(sums, row, "count");
		add_number(sums, row, "leases");
		add_number(sums, row, "records");
	}
	return true;
}

/* One object over all slices: its beginning and middle; finish_json() writes the end. */
static bool print_slice(struct listing *listing, json_t *loggers)
{
	if (listing->slices++ == 0)
		fputs("{\"loggers\":[", stdout);
	return print_json_elements(loggers, &listing->printed);
}

static bool append_slice(struct listing *listing, json_t *loggers)
{
	json_t *logger;
	size_t i;

	json_array_foreach(loggers, i, logger)
	{
		if (!append(listing, logger, "name", ""))
			return false;
	}
	return true;
}

/* connection_part */
static bool on_slice(json_t *result, void *arg)
{
	struct listing *listing = arg;
	json_t *loggers = json_object_get(result, "loggers");
	bool taken = listing->format == PRINT_JSON ? print_slice(listing, loggers)
						   : append_slice(listing, loggers);

	listing->failed = !taken || !add_folded(listing, json_object_get(result, "folded"));
	return !listing->failed;
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

static void print_columns(const struct row *row)
{
	char own[LEVEL_TEXT_BYTES], effective[LEVEL_TEXT_BYTES];

	if (row->folded > 0)
		printf("%-9s   %-9s", "", "");
	else
		printf("%-9s %c %-9s",
		       row->effective == 0 ? "all" : level_text(row->effective, effective),
		       row->source, level_text(row->level, own));
	printf(" %8" JSON_INTEGER_FORMAT " %11" JSON_INTEGER_FORMAT "  ", row->leases,
	       row->records);
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
	if (row->placeholder)
		fputs("  (placeholder)", stdout);
	fputc('\n', stdout);
	if (row->name[0] != '\0' && row->folded == 0 && ancestry->depth < LOGGER_NAME_DEPTH_MAX)
		ancestry->name[ancestry->depth++] = row->name;
}

/* pattern: NULL for all. */
static bool print_tree(struct listing *listing, const char *pattern)
{
	struct ancestry ancestry = { 0 };
	const char *parent;
	json_t *sums;

	json_object_foreach(listing->folded, parent, sums)
	{
		if (!append(listing, sums, "parent", "*"))
			return false;
	}
	if (listing->count == 0 && pattern != NULL) {
		fputs("no logger matches ", stdout);
		visible_write(stdout, span_of(pattern));
		puts(" now");
		return true;
	}
	if (listing->count > 0)
		qsort(listing->row, listing->count, sizeof(*listing->row), compare_rows);
	puts("EFFECTIVE   LEVEL       LEASES     RECORDS  NAME");
	for (size_t i = 0; i < listing->count; i++)
		print_row(&ancestry, &listing->row[i]);
	return true;
}

static bool finish_json(const struct listing *listing)
{
	const char *parent;
	size_t count = 0;
	json_t *sums;

	fputs("],\"folded\":[", stdout);
	json_object_foreach(listing->folded, parent, sums)
	{
		if (count++ > 0)
			putchar(',');
		if (json_dumpf(sums, stdout, JSON_COMPACT) < 0)
			return false;
	}
	puts("]}");
	return true;
}

static int show(const struct invocation *invocation, const char *pattern, bool all,
		enum print_format format)
{
	struct listing listing = { .format = format, .folded = json_object() };
	json_t *request =
		json_pack("{s:s, s:s*, s:b}", "verb", "loggers", "pattern", pattern, "all", all);
	int status = connection_follow(invocation->socket_path, request, CONNECTION_TIMEOUT_MS,
				       CONNECTION_TIMEOUT_MS, on_slice, &listing);

	if (status == EXIT_SUCCESS && !listing.failed)
		listing.failed = format == PRINT_JSON ? !finish_json(&listing)
						      : !print_tree(&listing, pattern);
	listing_deinit(&listing);
	if (!listing.failed)
		return status;
	if (!ferror(stdout)) /* which main() tells */
		fputs("logfwdctl: out of memory\n", stderr);
	return EXIT_FAILURE;
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
