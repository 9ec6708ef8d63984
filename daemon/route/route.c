#include "route/tree_internal.h"

#define CACHE_LINE_BYTES 64

/* The root calls itself so in Python's records, and a filter may name it. */
static struct span name_for_filter(struct span name)
{
	return name.len == 0 ? span_of("root") : name;
}

/* level and name: of the record; name as name_for_filter() says. */
static enum handler_verdict verdict_of(const struct handler_rule *rule, struct span name,
				       uint8_t level)
{
	if (level < rule->level)
		return HANDLER_BELOW_LEVEL;
	return logger_name_is_under(name, rule->filter) ? HANDLER_TAKES : HANDLER_FILTERS_NAME;
}

enum handler_verdict tree_handler_verdict(const struct tree *tree, uint16_t handler,
					  struct span name, uint8_t level)
{
	name = name_for_filter(logger_name_canonical(name));
	return verdict_of(&tree->generation->handlers[handler], name, level);
}

/* Adds those of a node's handlers that take the record. */
static void route_through(const struct tree *tree, const struct node *node, struct span name,
			  uint8_t level, struct route *route)
{
	const struct node_config *config = node->config;

	for (size_t i = 0; i < config->n_handlers; i++) {
		uint16_t handler = config->handlers[i];

		if (verdict_of(&tree->generation->handlers[handler], name, level) == HANDLER_TAKES)
			route->hits[route->n_hits++] = handler;
	}
}

/* Python's Logger.callHandlers(). */
static void route_up(const struct tree *tree, const struct node *node, struct span name,
		     uint8_t level, struct route *route_out)
{
	name = name_for_filter(name);
	for (; node != NULL; node = node_parent(node)) {
		if (node->config == NULL)
			continue;
		route_through(tree, node, name, level, route_out);
		if (!node->config->propagate)
			break;
	}
}

/* Python's Logger.isEnabledFor() and callHandlers(), and the count. */
static void route_from(const struct tree *tree, struct node *node, struct span name, uint8_t level,
		       uint8_t effective_level, struct route *route_out)
{
	node->records++;
	route_out->effective_level = effective_level;
	route_out->filtered = level < effective_level;
	route_out->n_hits = 0;
	route_out->name = node_name(node);
	if (!route_out->filtered)
		route_up(tree, node, name, level, route_out);
}

void tree_prefetch(const struct lease *lease)
{
	const char *node = (const char *)lease->node;

	__builtin_prefetch(&lease->has_context); /* most often of the same line as lease->node */
	__builtin_prefetch(node, 1);
	__builtin_prefetch(node + CACHE_LINE_BYTES, 1);
}

bool lease_lets_pass(const struct tree *tree, const struct lease *lease, uint8_t level)
{
	return level >= node_effective_level(tree, lease->node);
}

void tree_route(struct tree *tree, struct lease *lease, uint8_t level, struct route *route_out)
{
	struct node *node = lease->node;

	route_from(tree, node, node_name(node), level, node_effective_level(tree, node), route_out);
}

void tree_route_recorded(const struct tree *tree, const struct lease *lease, uint8_t level,
			 struct route *route_out)
{
	const struct node *node = lease->node;

	route_out->effective_level = node_effective_level(tree, node);
	route_out->filtered = false;
	route_out->n_hits = 0;
	route_out->name = node_name(node);
	route_up(tree, node, node_name(node), level, route_out);
}

/*
 * As if the name were leased now: then it would add nothing of its own to its parent's route but
 * the level that an operator has given to all names that begin so.
 */
void tree_route_name(struct tree *tree, struct span name, uint8_t level, struct route *route_out)
{
	const struct override_entry *prefix = NULL;
	struct node *node;

	name = logger_name_canonical(name);
	node = node_of_path(tree, name);
	if (tree->overrides.n_prefixes > 0 && !span_equal(node_name(node), name))
		prefix = overrides_prefix_of(&tree->overrides, name);
	route_from(tree, node, name, level,
		   prefix != NULL ? prefix->what.level : node_effective_level(tree, node),
		   route_out);
}
