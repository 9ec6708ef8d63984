#include "route/tree_internal.h"

/* The root calls itself so in Python's records, and a filter may name it. */
static struct span name_for_filter(struct span name)
{
	return name.len == 0 ? span_of("root") : name;
}

static bool handler_takes(const struct handler_rule *rule, struct span name, uint8_t level)
{
	return level >= rule->level && logger_name_is_under(name, rule->filter);
}

/* Adds those of a node's handlers that take the record. */
static void route_through(const struct tree *tree, const struct node *node, struct span name,
			  uint8_t level, struct route *route)
{
	const struct node_config *config = node->config;

	for (size_t i = 0; i < config->n_handlers; i++) {
		uint16_t handler = config->handlers[i];

		if (handler_takes(&tree->generation->handlers[handler], name, level))
			route->hits[route->n_hits++] = handler;
	}
}

/* Python's Logger.isEnabledFor() and callHandlers(), and the count. */
static void route_from(const struct tree *tree, struct node *node, struct span name, uint8_t level,
		       struct route *route_out)
{
	const struct node *at = node;

	node->records++;
	route_out->effective_level = node_effective_level(node);
	route_out->filtered = level < route_out->effective_level;
	route_out->n_hits = 0;
	route_out->name = node_name(node);
	if (route_out->filtered)
		return;
	name = name_for_filter(name);
	for (; at != NULL; at = node_parent(at)) {
		if (at->config == NULL)
			continue;
		route_through(tree, at, name, level, route_out);
		if (!at->config->propagate)
			break;
	}
}

void tree_route(struct tree *tree, struct lease *lease, uint8_t level, struct route *route_out)
{
	route_from(tree, lease->node, node_name(lease->node), level, route_out);
}

/* As if the name were leased now: it would add nothing of its own to its parent's route. */
void tree_route_name(struct tree *tree, struct span name, uint8_t level, struct route *route_out)
{
	name = logger_name_canonical(name);
	route_from(tree, node_of_path(tree, name), name, level, route_out);
}
