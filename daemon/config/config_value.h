/**
 * config_value: single values as text: numbers, modes, words, addresses. Pure.
 */
#ifndef LOGFWD_CONFIG_CONFIG_VALUE_H
#define LOGFWD_CONFIG_CONFIG_VALUE_H

#include <sys/types.h>

#include "base/span.h"

enum number_result {
	NUMBER_OK,
	NUMBER_BAD,	     /* not decimal digits alone, or a zero before others */
	NUMBER_OUT_OF_RANGE, /* below min or above max, be it far beyond any type; -1 too */
};

/** Reads a decimal number; number_out on NUMBER_OK only. */
enum number_result number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number_out);

/** Reads the mode of a file: octal, with the leading 0 that says so, 0 to 0777. */
bool mode_parse(const char *text, mode_t *mode_out);

/** Reads true, on, yes, false, off or no, in any case. */
bool switch_parse(const char *text, bool *on_out);

/** Finds text among words, in any case; index_out on success only. */
bool word_find(const char *text, const char *const *words, size_t n, size_t *index_out);

/** Reads the name of a syslog facility, in any case, or its number: 0..23 (RFC 5424 6.2.1). */
bool facility_parse(const char *text, uint8_t *facility_out);

/** True for "IPV4:PORT" or "[IPV6]:PORT", numeric, with a port of 0..65535. */
bool listen_address_is_valid(const char *text);

#endif
