#include "output/prefixes.h"

#include "format/escape.h"

/* The first components of a name, so many; false when it has fewer, or they are too long. */
static bool first_components(struct span name, size_t components, struct span *prefix_out)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '.' && --components == 0) {
			*prefix_out = span_first(name, i);
			return i <= PREFIX_BYTES;
		}
	}
	*prefix_out = name;
	return components == 1 && name.len <= PREFIX_BYTES;
}

static void count_name(struct prefix_count counters[static PREFIXES_COUNTERS], struct span name)
{
	struct prefix_count *free_one = NULL;

	for (size_t i = 0; i < PREFIXES_COUNTERS; i++) {
		struct prefix_count *counter = &counters[i];

		if (counter->records == 0) {
			free_one = counter;
		} else if (span_equal(span_of_bytes(counter->name, counter->length), name)) {
			counter->records++;
			return;
		}
	}
	if (free_one != NULL) {
		*free_one = (struct prefix_count){ .records = 1, .length = (uint8_t)name.len };
		memcpy(free_one->name, name.ptr, name.len);
		return;
	}
	for (size_t i = 0; i < PREFIXES_COUNTERS; i++)
		counters[i].records--;
}

void prefixes_add(struct prefixes *prefixes, struct span logger)
{
	struct span name = logger.len > 0 ? logger : span_of("root"), prefix;

	for (size_t depth = 1; depth <= PREFIXES_DEPTH; depth++) {
		if (first_components(name, depth, &prefix))
			count_name(prefixes->counters[depth - 1], prefix);
		else if (depth == 1)
			count_name(prefixes->counters[0],
				   span_first(prefix, escape_cut(prefix, PREFIX_BYTES)));
	}
}

static const struct prefix_count *largest(const struct prefix_count counters[PREFIXES_COUNTERS])
{
	const struct prefix_count *best = &counters[0];

	for (size_t i = 1; i < PREFIXES_COUNTERS; i++) {
		if (counters[i].records > best->records)
			best = &counters[i];
	}
	return best;
}

uint64_t prefixes_most(const struct prefixes *prefixes, uint64_t records, struct span *name_out)
{
	const struct prefix_count *best = NULL;

	for (size_t depth = PREFIXES_DEPTH; depth > 0; depth--) {
		best = largest(prefixes->counters[depth - 1]);
		if (best->records > 0 && best->records >= records - records / 2)
			break;
	}
	*name_out = span_of_bytes(best->name, best->records > 0 ? best->length : 0);
	return best->records;
}
