#include "ctl/ledger.h"

#include <stdio.h>
#include <string.h>

#include "base/span.h"

/* One side of an equation. */
struct side {
	json_int_t sum;
	char fault[160]; /* "records.accepted is missing"; empty while all is well */
};

static void add_value(struct side *side, const json_t *value, const char *where, const char *key)
{
	const char *fault = value == NULL ? "is missing" : "is no count";

	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		if (!__builtin_add_overflow(side->sum, json_integer_value(value), &side->sum))
			return;
		fault = "is too large to add";
	}
	if (side->fault[0] == '\0')
		snprintf(side->fault, sizeof(side->fault), "%s.%s %s", where, key, fault);
}

/* Adds all members of an object of counts, as `dropped` is by reason. */
static void add_reasons(struct side *side, json_t *counts, const char *where, const char *key)
{
	const char *reason;
	json_t *count;
	char place[96];

	snprintf(place, sizeof(place), "%s.%s", where, key);
	if (!json_is_object(counts))
		add_value(side, NULL, where, key);
	json_object_foreach(counts, reason, count) add_value(side, count, place, reason);
}

/* An equation over members of one object: the keys of a side have " + " between them. */
struct equation {
	const char *object; /* its key in stats, or NULL for each target */
	const char *ledger;
	const char *left;
	const char *right;
	const char *by_reason; /* the key that is an object of counts, or NULL */
};

static const struct equation of_records = {
	.object = "records",
	.ledger = "records",
	.left = "received",
	.right = "accepted + filtered + rate_limited + no_handler + rejected",
};
static const struct equation of_rejected = {
	.object = "records",
	.ledger = "rejected",
	.left = "rejected",
	.right = "rejected_by",
	.by_reason = "rejected_by",
};
static const struct equation of_target = {
	.ledger = "target",
	.left = "enqueued",
	.right = "sent + dropped + queued",
	.by_reason = "dropped",
};
static const struct equation of_server = {
	.ledger = "server",
	.left = "enqueued",
	.right = "sent + dropped + queued",
	.by_reason = "dropped",
};
static const struct equation of_removed = {
	.object = "removed",
	.ledger = "removed targets",
	.left = "enqueued",
	.right = "sent + dropped",
};

static const struct equation of_recorder = {
	.object = "recorder",
	.ledger = "recorder",
	.left = "kept",
	.right = "sent + forgotten + held",
};

/* Appends one result; false without memory. */
static bool conclude(json_t *equations, const struct equation *equation, const char *name,
		     const struct side *left, const struct side *right)
{
	const char *fault = left->fault[0] != '\0' ? left->fault : right->fault;
	json_t *ledger = json_sprintf("%s%s%s", equation->ledger, name[0] != '\0' ? " " : "", name);
	json_t *result = json_pack("{s:o, s:s, s:s, s:I, s:I, s:b}", "ledger", ledger, "left",
				   equation->left, "right", equation->right, "left_sum", left->sum,
				   "right_sum", right->sum, "closes",
				   fault[0] == '\0' && left->sum == right->sum);

	if (fault[0] != '\0')
		json_object_set_new(result, "fault", json_string(fault));
	return json_array_append_new(equations, result) == 0;
}

/* Adds up one side of an equation. */
static void add_terms(struct side *side, const struct equation *equation, const char *terms,
		      const json_t *object, const char *where)
{
	char key[32];

	while (*terms != '\0') {
		size_t length = strcspn(terms, " ");
		json_t *value;

		snprintf(key, sizeof(key), "%.*s", (int)length, terms);
		value = json_object_get(object, key);
		if (equation->by_reason != NULL && strcmp(key, equation->by_reason) == 0)
			add_reasons(side, value, where, key);
		else
			add_value(side, value, where, key);
		terms += length;
		terms += strspn(terms, " +");
	}
}

static bool check_object(json_t *equations, const struct equation *equation, const json_t *object,
			 const char *name)
{
	const char *where = equation->object != NULL ? equation->object : name;
	struct side left = { 0 }, right = { 0 };

	add_terms(&left, equation, equation->left, object, where);
	add_terms(&right, equation, equation->right, object, where);
	return conclude(equations, equation, name, &left, &right);
}

/* A count of every target and of the removed ones, summed. */
static struct side over_targets(const json_t *stats, const char *key)
{
	json_t *targets = json_object_get(stats, "targets"), *target;
	const json_t *removed = json_object_get(stats, "removed");
	struct side side = { 0 };
	const char *name;

	if (!json_is_object(targets))
		add_value(&side, NULL, "stats", "targets");
	json_object_foreach(targets, name, target)
		add_value(&side, json_object_get(target, key), name, key);
	add_value(&side, json_object_get(removed, key), "removed", key);
	return side;
}

/* Every delivery was routed to a target, or is a notice of the target's own. */
static bool check_deliveries(json_t *equations, const json_t *stats)
{
	static const struct equation deliveries = {
		.ledger = "deliveries",
		.left = "enqueued of all targets and of removed ones",
		.right = "records.deliveries + notices",
	};
	const json_t *records = json_object_get(stats, "records");
	struct side left = over_targets(stats, "enqueued"), right = { 0 };

	add_value(&right, json_object_get(records, "deliveries"), "records", "deliveries");
	add_value(&right, json_object_get(stats, "notices"), "stats", "notices");
	return conclude(equations, &deliveries, "", &left, &right);
}

static bool check_notices(json_t *equations, const json_t *stats)
{
	static const struct equation notices = {
		.ledger = "notices",
		.left = "notices",
		.right = "notices of all targets and of removed ones",
	};
	struct side left = { 0 }, right = over_targets(stats, "notices");

	add_value(&left, json_object_get(stats, "notices"), "stats", "notices");
	return conclude(equations, &notices, "", &left, &right);
}

/* Servers of a mirror have an account each. */
static bool check_servers(json_t *equations, const json_t *target, const char *target_name)
{
	const char *address;
	json_t *server;

	json_object_foreach(json_object_get(target, "servers"), address, server)
	{
		char name[352]; /* of a target 64, of an address 260 */

		snprintf(name, sizeof(name), "%s of %s", address, target_name);
		bool has_account = json_object_get(server, "enqueued") != NULL ||
				   json_object_get(server, "queued") != NULL;

		if (has_account && !check_object(equations, &of_server, server, name))
			return false;
	}
	return true;
}

static bool check_all(json_t *equations, const json_t *stats)
{
	const json_t *records = json_object_get(stats, "records");
	const char *name;
	json_t *target;

	if (!check_object(equations, &of_records, records, "") ||
	    !check_object(equations, &of_rejected, records, ""))
		return false;
	json_object_foreach(json_object_get(stats, "targets"), name, target)
	{
		if (!check_object(equations, &of_target, target, name) ||
		    !check_servers(equations, target, name))
			return false;
	}
	return check_object(equations, &of_removed, json_object_get(stats, "removed"), "") &&
	       check_deliveries(equations, stats) &&
	       check_object(equations, &of_recorder, json_object_get(stats, "recorder"), "") &&
	       check_notices(equations, stats);
}

json_t *ledger_check(const json_t *stats)
{
	json_t *equations = json_array();

	if (equations != NULL && check_all(equations, stats))
		return equations;
	json_decref(equations);
	return NULL;
}

bool ledger_closes(const json_t *equations)
{
	json_t *equation;
	size_t i;

	json_array_foreach((json_t *)equations, i, equation)
	{
		if (!json_is_true(json_object_get(equation, "closes")))
			return false;
	}
	return true;
}
