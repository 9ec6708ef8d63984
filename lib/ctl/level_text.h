/**
 * level_text: levels, and whose they are, as people read them.
 */
#ifndef LOGFWD_CTL_LEVEL_TEXT_H
#define LOGFWD_CTL_LEVEL_TEXT_H

#include <jansson.h>

#define LEVEL_TEXT_BYTES 24

/** "info" or "35"; "-" for 0. Static storage or text_out. */
const char *level_text(json_int_t level, char text_out[static LEVEL_TEXT_BYTES]);

/**
 * Says on stderr that text, from the command line, is no level, and what is; or_else: what more may
 * stand there, such as ", or unset", or "". Returns EXIT_USAGE.
 */
int level_text_refuse(const char *text, const char *or_else);

/** A line for a level object of the daemon: "debug (override app*, ends in 9m 58s)". */
void print_level_of(const json_t *level);

#endif
