/**
 * visible: text from elsewhere, made fit for a terminal and a line. Pure but for the stream.
 */
#ifndef LOGFWD_CTL_VISIBLE_H
#define LOGFWD_CTL_VISIBLE_H

#include <stdio.h>

#include "base/span.h"

/**
 * Writes text; control characters (C0, DEL, C1) and bytes that are no UTF-8 become "#ooo",
 * three octal digits a byte, as syslog daemons write them.
 */
void visible_write(FILE *out, struct span text);

#endif
