#include "route/tree_internal.h"

#include <errno.h>

#include "base/reader.h"
#include "base/writer.h"

#define PAIR_OVERHEAD 3 /* the lengths before key and value */

static void put_pair(struct writer *writer, const struct context_pair *pair)
{
	writer_string8(writer, pair->key);
	writer_string16(writer, pair->value);
}

/* Takes the next of packed pairs; false at their end. */
static bool take_pair(struct reader *pairs, struct context_pair *pair_out)
{
	if (pairs->rest.len == 0)
		return false;
	pair_out->key = reader_string8(pairs);
	pair_out->value = reader_string16(pairs);
	return true;
}

int context_pack(const struct context_pair *pairs, size_t count, uint8_t **packed_out,
		 size_t *length_out)
{
	struct writer writer;
	size_t size = 0;
	uint8_t *packed;

	for (size_t i = 0; i < count; i++)
		size += PAIR_OVERHEAD + pairs[i].key.len + pairs[i].value.len;
	packed = size == 0 ? NULL : malloc(size);
	if (size > 0 && packed == NULL)
		return -ENOMEM;
	writer = writer_over(packed, size);
	for (size_t i = 0; i < count; i++)
		put_pair(&writer, &pairs[i]);
	*packed_out = packed;
	*length_out = size;
	return 0;
}

static struct span context_pairs(const struct lease_context *context)
{
	return context == NULL ? span_of("") : span_of_bytes(context->pairs, context->length);
}

/* Writes all pairs but the one with this key; returns how many. */
static size_t put_others(struct writer *writer, struct span pairs, struct span key)
{
	struct reader reader = reader_of(pairs);
	struct context_pair pair;
	size_t count = 0;

	while (take_pair(&reader, &pair)) {
		if (span_equal(pair.key, key))
			continue;
		put_pair(writer, &pair);
		count++;
	}
	return count;
}

/* Of pointers of ours: nobody outside chooses them. */
static uint32_t pointers_hash(const void *first, const void *second)
{
	uint64_t mixed = (uint64_t)(uintptr_t)first * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 32 ^ (uint64_t)(uintptr_t)second) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(mixed >> 32);
}

/* What a lease has set, or NULL. */
static struct lease_context *context_of(const struct tree *tree, const struct lease *lease)
{
	struct hash_link *link;

	if (!lease->has_context)
		return NULL;
	link = hash_table_find(&tree->contexts, pointers_hash(lease, NULL));
	while (hash_entry(link, struct lease_context, link)->lease != lease)
		link = hash_link_next(link);
	return hash_entry(link, struct lease_context, link);
}

/* What the leases of an owner on a node have set, the newest first; NULL: nothing. */
static struct lease_context *newest_of(const struct tree *tree, const struct node *node,
				       const struct owner *owner)
{
	struct hash_link *link = hash_table_find(&tree->newest, pointers_hash(node, owner));

	for (; link != NULL; link = hash_link_next(link)) {
		struct lease_context *context = hash_entry(link, struct lease_context, newest_link);

		if (context->lease->node == node && context->lease->owner == owner)
			return context;
	}
	return NULL;
}

size_t lease_context_bytes(const struct tree *tree, const struct lease *lease)
{
	const struct lease_context *context = context_of(tree, lease);

	return context == NULL ? 0 : sizeof(*context) + context->length;
}

void lease_drop_context(struct tree *tree, struct lease *lease)
{
	struct lease_context *context = context_of(tree, lease);

	if (context == NULL)
		return;
	hash_table_remove(&tree->contexts, &context->link);
	if (context->older != NULL)
		context->older->newer = context->newer;
	if (context->newer != NULL) {
		context->newer->older = context->older;
	} else {
		hash_table_remove(&tree->newest, &context->newest_link);
		if (context->older != NULL)
			hash_table_add(&tree->newest, &context->older->newest_link);
	}
	lease->owner->n_contexts--;
	lease->has_context = false;
	free(context);
}

static void lease_take_context(struct tree *tree, struct lease *lease,
			       struct lease_context *context)
{
	struct lease_context *older = newest_of(tree, lease->node, lease->owner);

	context->lease = lease;
	context->link.hash = pointers_hash(lease, NULL);
	hash_table_add(&tree->contexts, &context->link);
	if (older != NULL) {
		hash_table_remove(&tree->newest, &older->newest_link);
		older->newer = context;
	}
	context->newer = NULL;
	context->older = older;
	context->newest_link.hash = pointers_hash(lease->node, lease->owner);
	hash_table_add(&tree->newest, &context->newest_link);
	lease->owner->n_contexts++;
	lease->has_context = true;
}

int lease_set_context(struct tree *tree, struct lease *lease, const struct context_pair *pair,
		      bool set)
{
	struct span before = context_pairs(context_of(tree, lease));
	size_t cap = before.len + PAIR_OVERHEAD + pair->key.len + pair->value.len;
	CLEANUP(free) struct lease_context *context = malloc(sizeof(*context) + cap);
	struct writer writer;
	size_t count;

	if (context == NULL)
		return -ENOMEM;
	writer = writer_over(context->pairs, cap);
	count = put_others(&writer, before, pair->key);
	if (set) {
		if (count == CONTEXT_PAIRS_MAX)
			return -E2BIG;
		put_pair(&writer, pair);
	}
	context->length = writer.len;
	lease_drop_context(tree, lease);
	if (context->length > 0)
		lease_take_context(tree, lease, move_ptr(context));
	return 0;
}

/* The pairs of a record so far, nearest first, each key once. */
struct gathered {
	struct context_pair *pairs; /* room for CONTEXT_PAIRS_MAX */
	size_t count;
	size_t leases; /* looked at, on ancestors */
};

static void gather(struct gathered *gathered, struct span packed)
{
	struct reader reader = reader_of(packed);
	struct context_pair pair;

	while (gathered->count < CONTEXT_PAIRS_MAX && take_pair(&reader, &pair)) {
		size_t i = 0;

		while (i < gathered->count && !span_equal(gathered->pairs[i].key, pair.key))
			i++;
		if (i == gathered->count)
			gathered->pairs[gathered->count++] = pair;
	}
}

/*
 * From the leases of an owner on a node; the one whose context changed last comes first. Of very
 * many, which nobody needs, the rest is passed over: a record's cost has a bound.
 */
static void gather_of_owner(const struct tree *tree, struct gathered *gathered,
			    const struct node *node, const struct owner *owner)
{
	const struct lease_context *context = newest_of(tree, node, owner);

	for (; context != NULL && gathered->leases < CONTEXT_LEASES_MAX; context = context->older) {
		gathered->leases++;
		gather(gathered, context_pairs(context));
	}
}

static void gather_configured(struct gathered *gathered, const struct node *node)
{
	const struct node_config *config = node->config;

	if (config != NULL && config->context_length > 0)
		gather(gathered, span_of_bytes(config->context, config->context_length));
}

size_t tree_context(const struct tree *tree, const struct lease *lease, struct span name,
		    struct context_pair pairs_out[static CONTEXT_PAIRS_MAX])
{
	struct gathered gathered = { .pairs = pairs_out };
	const struct owner *owner = lease == NULL ? NULL : lease->owner;
	const struct node *node;

	if (lease != NULL) {
		node = lease->node;
		gather(&gathered, context_pairs(context_of(tree, lease)));
		gather_configured(&gathered, node);
		node = node_parent(node);
	} else {
		node = node_of_path(tree, logger_name_canonical(name));
	}
	for (; node != NULL; node = node_parent(node)) {
		if (owner != NULL && owner->n_contexts > 0)
			gather_of_owner(tree, &gathered, node, owner);
		gather_configured(&gathered, node);
	}
	return gathered.count;
}
