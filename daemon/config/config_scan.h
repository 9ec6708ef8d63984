/**
 * config_scan: looks at a configuration's text before libconfuse does.
 *
 * libconfuse 3.3 takes much that is a mistake without a word: a comment, a string or a section
 * that is never closed, a '*' or '+' that it leaves out, a "\0" that ends a value. It replaces
 * ${NAME} from the environment, counts a line with a comment three times, and allows no
 * comment within a list. So this scan, which splits the text into the same strings and words
 * as libconfuse's lexer.l, refuses the first and takes all comments away. Pure.
 */
#ifndef LOGFWD_CONFIG_CONFIG_SCAN_H
#define LOGFWD_CONFIG_CONFIG_SCAN_H

#include "base/span.h"

/* libconfuse compares each name with all before it: so many take a second, more take minutes. */
#define CONFIG_SECTIONS_MAX 10000 /* in one file */

struct config_mistake {
	unsigned line;	    /* from 1 */
	const char *reason; /* static storage */
};

/** How many lines a text has: its line feeds, and one. */
size_t config_scan_lines(struct span text);

/**
 * Checks a text and blanks its comments in place; line feeds stay.
 *
 * opened_out: config_scan_lines() + 1 numbers, all 0. Where a section closes in line n,
 *             opened_out[n] becomes the line in which it begins (the last section of that line).
 * Returns false with mistake_out set for a text that libconfuse must not see.
 */
bool config_scan(char *text, size_t length, uint32_t *opened_out,
		 struct config_mistake *mistake_out);

#endif
