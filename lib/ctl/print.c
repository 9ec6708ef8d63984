#include "ctl/print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/visible.h"

#define VALUE_COLUMN 32 /* where keys end */
#define VALUE_WIDTH  16

bool print_parse_format(const char *text, bool with_prometheus, enum print_format *format_out)
{
	if (strcmp(text, "text") == 0)
		*format_out = PRINT_TEXT;
	else if (strcmp(text, "json") == 0)
		*format_out = PRINT_JSON;
	else if (with_prometheus && strcmp(text, "prometheus") == 0)
		*format_out = PRINT_PROMETHEUS;
	else {
		fprintf(stderr, "logfwdctl: \"%s\" is no format: text%s json%s\n", text,
			with_prometheus ? "," : " or", with_prometheus ? " or prometheus" : "");
		return false;
	}
	return true;
}

bool print_parse_seconds(const char *text, int *ms_out)
{
	char *end;
	double seconds = strtod(text, &end);

	/* So written, no comparison is true for a NaN. */
	if (end == text || *end != '\0' || !(seconds >= 0.001 && seconds <= 1000000)) {
		fprintf(stderr, "logfwdctl: \"%s\" is no number of seconds from 0.001 to 1000000\n",
			text);
		return false;
	}
	*ms_out = (int)(seconds * 1000);
	return true;
}

bool print_parse_count(const char *text, uint64_t *count_out)
{
	unsigned long long count;
	char *end;

	errno = 0;
	count = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || count == 0) {
		fprintf(stderr, "logfwdctl: \"%s\" is no count: a number above 0\n", text);
		return false;
	}
	*count_out = count;
	return true;
}

void print_json(const json_t *value)
{
	CLEANUP(free) char *text = json_dumps(value, JSON_COMPACT);

	if (text == NULL) {
		fputs("logfwdctl: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	puts(text);
}

bool print_json_elements(const json_t *array, size_t *printed)
{
	json_t *element;
	size_t i;

	json_array_foreach((json_t *)array, i, element)
	{
		if ((*printed)++ > 0)
			putchar(',');
		if (json_dumpf(element, stdout, JSON_COMPACT) < 0)
			return false;
	}
	return !ferror(stdout);
}

static void print_text(const char *text)
{
	int length = (int)strlen(text);

	printf("%*s", length < VALUE_WIDTH ? VALUE_WIDTH - length : 0, "");
	visible_write(stdout, span_of(text));
}

static void print_scalar(const json_t *value)
{
	if (json_is_integer(value))
		printf("%*" JSON_INTEGER_FORMAT, VALUE_WIDTH, json_integer_value(value));
	else if (json_is_real(value))
		printf("%*.3f", VALUE_WIDTH, json_real_value(value));
	else if (json_is_boolean(value))
		printf("%*s", VALUE_WIDTH, json_is_true(value) ? "yes" : "no");
	else if (json_is_string(value))
		print_text(json_string_value(value));
	else
		print_text("-");
}

void print_fields(const json_t *object, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		int width = (int)strlen(key);

		printf("%*s", indent, "");
		visible_write(stdout, span_of(key));
		if (json_is_object(value)) {
			fputc('\n', stdout);
			print_fields(value, indent + 2);
			continue;
		}
		printf("%*s ", width + indent < VALUE_COLUMN ? VALUE_COLUMN - width - indent : 0,
		       "");
		print_scalar(value);
		fputc('\n', stdout);
	}
}

const char *print_duration(double seconds, char text_out[static PRINT_DURATION_BYTES])
{
	double shown = seconds > 0 && seconds < 1e15 ? seconds : 0; /* a NaN is not above 0 */
	long whole = (long)shown;

	if (whole < 60)
		snprintf(text_out, PRINT_DURATION_BYTES, "%.1fs", shown);
	else if (whole < 3600)
		snprintf(text_out, PRINT_DURATION_BYTES, "%ldm %02lds", whole / 60, whole % 60);
	else if (whole < 86400)
		snprintf(text_out, PRINT_DURATION_BYTES, "%ldh %02ldm", whole / 3600,
			 whole / 60 % 60);
	else
		snprintf(text_out, PRINT_DURATION_BYTES, "%ldd %ldh", whole / 86400,
			 whole / 3600 % 24);
	return text_out;
}
