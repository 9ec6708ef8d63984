/**
 * level: Python's logging scale with syslog's names, and its way to a severity.
 *
 * A level is 1..100; 0 is `notset` and means "inherit". Custom levels between the named
 * ones keep their number; only on the way out does a level become one of the eight
 * severities of RFC 5424 6.2.1. Pure.
 */
#ifndef LOGFWD_WIRE_LEVEL_H
#define LOGFWD_WIRE_LEVEL_H

#include "base/span.h"

enum {
	LEVEL_NOTSET = 0,
	LEVEL_TRACE = 5,
	LEVEL_DEBUG = 10,
	LEVEL_INFO = 20,
	LEVEL_NOTICE = 25,
	LEVEL_WARNING = 30,
	LEVEL_ERROR = 40,
	LEVEL_CRITICAL = 50,
	LEVEL_ALERT = 60,
	LEVEL_EMERGENCY = 70,
	LEVEL_MAX = 100,
};

/**
 * Reads a level: a name or alias in any case, or a number 0..100 in decimal digits.
 * level_out: 0 (`notset`) .. LEVEL_MAX, written on success only.
 */
bool level_parse(struct span text, uint8_t *level_out);

/** The name of a level that has one ("info"), else NULL. Static storage. */
const char *level_name(uint8_t level);

/** The name of the named level whose range holds this level ("info" for 15); `notset` for 0. */
const char *level_name_above(uint8_t level);

/** RFC 5424 severity, 7 (debug) .. 0 (emergency); level is 1..LEVEL_MAX. */
uint8_t level_severity(uint8_t level);

/** The named level of a severity: 7 -> debug (10) .. 0 -> emergency (70); severity <= 7. */
uint8_t level_of_severity(uint8_t severity);

#endif
