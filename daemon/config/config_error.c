#include "config/config_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Line breaks and terminal controls come from file names and escapes in strings. */
static void make_one_line(char *text)
{
	for (; *text != '\0'; text++) {
		if ((uint8_t)*text < ' ' || *text == 0x7f)
			*text = '?';
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
