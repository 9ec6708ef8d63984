/**
 * level_text: levels, and whose they are, as people read them.
 */
#ifndef LOGFWD_CTL_LEVEL_TEXT_H
#define LOGFWD_CTL_LEVEL_TEXT_H

#include <jansson.h>

#define LEVEL_TEXT_BYTES 24

/** "info" or "35"; "-" for 0. Static storage or text_out. */
const char *level_text(json_int_t level, char text_out[static LEVEL_TEXT_BYTES]);

/** A line for a level object of the daemon: "debug (override app*, ends in 9m 58s)". */
void print_level_of(const json_t *level);

#endif
