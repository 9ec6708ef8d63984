/* The verb `level`: levels that operators set while the daemon runs, and whose a level is. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/connection.h"
#include "ctl/json.h"
#include "ctl/level_text.h"
#include "ctl/print.h"
#include "ctl/visible.h"
#include "wire/level.h"

#define YEAR_SECONDS 31536000.0

/* "90", "30s", "10m", "2h", "1d" as seconds; says what is wrong. */
static bool parse_duration(const char *text, double *seconds_out)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	double number = strtod(text, &end);

	for (size_t i = 0; i < ARRAY_LEN(units) && text[0] >= '0' && text[0] <= '9'; i++) {
		*seconds_out = number * units[i].seconds;
		if (strcmp(end, units[i].unit) == 0 && *seconds_out >= 0.001 &&
		    *seconds_out <= YEAR_SECONDS)
			return true;
	}
	fprintf(stderr,
		"logfwdctl: \"%s\" is no duration: a number with s, m, h or d behind it, such as "
		"10m, at most a year\n",
		text);
	return false;
}

static void print_overrides(const json_t *result)
{
	const json_t *overrides = json_object_get(result, "overrides");
	char left[PRINT_DURATION_BYTES], number[LEVEL_TEXT_BYTES];
	const json_t *entry;
	size_t i;

	fputs("root is ", stdout);
	print_level_of(json_object_get(json_object_get(result, "root"), "effective"));
	if (json_array_size(overrides) == 0) {
		puts("no level is set by an operator");
		return;
	}
	puts("LEVEL      ENDS IN     LOGGER");
	json_array_foreach(overrides, i, entry)
	{
		const json_t *seconds = json_object_get(entry, "seconds_left");

		printf("%-9s  %-10s  ", level_text(json_number(entry, "level"), number),
		       json_is_null(seconds) ? "-"
					     : print_duration(json_number_value(seconds), left));
		visible_write(stdout, span_of(json_text(entry, "pattern")));
		fputc('\n', stdout);
	}
}

static void print_logger(const json_t *result)
{
	visible_write(stdout, span_of(json_text(result, "name")));
	puts(json_is_true(json_object_get(result, "exists")) ? "" : "  (there is none now)");
	fputs("  own level        ", stdout);
	print_level_of(json_object_get(result, "own"));
	fputs("  effective level  ", stdout);
	print_level_of(json_object_get(result, "effective"));
}

static int show(const struct invocation *invocation, const char *name, enum print_format format)
{
	CLEANUP(json_decref) json_t *result = NULL;
	int status = connection_ask(invocation->socket_path,
				    json_pack("{s:s, s:s*}", "verb", "level", "name", name),
				    CONNECTION_TIMEOUT_MS, &result);

	if (status != EXIT_SUCCESS)
		return status;
	if (format != PRINT_TEXT)
		print_json(result);
	else if (name == NULL)
		print_overrides(result);
	else
		print_logger(result);
	return EXIT_SUCCESS;
}

static int change(const struct invocation *invocation, const char *name, uint8_t level,
		  double seconds, enum print_format format)
{
	CLEANUP(json_decref) json_t *result = NULL;
	json_t *request = json_pack("{s:s, s:s, s:i}", "verb", "set-level", "name", name, "level",
				    (int)level);
	int status;

	if (seconds > 0)
		json_object_set_new(request, "seconds", json_real(seconds));
	status = connection_ask(invocation->socket_path, request, CONNECTION_TIMEOUT_MS, &result);
	if (status == EXIT_SUCCESS && format != PRINT_TEXT)
		print_json(result);
	return status;
}

/* argv: NAME LEVEL, both there. */
static int parse_and_change(const struct invocation *invocation, char **argv, double seconds,
			    enum print_format format)
{
	uint8_t level = LEVEL_NOTSET;

	if (strcmp(argv[1], "unset") != 0 &&
	    (!level_parse(span_of(argv[1]), &level) || level == LEVEL_NOTSET))
		return level_text_refuse(argv[1], ", or unset");
	if (level == LEVEL_NOTSET && seconds > 0) {
		fputs("logfwdctl: what is unset has no DURATION\n", stderr);
		return EXIT_USAGE;
	}
	return change(invocation, argv[0], level, seconds, format);
}

int run_level(const struct invocation *invocation, int argc, char **argv)
{
	static const struct option options[] = {
		{ "for", required_argument, NULL, 'd' },
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum print_format format = PRINT_TEXT;
	double seconds = 0;
	int option;

	while ((option = getopt_long(argc, argv, "d:f:h", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			if (!parse_duration(optarg, &seconds))
				return EXIT_USAGE;
			break;
		case 'f':
			if (!print_parse_format(optarg, false, &format))
				return EXIT_USAGE;
			break;
		case 'h':
			return command_help("level");
		default:
			return command_misused("level");
		}
	}
	if (argc - optind > 2 || (seconds > 0 && argc - optind < 2))
		return command_misused("level");
	if (argc - optind == 2)
		return parse_and_change(invocation, argv + optind, seconds, format);
	return show(invocation, argc > optind ? argv[optind] : NULL, format);
}
