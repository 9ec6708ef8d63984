#include "route/override.h"

#include <errno.h>
#include <stdlib.h>

void overrides_deinit(struct overrides *overrides)
{
	for (size_t i = 0; i < overrides->count; i++)
		free(overrides->entries[i]);
	*overrides = (struct overrides){ 0 };
}

static int compare_names(struct span a, struct span b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Where the entry is, or would be inserted. */
static size_t place_of(const struct overrides *overrides, struct span name, bool is_prefix)
{
	size_t n_exact = overrides->count - overrides->n_prefixes;
	size_t at = is_prefix ? n_exact : 0;
	size_t end = is_prefix ? overrides->count : n_exact;

	while (at < end && compare_names(overrides->entries[at]->what.name, name) < 0)
		at++;
	return at;
}

struct override_entry *overrides_find(const struct overrides *overrides, struct span name,
				      bool is_prefix)
{
	size_t at = place_of(overrides, name, is_prefix);
	struct override_entry *entry = at < overrides->count ? overrides->entries[at] : NULL;

	return entry != NULL && entry->what.is_prefix == is_prefix &&
			       span_equal(entry->what.name, name)
		       ? entry
		       : NULL;
}

int overrides_add(struct overrides *overrides, const struct level_override *what,
		  struct override_entry **entry_out)
{
	size_t at = place_of(overrides, what->name, what->is_prefix);
	struct override_entry *entry;

	if (overrides->count == OVERRIDES_MAX)
		return -ENOSPC;
	entry = malloc(sizeof(*entry) + what->name.len);
	if (entry == NULL)
		return -ENOMEM;
	entry->what = *what;
	entry->node = NULL;
	if (what->name.len > 0)
		memcpy(entry->bytes, what->name.ptr, what->name.len);
	entry->what.name = span_of_bytes(entry->bytes, what->name.len);
	memmove(&overrides->entries[at + 1], &overrides->entries[at],
		(overrides->count - at) * sizeof(struct override_entry *));
	overrides->entries[at] = entry;
	overrides->count++;
	overrides->n_prefixes += what->is_prefix;
	*entry_out = entry;
	return 0;
}

void overrides_remove(struct overrides *overrides, struct override_entry *entry)
{
	size_t at = place_of(overrides, entry->what.name, entry->what.is_prefix);

	overrides->count--;
	overrides->n_prefixes -= entry->what.is_prefix;
	memmove(&overrides->entries[at], &overrides->entries[at + 1],
		(overrides->count - at) * sizeof(struct override_entry *));
	free(entry);
}

const struct override_entry *overrides_prefix_of(const struct overrides *overrides,
						 struct span name)
{
	const struct override_entry *longest = NULL;

	/* of those that hold, a longer one sorts behind a shorter one */
	for (size_t i = overrides->count - overrides->n_prefixes; i < overrides->count; i++) {
		if (span_starts_with(name, overrides->entries[i]->what.name))
			longest = overrides->entries[i];
	}
	return longest;
}

struct override_entry *overrides_expired(const struct overrides *overrides, int64_t now_ms,
					 int64_t *next_ms_out)
{
	struct override_entry *expired = NULL;

	*next_ms_out = OVERRIDE_FOR_EVER;
	for (size_t i = 0; i < overrides->count; i++) {
		struct override_entry *entry = overrides->entries[i];

		if (entry->what.until_ms <= now_ms)
			expired = entry;
		else if (entry->what.until_ms < *next_ms_out)
			*next_ms_out = entry->what.until_ms;
	}
	return expired;
}
