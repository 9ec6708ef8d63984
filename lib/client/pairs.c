#include "client/pairs.h"

#include <errno.h>
#include <stdlib.h>

struct pairs {
	size_t shares;
	size_t count;
	struct context_pair list[]; /* and behind it, the bytes that it points at */
};

struct pairs *pairs_ref(struct pairs *pairs)
{
	if (pairs != NULL)
		pairs->shares++;
	return pairs;
}

void pairs_unref(struct pairs *pairs)
{
	if (pairs != NULL && --pairs->shares == 0)
		free(pairs);
}

size_t pairs_count(const struct pairs *pairs)
{
	return pairs == NULL ? 0 : pairs->count;
}

struct context_pair pairs_at(const struct pairs *pairs, size_t index)
{
	return pairs->list[index];
}

/* Copies count pairs, with all their bytes, into one allocation; NULL without memory. */
static struct pairs *pairs_copy(const struct context_pair *list, size_t count)
{
	size_t size = sizeof(struct pairs) + count * sizeof(*list);
	struct pairs *copy;
	uint8_t *at;

	for (size_t i = 0; i < count; i++)
		size += list[i].key.len + list[i].value.len;
	copy = malloc(size);
	if (copy == NULL)
		return NULL;
	*copy = (struct pairs){ .shares = 1, .count = count };
	at = (uint8_t *)(copy->list + count);
	for (size_t i = 0; i < count; i++) {
		memcpy(at, list[i].key.ptr, list[i].key.len);
		copy->list[i].key = span_of_bytes(at, list[i].key.len);
		at += list[i].key.len;
		if (list[i].value.len > 0)
			memcpy(at, list[i].value.ptr, list[i].value.len);
		copy->list[i].value = span_of_bytes(at, list[i].value.len);
		at += list[i].value.len;
	}
	return copy;
}

int pairs_with(struct pairs *pairs, const struct context_pair *pair, bool set,
	       struct pairs **pairs_out)
{
	struct context_pair list[CONTEXT_PAIRS_MAX + 1];
	size_t count = 0;
	bool was_there = false;
	struct pairs *changed;

	for (size_t i = 0; i < pairs_count(pairs); i++) {
		if (!span_equal(pairs->list[i].key, pair->key)) {
			list[count++] = pairs->list[i];
			continue;
		}
		was_there = true;
		if (set && span_equal(pairs->list[i].value, pair->value)) {
			*pairs_out = pairs_ref(pairs);
			return 0;
		}
		if (set)
			list[count++] = *pair;
	}
	if (!was_there && !set) {
		*pairs_out = pairs_ref(pairs);
		return 0;
	}
	if (!was_there)
		list[count++] = *pair;
	if (count > CONTEXT_PAIRS_MAX)
		return -E2BIG;
	changed = count == 0 ? NULL : pairs_copy(list, count);
	if (changed == NULL && count > 0)
		return -ENOMEM;
	*pairs_out = changed;
	return 0;
}
