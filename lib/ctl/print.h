/**
 * print: the shapes of output that verbs share.
 */
#ifndef LOGFWD_CTL_PRINT_H
#define LOGFWD_CTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum print_format { PRINT_TEXT, PRINT_JSON, PRINT_PROMETHEUS };

/**
 * Reads the argument of --format; says to stderr what is allowed when it is none of
 * text and json, or prometheus where with_prometheus.
 */
bool print_parse_format(const char *text, bool with_prometheus, enum print_format *format_out);

/** Reads seconds with an optional fraction, 0.001..1000000, as milliseconds; says what is wrong. */
bool print_parse_seconds(const char *text, int *ms_out);

/** Reads the argument of --count, above 0; says what is wrong. */
bool print_parse_count(const char *text, uint64_t *count_out);

/** One line of JSON to stdout. */
void print_json(const json_t *value);

/**
 * The elements of an array to stdout, as a part of a longer one of which *printed are there already;
 * counts on. False: that could not be written, or memory ran out.
 */
bool print_json_elements(const json_t *array, size_t *printed);

/** An object to stdout as lines "key value", nested objects indented; at most 80 columns. */
void print_fields(const json_t *object, int indent);

/** "3d 4h", "2h 05m", "1m 07s", "9.5s" to text_out. */
#define PRINT_DURATION_BYTES 32
const char *print_duration(double seconds, char text_out[static PRINT_DURATION_BYTES]);

#endif
