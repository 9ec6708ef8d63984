#include "config/config_readers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/un.h>

#include "config/config_value.h"

#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

int reader_refuse(const struct reading *reading, const struct setting *setting,
		  const struct value *value, const char *format, ...)
{
	struct place place = { .file = reading->file, .line = value->line };
	char reason[CONFIG_ERROR_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return config_fail(reading->error, place, "option \"%s\": %s", setting->option->name,
			   reason);
}

/* The field of object that the option is about. */
static void *field(const struct setting *setting, void *object)
{
	return (char *)object + setting->option->offset;
}

int reader_take_number(const struct reading *reading, const struct setting *setting,
		       uint64_t *number_out)
{
	const struct option_spec *option = setting->option;
	const struct value *value = setting->values;

	switch (number_parse(value->text, option->min, option->max, number_out)) {
	case NUMBER_OK:
		return 0;
	case NUMBER_BAD:
		return reader_refuse(
			reading, setting, value,
			"\"%.*s\" is not a number (decimal digits, no unit, no leading zero)",
			QUOTE(value->text));
	case NUMBER_OUT_OF_RANGE:
		break;
	}
	return reader_refuse(reading, setting, value,
			     "%.*s is out of range, %" PRIu64 " to %" PRIu64, QUOTE(value->text),
			     option->min, option->max);
}

int read_u64(const struct reading *reading, const struct setting *setting, void *object)
{
	return reader_take_number(reading, setting, field(setting, object));
}

/* The row's max is within 32 bits. */
int read_u32(const struct reading *reading, const struct setting *setting, void *object)
{
	uint64_t number;
	int result = reader_take_number(reading, setting, &number);

	if (result == 0)
		*(uint32_t *)field(setting, object) = (uint32_t)number;
	return result;
}

int read_switch(const struct reading *reading, const struct setting *setting, void *object)
{
	const struct value *value = setting->values;

	if (switch_parse(value->text, field(setting, object)))
		return 0;
	return reader_refuse(reading, setting, value, "\"%.*s\" is neither true nor false",
			     QUOTE(value->text));
}

int read_mode(const struct reading *reading, const struct setting *setting, void *object)
{
	const struct value *value = setting->values;

	if (mode_parse(value->text, field(setting, object)))
		return 0;
	return reader_refuse(reading, setting, value,
			     "\"%.*s\" is not a mode: octal with a leading 0, 0 to 0777",
			     QUOTE(value->text));
}

int read_text(const struct reading *reading, const struct setting *setting, void *object)
{
	(void)reading;
	*(char **)field(setting, object) = setting->values->text;
	return 0;
}

/* Of a socket; the row's min says whether it may be empty. */
int read_path(const struct reading *reading, const struct setting *setting, void *object)
{
	const struct value *value = setting->values;
	size_t length = strlen(value->text);

	if (length < setting->option->min)
		return reader_refuse(reading, setting, value, "the path is empty");
	if (length > SOCKET_PATH_MAX)
		return reader_refuse(reading, setting, value,
				     "the path has %zu bytes, a socket's has at most %zu", length,
				     SOCKET_PATH_MAX);
	return read_text(reading, setting, object);
}

int read_listen_address(const struct reading *reading, const struct setting *setting, void *object)
{
	const struct value *value = setting->values;

	if (value->text[0] == '\0') {
		*(char **)field(setting, object) = NULL;
		return 0;
	}
	if (listen_address_is_valid(value->text))
		return read_text(reading, setting, object);
	return reader_refuse(reading, setting, value,
			     "bad address \"%.*s\": write IPV4:PORT or [IPV6]:PORT, numbers only",
			     QUOTE(value->text));
}

int read_level(const struct reading *reading, const struct setting *setting, void *object)
{
	const struct value *value = setting->values;

	if (level_parse(span_of(value->text), field(setting, object)))
		return 0;
	return reader_refuse(
		reading, setting, value,
		"\"%.*s\" is no level: trace, debug, info, notice, warning, error, critical, "
		"alert, emergency, notset, or 0 to 100",
		QUOTE(value->text));
}

int read_facility(const struct reading *reading, const struct setting *setting, void *object)
{
	const struct value *value = setting->values;

	if (facility_parse(value->text, field(setting, object)))
		return 0;
	return reader_refuse(
		reading, setting, value,
		"\"%.*s\" is no facility: kern, user, mail, daemon, ... local0 to local7, or "
		"0 to 23",
		QUOTE(value->text));
}
