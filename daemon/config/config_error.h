/**
 * config_error: the one line that says what is wrong with a configuration, and where.
 */
#ifndef LOGFWD_CONFIG_CONFIG_ERROR_H
#define LOGFWD_CONFIG_CONFIG_ERROR_H

#include "config/config.h"

/* A file's name in an error keeps its last bytes, so that the reason always has room. */
#define CONFIG_ERROR_FILE_MAX 256
/* For "%.*s" of what a user wrote: as much as helps to find it. */
#define CONFIG_ERROR_QUOTE_MAX 80

struct place {
	const char *file; /* as it was opened */
	unsigned line;	  /* from 1; 0: the file as a whole */
};

/**
 * Writes "FILE:LINE: reason", one line whatever the file's name and the reason hold.
 * Returns -EINVAL, for the caller to return.
 */
int config_fail(char error_out[static CONFIG_ERROR_BYTES], struct place place, const char *format,
		...) __attribute__((format(printf, 3, 4)));

#endif
