#include "ctl/level_text.h"

#include <stdio.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/visible.h"
#include "wire/level.h"

const char *level_text(json_int_t level, char text_out[static LEVEL_TEXT_BYTES])
{
	if (level <= 0)
		return "-";
	if (level <= LEVEL_MAX && level_name((uint8_t)level) != NULL)
		return level_name((uint8_t)level);
	snprintf(text_out, LEVEL_TEXT_BYTES, "%" JSON_INTEGER_FORMAT, level);
	return text_out;
}

int level_text_refuse(const char *text, const char *or_else)
{
	fprintf(stderr,
		"logfwdctl: \"%s\" is no level: trace, debug, info, notice, warning, error, "
		"critical, alert, emergency, a number from 1 to %d%s\n",
		text, LEVEL_MAX, or_else);
	return EXIT_USAGE;
}

static void print_override(const json_t *level)
{
	const json_t *seconds = json_object_get(level, "seconds_left");
	char left[PRINT_DURATION_BYTES];

	fputs("operator, for ", stdout);
	visible_write(stdout, span_of(json_text(level, "pattern")));
	if (!json_is_null(seconds))
		printf(", ends in %s", print_duration(json_number_value(seconds), left));
}

void print_level_of(const json_t *level)
{
	const char *source = json_text(level, "source");
	char number[LEVEL_TEXT_BYTES];

	if (strcmp(source, "nobody") == 0) {
		puts("not set");
		return;
	}
	printf("%s  (", level_text(json_number(level, "level"), number));
	if (strcmp(source, "override") == 0) {
		print_override(level);
	} else {
		fputs(strcmp(source, "lease") == 0 ? "a client, for " : "configuration, for ",
		      stdout);
		visible_write(stdout, span_of(json_text(level, "logger")));
	}
	puts(")");
}
