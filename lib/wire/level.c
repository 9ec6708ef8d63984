#include "wire/level.h"

/* In rising order; aliases follow the name they stand for. */
static const struct {
	const char *name;
	uint8_t level;
	uint8_t severity;
	bool alias;
} levels[] = {
	{ "notset", LEVEL_NOTSET, 7, false },  { "trace", LEVEL_TRACE, 7, false },
	{ "debug", LEVEL_DEBUG, 7, false },    { "info", LEVEL_INFO, 6, false },
	{ "notice", LEVEL_NOTICE, 5, false },  { "warning", LEVEL_WARNING, 4, false },
	{ "warn", LEVEL_WARNING, 4, true },    { "error", LEVEL_ERROR, 3, false },
	{ "err", LEVEL_ERROR, 3, true },       { "critical", LEVEL_CRITICAL, 2, false },
	{ "crit", LEVEL_CRITICAL, 2, true },   { "fatal", LEVEL_CRITICAL, 2, true },
	{ "alert", LEVEL_ALERT, 1, false },    { "emergency", LEVEL_EMERGENCY, 0, false },
	{ "emerg", LEVEL_EMERGENCY, 0, true }, { "panic", LEVEL_EMERGENCY, 0, true },
};

static bool equal_in_any_case(struct span text, const char *lower)
{
	size_t i;

	for (i = 0; i < text.len && lower[i] != '\0'; i++) {
		uint8_t byte = text.ptr[i];

		if (byte >= 'A' && byte <= 'Z')
			byte = (uint8_t)(byte - 'A' + 'a');
		if (byte != (uint8_t)lower[i])
			return false;
	}
	return i == text.len && lower[i] == '\0';
}

static bool level_parse_number(struct span text, uint8_t *level_out)
{
	unsigned value = 0;

	if (text.len == 0 || text.len > 3)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		value = value * 10 + (text.ptr[i] - '0');
	}
	if (value > LEVEL_MAX)
		return false;
	*level_out = (uint8_t)value;
	return true;
}

bool level_parse(struct span text, uint8_t *level_out)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (equal_in_any_case(text, levels[i].name)) {
			*level_out = levels[i].level;
			return true;
		}
	}
	return level_parse_number(text, level_out);
}

const char *level_name(uint8_t level)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (levels[i].level == level)
			return levels[i].name;
	}
	return NULL;
}

/* The first row at or above the level; above the last named one it is emergency too. */
static size_t level_row(uint8_t level)
{
	size_t last = 0;

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (levels[i].alias)
			continue;
		last = i;
		if (levels[i].level >= level)
			break;
	}
	return last;
}

const char *level_name_above(uint8_t level)
{
	return levels[level_row(level)].name;
}

uint8_t level_severity(uint8_t level)
{
	return levels[level_row(level)].severity;
}

uint8_t level_of_severity(uint8_t severity)
{
	static const uint8_t of_severity[8] = {
		LEVEL_EMERGENCY, LEVEL_ALERT,  LEVEL_CRITICAL, LEVEL_ERROR,
		LEVEL_WARNING,	 LEVEL_NOTICE, LEVEL_INFO,     LEVEL_DEBUG,
	};

	return of_severity[severity & 7];
}
