/*
 * Does to a tree what standard input says, a line each, for the test that compares it with
 * CPython's logging (tests/scenario/test_python_semantics.py). "-" stands for an empty word; in
 * names and filters %XX is a byte.
 *
 *   rule LETTER LEVEL FILTER   a handler; a commit must follow, which takes it
 *   logger NAME LEVEL LETTERS PROPAGATE
 *                              what the next commit configures; PROPAGATE: 0 or 1
 *   commit                     a reload
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
#define WORDS	   4
#define LOGGERS	   256

struct driver {
	struct fixture fixture;
	char *filters[FIXTURE_HANDLERS];	/* borrowed by the rules of the configuration */
	struct logger_options loggers[LOGGERS]; /* of the next commit */
	char *names[LOGGERS];
	uint16_t handlers[LOGGERS][FIXTURE_HANDLERS];
	size_t n_loggers;
	struct lease *leases[NUMBERS];
};

struct command {
	const char *verb;
	void (*run)(struct driver *driver, char *words[static WORDS]);
};

/* Decodes a name in place. */
static char *name_of(char *word)
{
	char *to = word;

	if (strcmp(word, "-") == 0)
		*word = '\0';
	for (const char *from = word; *from != '\0'; to++) {
		unsigned int byte;

		if (sscanf(from, "%%%2x", &byte) == 1) {
			*to = (char)byte;
			from += 3;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	return word;
}

static uint8_t level_of(const char *word)
{
	return (uint8_t)strtoul(word, NULL, 10);
}

static struct lease **lease_of(struct driver *driver, const char *word)
{
	return &driver->leases[strtoul(word, NULL, 10) % NUMBERS];
}

static void run_rule(struct driver *driver, char *words[static WORDS])
{
	size_t handler = (size_t)(words[0][0] - 'a') % FIXTURE_HANDLERS;

	free(driver->filters[handler]);
	driver->filters[handler] = strdup(name_of(words[2]));
	driver->fixture.rules[handler] = (struct handler_rule){
		.level = level_of(words[1]),
		.filter = span_of(driver->filters[handler]),
	};
}

static void run_logger(struct driver *driver, char *words[static WORDS])
{
	size_t at = driver->n_loggers++ % LOGGERS;
	struct logger_options *logger = &driver->loggers[at];

	driver->names[at] = strdup(name_of(words[0]));
	*logger = (struct logger_options){
		.name = driver->names[at],
		.level = level_of(words[1]),
		.propagate = strcmp(words[3], "1") == 0,
		.handlers = driver->handlers[at],
	};
	for (const char *letter = words[2]; *letter >= 'a' && *letter <= 'z'; letter++)
		driver->handlers[at][logger->n_handlers++] = (uint16_t)(*letter - 'a');
}

static void run_commit(struct driver *driver, char *words[static WORDS])
{
	const struct tree_options options = {
		.loggers = driver->loggers,
		.n_loggers = driver->n_loggers,
		.handlers = driver->fixture.rules,
		.n_handlers = FIXTURE_HANDLERS,
	};
	struct tree_generation *generation;

	(void)words;
	if (tree_prepare(driver->fixture.tree, &options, &generation) < 0)
		abort();
	tree_commit(driver->fixture.tree, generation);
	while (driver->n_loggers > 0)
		free(driver->names[--driver->n_loggers]);
}

static void run_open(struct driver *driver, char *words[static WORDS])
{
	*lease_of(driver, words[0]) = fixture_open(&driver->fixture, name_of(words[1]), "driver");
}

static void run_level(struct driver *driver, char *words[static WORDS])
{
	lease_set_level(driver->fixture.tree, *lease_of(driver, words[0]), level_of(words[1]));
}

static void run_close(struct driver *driver, char *words[static WORDS])
{
	struct lease **lease = lease_of(driver, words[0]);

	fixture_close(&driver->fixture, *lease);
	*lease = NULL;
}

static void run_emit(struct driver *driver, char *words[static WORDS])
{
	puts(fixture_route(&driver->fixture, *lease_of(driver, words[0]), level_of(words[1])));
}

static void run_name(struct driver *driver, char *words[static WORDS])
{
	puts(fixture_route_name(&driver->fixture, name_of(words[0]), level_of(words[1])));
}

static const struct command commands[] = {
	{ "rule", run_rule }, { "logger", run_logger }, { "commit", run_commit },
	{ "open", run_open }, { "level", run_level },	{ "close", run_close },
	{ "emit", run_emit }, { "name", run_name },
};

static void run_line(struct driver *driver, char *line)
{
	char nothing[] = "";
	char *words[WORDS] = { nothing, nothing, nothing, nothing };
	char *verb = strsep(&line, " ");

	for (size_t i = 0; i < WORDS && line != NULL; i++)
		words[i] = strsep(&line, " ");
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
