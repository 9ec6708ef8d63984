#include "os/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"

#define LINE_BYTES  1024
#define INTERVAL_MS 1000

/* The one mutable state of the file: log lines come from everywhere. */
static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

/* Names and tags of clients may hold anything: no control byte reaches the terminal or journal. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte == 0x7f)
			*text = '?';
	}
}

static void log_write(enum log_level level, const char *area, const char *text, uint64_t left_out)
{
	char prefix[8] = "";
	char more[48] = "";

	if (isatty(STDERR_FILENO) == 0)
		snprintf(prefix, sizeof(prefix), "<%d>", (int)level);
	if (left_out > 0)
		snprintf(more, sizeof(more), " (and %" PRIu64 " like it before)", left_out);
	/* one write(2) a line: stderr is not buffered, dprintf() is */
	dprintf(STDERR_FILENO, "%s%s: %s%s\n", prefix, area, text, more);
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list args;

	if (level > threshold)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_printable(text);
	log_write(level, area, text, 0);
}

void log_limited(struct log_limit *limit, enum log_level level, const char *area,
		 const char *format, ...)
{
	int64_t now_ms = clock_monotonic_ms();
	char text[LINE_BYTES];
	va_list args;

	if (level > threshold)
		return;
	if (limit->spoken && now_ms - limit->spoken_ms < INTERVAL_MS) {
		limit->left_out++;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_printable(text);
	log_write(level, area, text, limit->left_out);
	*limit = (struct log_limit){ .spoken = true, .spoken_ms = now_ms };
}
