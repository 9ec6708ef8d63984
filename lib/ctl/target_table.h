/**
 * target_table: what `logfwdctl targets` prints for people.
 */
#ifndef LOGFWD_CTL_TARGET_TABLE_H
#define LOGFWD_CTL_TARGET_TABLE_H

#include <jansson.h>

/**
 * Prints the answer's object of targets to stdout: a line for each target and each of its servers,
 * and below them what they lost or met, where there is something. Names come last and are whole;
 * but for longer ones a line has at most 80 columns.
 */
void target_table_print(const json_t *targets);

#endif
