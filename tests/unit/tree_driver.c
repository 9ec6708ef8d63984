/*
 * Does to a tree what standard input says, a line each, for the test that compares it with
 * CPython's logging (tests/scenario/test_python_semantics.py). "-" stands for an empty word.
 *
 *   rule LETTER LEVEL FILTER   a handler; a config must follow, which takes it
 *   config TEXT                as support/tree_fixture.h reads it
 *   open NUMBER NAME           leases a logger under that number
 *   level NUMBER LEVEL         sets its level
 *   close NUMBER
 *   emit NUMBER LEVEL          prints the letters of the handlers hit, "-" when filtered
 *   name NAME LEVEL            the same, by name alone
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/tree_fixture.h"

#define NUMBERS	   1000
#define LINE_BYTES 8192

struct driver {
	struct fixture fixture;
	char *filters[FIXTURE_HANDLERS]; /* borrowed by the rules of the configuration */
	struct lease *leases[NUMBERS];
};

struct command {
	const char *verb;
	void (*run)(struct driver *driver, char *words[static 3]);
};

static const char *word_or_empty(const char *word)
{
	return strcmp(word, "-") == 0 ? "" : word;
}

static uint8_t level_of(const char *word)
{
	return (uint8_t)strtoul(word, NULL, 10);
}

static struct lease **lease_of(struct driver *driver, const char *word)
{
	return &driver->leases[strtoul(word, NULL, 10) % NUMBERS];
}

static void run_rule(struct driver *driver, char *words[static 3])
{
	size_t handler = (size_t)(words[0][0] - 'a') % FIXTURE_HANDLERS;

	free(driver->filters[handler]);
	driver->filters[handler] = strdup(word_or_empty(words[2]));
	driver->fixture.rules[handler] = (struct handler_rule){
		.level = level_of(words[1]),
		.filter = span_of(driver->filters[handler]),
	};
}

static void run_config(struct driver *driver, char *words[static 3])
{
	if (fixture_configure(&driver->fixture, words[0]) < 0)
		abort();
}

static void run_open(struct driver *driver, char *words[static 3])
{
	*lease_of(driver, words[0]) =
		fixture_open(&driver->fixture, word_or_empty(words[1]), "driver");
}

static void run_level(struct driver *driver, char *words[static 3])
{
	lease_set_level(driver->fixture.tree, *lease_of(driver, words[0]), level_of(words[1]));
}

static void run_close(struct driver *driver, char *words[static 3])
{
	struct lease **lease = lease_of(driver, words[0]);

	fixture_close(&driver->fixture, *lease);
	*lease = NULL;
}

static void run_emit(struct driver *driver, char *words[static 3])
{
	puts(fixture_route(&driver->fixture, *lease_of(driver, words[0]), level_of(words[1])));
}

static void run_name(struct driver *driver, char *words[static 3])
{
	puts(fixture_route_name(&driver->fixture, word_or_empty(words[0]), level_of(words[1])));
}

static const struct command commands[] = {
	{ "rule", run_rule },	{ "config", run_config }, { "open", run_open },
	{ "level", run_level }, { "close", run_close },	  { "emit", run_emit },
	{ "name", run_name },
};

/* The text of a configuration has blanks and is one word. */
static void run_line(struct driver *driver, char *line)
{
	char nothing[] = "";
	char *words[3] = { nothing, nothing, nothing };
	char *verb = strsep(&line, " ");
	bool whole = strcmp(verb, "config") == 0;

	for (size_t i = 0; i < 3 && line != NULL; i++)
		words[i] = whole ? line : strsep(&line, " ");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].verb, verb) == 0) {
			commands[i].run(driver, words);
			return;
		}
	}
	fprintf(stderr, "unknown verb \"%s\"\n", verb);
	exit(2);
}

int main(void)
{
	static struct driver driver;
	static char line[LINE_BYTES];

	fixture_init(&driver.fixture);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		run_line(&driver, line);
	}
	for (size_t i = 0; i < NUMBERS; i++) {
		if (driver.leases[i] != NULL)
			fixture_close(&driver.fixture, driver.leases[i]);
	}
	fixture_deinit(&driver.fixture);
	for (size_t i = 0; i < FIXTURE_HANDLERS; i++)
		free(driver.filters[i]);
	return EXIT_SUCCESS;
}
