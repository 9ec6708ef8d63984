/**
 * text_oracle: what escaped text must look like, told a second time and in another way.
 *
 * Tests and fuzz targets judge format/escape.c by it, so it shares nothing with it: it
 * decodes bits where that one looks up ranges, and works on one character at a time.
 */
#ifndef LOGFWD_TESTS_TEXT_ORACLE_H
#define LOGFWD_TESTS_TEXT_ORACLE_H

#include "base/span.h"

enum oracle_place { ORACLE_TEXT, ORACLE_PARAM_VALUE };

/* One character of the original, or one byte of none, and what is to be sent for it. */
struct oracle_piece {
	size_t taken; /* bytes of the original, >= 1 */
	size_t len;
	uint8_t bytes[16];
};

/** Length of the valid character at the front of text (RFC 3629), or 0; code_out: its number. */
size_t oracle_character(struct span text, uint32_t *code_out);

/** True when text is valid UTF-8 without any character that escape.h calls harmful. */
bool oracle_is_harmless(struct span text);

/** What the front of original, which is not empty, is escaped to. */
struct oracle_piece oracle_escape(struct span original, enum oracle_place place);

/** True when escaped is original, escaped as a whole. */
bool oracle_is_escaped(struct span escaped, struct span original, enum oracle_place place);

/** The length of original once it is escaped. */
size_t oracle_escaped_length(struct span original, enum oracle_place place);

#endif
