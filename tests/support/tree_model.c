#include "support/tree_model.h"

const char *const model_names[MODEL_NAMES] = {
	"",
	"x",
	"x.y",
	"x.y.z",
	"x.y.z.u",
	"x.y.u",
	"x.z",
	"y",
	"y.x",
	"y.x.x",
	"xy",
	"xy.x",
	"x.",
	".",
	"..",
	"...",
	"....",
	".x",
	".x.y",
	"..x",
	"x..",
	"x..y",
	"x..y.z",
	"x...",
	"x...y",
	"x....",
	"x....y",
	"x...y.z",
	"x.y.",
	"x.y..",
	"x.y..z",
	"root",
	"root.x",
	"root.x.y",
	"r",
	"r.x",
	"Connection",
	"Connection.1",
	"Connection.2",
	"Connection.3",
	"Connection.4",
	"Connection.1.rx",
	"Connection.1.tx",
	"a",
	"a.b",
	"a.b.c",
	"a.b.c.d",
	"a.b.c.d.e",
	"a.",
	"a..b",
};

/* Some end inside a component, or on a dot, or are whole names, or hold for no logger at all. */
const char *const model_prefixes[MODEL_PREFIXES] = {
	"",	"x",   "x.",	       "x..",  "x.y",	  "ro",
	"root", "Con", "Connection.1", "a.b.", "a.b.c.d", "a.b.c.d.e.f",
};

size_t model_find(struct span name)
{
	size_t index = 0;

	while (index < MODEL_NAMES && !span_equal(name, span_of(model_names[index])))
		index++;
	return index;
}

void model_init(struct model *model)
{
	*model = (struct model){ 0 };
	for (size_t name = 1; name < MODEL_NAMES; name++) {
		struct span text = span_of(model_names[name]);
		size_t length = text.len;

		for (size_t i = 0; i < MODEL_DEPTH; i++) {
			length = length == 0 ? 0 : logger_name_ancestor(text, length);
			model->candidates[name][i] = model_find(span_first(text, length));
		}
		model->above[name] = model->candidates[name][0];
	}
	model_settle(model);
}

uint32_t model_children_of(const struct model *model, size_t name)
{
	uint32_t count = 0;

	for (size_t i = 1; i < MODEL_NAMES; i++)
		count += model->exists[i] && model->above[i] == name;
	return count;
}

static void find_real(struct model *model)
{
	memset(model->leases_of, 0, sizeof(model->leases_of));
	for (size_t i = 0; i < MODEL_LEASES; i++) {
		if (model->leases[i].open)
			model->leases_of[model->leases[i].name]++;
	}
	for (size_t name = 0; name < MODEL_NAMES; name++)
		model->is_real[name] = name == 0 || model->configs[name].configured ||
				       model->leases_of[name] > 0 || model->exact[name].level != 0;
	for (size_t name = 0; name < MODEL_NAMES; name++) {
		size_t i = 0;

		while (!model->is_real[model->candidates[name][i]])
			i++;
		model->parent[name] = model->candidates[name][i];
	}
}

static void fold(struct model *model, size_t name)
{
	size_t heir = model->parent[name];

	while (heir != 0 && !model->configs[heir].configured)
		heir = model->parent[heir];
	model->records[heir] += model->records[name];
	model->records[name] = 0;
}

void model_settle(struct model *model)
{
	bool before[MODEL_NAMES];

	find_real(model);
	memcpy(before, model->exists, sizeof(before));
	memset(model->exists, 0, sizeof(model->exists));
	model->exists[0] = true;
	for (size_t name = 1; name < MODEL_NAMES; name++) {
		for (size_t at = name; model->is_real[name] && at != 0; at = model->above[at])
			model->exists[at] = true;
	}
	for (size_t name = 1; name < MODEL_NAMES; name++) {
		if (before[name] && !model->exists[name])
			fold(model, name);
	}
}

/* An operator's word on a name; false when there is none. */
static bool override_of(const struct model *model, size_t name, struct level_view *view)
{
	const struct model_override *override = &model->exact[name];
	size_t longest = MODEL_PREFIXES;

	view->pattern = span_of(model_names[name]);
	for (size_t i = 0; i < MODEL_PREFIXES && override->level == 0; i++) {
		struct span prefix = span_of(model_prefixes[i]);

		if (model->prefixes[i].level == 0 ||
		    !span_starts_with(span_of(model_names[name]), prefix))
			continue;
		if (longest == MODEL_PREFIXES || prefix.len > view->pattern.len) {
			longest = i;
			view->pattern = prefix;
		}
	}
	if (longest < MODEL_PREFIXES)
		override = &model->prefixes[longest];
	view->pattern_is_prefix = longest < MODEL_PREFIXES;
	view->level = override->level;
	view->until_ms = override->until_ms;
	return override->level != 0;
}

struct level_view model_own(const struct model *model, size_t name)
{
	struct level_view view = { .logger = span_of(model_names[name]) };
	uint64_t newest = 0;

	if (override_of(model, name, &view)) {
		view.source = LEVEL_FROM_OVERRIDE;
		return view;
	}
	view = (struct level_view){
		.level = model->configs[name].level,
		.source = model->configs[name].level == 0 ? LEVEL_FROM_NOBODY : LEVEL_FROM_CONFIG,
		.logger = span_of(model_names[name]),
		.until_ms = OVERRIDE_FOR_EVER,
	};
	for (size_t i = 0; i < MODEL_LEASES; i++) {
		const struct model_lease *lease = &model->leases[i];

		if (lease->open && lease->name == name && lease->level != 0 &&
		    lease->level_time > newest) {
			newest = lease->level_time;
			view.level = lease->level;
			view.source = LEVEL_FROM_LEASE;
		}
	}
	return view;
}

struct level_view model_effective(const struct model *model, size_t name)
{
	while (model_own(model, name).level == 0 && name != 0)
		name = model->parent[name];
	return model_own(model, name);
}

uint8_t model_floor(const struct model *model, size_t owner)
{
	uint8_t lowest = LEVEL_MAX + 1;

	for (size_t i = 0; i < MODEL_LEASES; i++) {
		const struct model_lease *lease = &model->leases[i];

		if (lease->open && lease->owner != owner && lease->level != 0 &&
		    lease->level < lowest)
			lowest = lease->level;
	}
	return lowest;
}

enum handler_verdict model_verdict(const struct model *model, uint16_t handler, size_t name,
				   uint8_t level)
{
	struct span text = name == 0 ? span_of("root") : span_of(model_names[name]);

	if (level < model->rules[handler].level)
		return HANDLER_BELOW_LEVEL;
	if (!logger_name_is_under(text, span_of(model_names[model->rules[handler].filter])))
		return HANDLER_FILTERS_NAME;
	return HANDLER_TAKES;
}

size_t model_path(const struct model *model, size_t name, size_t names_out[static MODEL_DEPTH + 1])
{
	size_t at = model->is_real[name] ? name : model->parent[name];
	size_t count = 0;

	for (;;) {
		const struct model_config *config = &model->configs[at];

		names_out[count++] = at;
		if (at == 0 || (config->configured && !config->propagate))
			return count;
		at = model->parent[at];
	}
}

/* All handlers on the way that take the record. */
static void route_up(const struct model *model, size_t name, uint8_t level, struct route *route_out)
{
	size_t path[MODEL_DEPTH + 1];
	size_t count = model_path(model, name, path);

	route_out->n_hits = 0;
	for (size_t step = 0; step < count; step++) {
		const struct model_config *config = &model->configs[path[step]];

		for (size_t i = 0; i < config->n_handlers; i++) {
			if (model_verdict(model, config->handlers[i], name, level) == HANDLER_TAKES)
				route_out->hits[route_out->n_hits++] = config->handlers[i];
		}
	}
}

/* The level that counts is the full name's, as if it were leased now. */
void model_route(struct model *model, size_t name, uint8_t level, struct route *route_out)
{
	size_t at = model->is_real[name] ? name : model->parent[name];

	model->records[at]++;
	route_out->effective_level = model_effective(model, name).level;
	route_out->filtered = level < route_out->effective_level;
	route_out->n_hits = 0;
	route_out->name = span_of(model_names[at]);
	if (!route_out->filtered)
		route_up(model, name, level, route_out);
}

void model_route_recorded(const struct model *model, size_t name, uint8_t level,
			  struct route *route_out)
{
	route_out->effective_level = model_effective(model, name).level;
	route_out->filtered = false;
	route_out->name = span_of(model_names[name]);
	route_up(model, name, level, route_out);
}

struct recorder_rule model_recorder(const struct model *model, size_t name)
{
	while (!model->configs[name].has_recorder && name != 0)
		name = model->parent[name];
	return model->configs[name].recorder;
}

/* Returns when the override ends, after it has ended if its time has come. */
static int64_t expire(struct model_override *override, int64_t now_ms)
{
	if (override->level != 0 && override->until_ms <= now_ms)
		override->level = 0;
	return override->level == 0 ? OVERRIDE_FOR_EVER : override->until_ms;
}

int64_t model_expire(struct model *model, int64_t now_ms)
{
	int64_t next_ms = OVERRIDE_FOR_EVER;

	for (size_t i = 0; i < MODEL_NAMES + MODEL_PREFIXES; i++) {
		struct model_override *override =
			i < MODEL_NAMES ? &model->exact[i] : &model->prefixes[i - MODEL_NAMES];
		int64_t end_ms = expire(override, now_ms);

		if (end_ms < next_ms)
			next_ms = end_ms;
	}
	return next_ms;
}

static void take_values(const uint8_t values[static MODEL_KEYS],
			uint8_t values_out[static MODEL_KEYS])
{
	for (size_t key = 0; key < MODEL_KEYS; key++) {
		if (values_out[key] == 0)
			values_out[key] = values[key];
	}
}

/* From an owner's leases of a name, the one whose context was changed last first. */
static void take_values_of_owner(const struct model *model, size_t owner, size_t name,
				 uint8_t values_out[static MODEL_KEYS])
{
	uint64_t before = UINT64_MAX;

	for (;;) {
		const struct model_lease *newest = NULL;

		for (size_t i = 0; i < MODEL_LEASES; i++) {
			const struct model_lease *lease = &model->leases[i];

			if (lease->open && lease->name == name && lease->owner == owner &&
			    lease->context_time < before &&
			    (newest == NULL || lease->context_time > newest->context_time))
				newest = lease;
		}
		if (newest == NULL)
			return;
		take_values(newest->values, values_out);
		before = newest->context_time;
	}
}

void model_context(const struct model *model, const struct model_lease *lease, size_t name,
		   uint8_t values_out[static MODEL_KEYS])
{
	memset(values_out, 0, MODEL_KEYS);
	if (lease != NULL)
		take_values(lease->values, values_out);
	else if (!model->is_real[name])
		name = model->parent[name];
	take_values(model->configs[name].values, values_out);
	while (name != 0) {
		name = model->parent[name];
		if (lease != NULL)
			take_values_of_owner(model, lease->owner, name, values_out);
		take_values(model->configs[name].values, values_out);
	}
}
