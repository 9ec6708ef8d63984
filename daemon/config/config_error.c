#include "config/config_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "format/escape.h"

#define CHARACTER_MAX 4 /* bytes, in UTF-8 */

/* Bytes of the character at the front of text, 0 when it is none, or could garble a terminal. */
static size_t clean_length(const char *text)
{
	for (size_t length = 1; length <= CHARACTER_MAX && text[length - 1] != '\0'; length++) {
		if (escape_is_clean(span_of_bytes(text, length)))
			return length;
	}
	return 0;
}

/* What is to be said as it was written comes from anywhere: file names, mistyped names. */
static void make_one_line(char *text)
{
	while (*text != '\0') {
		size_t length = clean_length(text);

		if (length == 0)
			*text = '?';
		text += length > 0 ? length : 1;
	}
}

int config_fail(char error_out[static CONFIG_ERROR_BYTES], struct place place, const char *format,
		...)
{
	size_t length = strlen(place.file);
	bool cut = length > CONFIG_ERROR_FILE_MAX;
	const char *file = cut ? place.file + length - CONFIG_ERROR_FILE_MAX : place.file;
	char number[16] = "";
	va_list args;
	int used;

	if (place.line > 0)
		snprintf(number, sizeof(number), ":%u", place.line);
	used = snprintf(error_out, CONFIG_ERROR_BYTES, "%s%s%s: ", cut ? "..." : "", file, number);
	va_start(args, format);
	vsnprintf(error_out + used, CONFIG_ERROR_BYTES - (size_t)used, format, args);
	va_end(args);
	make_one_line(error_out);
	return -EINVAL;
}
