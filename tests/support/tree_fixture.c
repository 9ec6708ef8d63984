#include "support/tree_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define LOGGERS_MAX 64
#define TEXT_BYTES  4096

/* Not Check's: the driver has no suite. */
static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "tree_fixture: %s\n", what);
	abort();
}

static const uint8_t hash_key[16] = "sixteen bytes...";

void fixture_init(struct fixture *fixture)
{
	*fixture = (struct fixture){ .tree = tree_new(hash_key) };
	require(fixture->tree != NULL, "no memory");
}

void fixture_deinit(struct fixture *fixture)
{
	tree_free(fixture->tree);
}

/* Reads "NAME=LEVEL[:HANDLERS][!]" in place; handlers: room for as many as there are letters. */
static void read_logger(char *text, struct logger_options *options, uint16_t *handlers)
{
	char *equals = strchr(text, '=');
	char *end;

	require(equals != NULL, "a logger is NAME=LEVEL");
	*equals = '\0';
	*options = (struct logger_options){
		.name = text,
		.level = (uint8_t)strtoul(equals + 1, &end, 10),
		.propagate = true,
		.handlers = handlers,
	};
	if (*end == ':')
		end++;
	for (; *end >= 'a' && *end <= 'z'; end++)
		handlers[options->n_handlers++] = (uint16_t)(*end - 'a');
	if (*end == '!') {
		options->propagate = false;
		end++;
	}
	require(*end == '\0', "after a level: handlers and !");
}

int fixture_configure(struct fixture *fixture, const char *text)
{
	struct logger_options loggers[LOGGERS_MAX];
	uint16_t handlers[LOGGERS_MAX][FIXTURE_HANDLERS];
	struct tree_options options = {
		.loggers = loggers,
		.handlers = fixture->rules,
		.n_handlers = FIXTURE_HANDLERS,
	};
	struct tree_generation *generation;
	char copy[TEXT_BYTES];
	char *rest = copy;
	char *word;
	int result;

	require(strlen(text) < sizeof(copy), "text too long");
	strcpy(copy, text);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word == '\0')
			continue;
		require(options.n_loggers < LOGGERS_MAX, "too many loggers");
		read_logger(word, &loggers[options.n_loggers], handlers[options.n_loggers]);
		options.n_loggers++;
	}
	result = tree_prepare(fixture->tree, &options, &generation);
	if (result == 0)
		tree_commit(fixture->tree, generation);
	return result;
}

struct lease *fixture_open(struct fixture *fixture, const char *name, const char *owner)
{
	struct lease *lease;

	require(tree_open(fixture->tree, span_of(name), owner, &lease) == 0, "no memory");
	return lease;
}

void fixture_close(struct fixture *fixture, struct lease *lease)
{
	tree_close(fixture->tree, lease, LEASE_RELEASED);
}

static const char *letters(const struct route *route)
{
	static char text[ROUTE_HITS_MAX + 1];

	if (route->filtered)
		return "-";
	for (size_t i = 0; i < route->n_hits; i++)
		text[i] = (char)('a' + route->hits[i]);
	text[route->n_hits] = '\0';
	return text;
}

const char *fixture_route(struct fixture *fixture, struct lease *lease, uint8_t level)
{
	struct route route;

	tree_route(fixture->tree, lease, level, &route);
	return letters(&route);
}

const char *fixture_route_name(struct fixture *fixture, const char *name, uint8_t level)
{
	struct route route;

	tree_route_name(fixture->tree, span_of(name), level, &route);
	return letters(&route);
}

struct search {
	struct span name;
	struct logger_view *view;
	bool found;
};

static void compare(const struct logger_view *view, void *arg)
{
	struct search *search = arg;

	if (!span_equal(view->name, search->name))
		return;
	require(!search->found, "two nodes of one name");
	search->found = true;
	*search->view = *view;
}

bool fixture_view(const struct fixture *fixture, const char *name, struct logger_view *view_out)
{
	struct search search = { .name = span_of(name), .view = view_out };

	struct logger_walk walk = tree_walk_begin(fixture->tree);

	while (tree_walk(fixture->tree, &walk, 16, compare, &search))
		;
	return search.found;
}
