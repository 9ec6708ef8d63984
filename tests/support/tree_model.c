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
		model->is_real[name] =
			name == 0 || model->configs[name].configured || model->leases_of[name] > 0;
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

uint8_t model_own_level(const struct model *model, size_t name)
{
	uint8_t level = model->configs[name].level;
	uint64_t newest = 0;

	for (size_t i = 0; i < MODEL_LEASES; i++) {
		const struct model_lease *lease = &model->leases[i];

		if (lease->open && lease->name == name && lease->level != 0 &&
		    lease->level_time > newest) {
			newest = lease->level_time;
			level = lease->level;
		}
	}
	return level;
}

uint8_t model_effective_level(const struct model *model, size_t name)
{
	while (model_own_level(model, name) == 0 && name != 0)
		name = model->parent[name];
	return model_own_level(model, name);
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

static bool takes(const struct model *model, uint16_t handler, size_t name, uint8_t level)
{
	struct span text = name == 0 ? span_of("root") : span_of(model_names[name]);

	return level >= model->rules[handler].level &&
	       logger_name_is_under(text, span_of(model_names[model->rules[handler].filter]));
}

void model_route(struct model *model, size_t name, uint8_t level, struct route *route_out)
{
	size_t at = model->is_real[name] ? name : model->parent[name];

	model->records[at]++;
	route_out->effective_level = model_effective_level(model, at);
	route_out->filtered = level < route_out->effective_level;
	route_out->n_hits = 0;
	route_out->name = span_of(model_names[at]);
	while (!route_out->filtered) {
		const struct model_config *config = &model->configs[at];

		for (size_t i = 0; i < config->n_handlers; i++) {
			if (takes(model, config->handlers[i], name, level))
				route_out->hits[route_out->n_hits++] = config->handlers[i];
		}
		if (at == 0 || (config->configured && !config->propagate))
			break;
		at = model->parent[at];
	}
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
