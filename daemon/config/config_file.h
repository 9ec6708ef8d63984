/**
 * config_file: gets the text of configuration files, and nothing that is no such text.
 *
 * A file is opened without blocking and must be regular, of a decent size, and not writable
 * by everybody: whoever may write it decides where all records go. FIFOs, devices, folders
 * and links to them are refused, never read.
 */
#ifndef LOGFWD_CONFIG_CONFIG_FILE_H
#define LOGFWD_CONFIG_CONFIG_FILE_H

#include "config/arena.h"
#include "config/config.h"

/**
 * Reads a whole file.
 * text_out: owned by the caller, for free(); length_out: its bytes, <= CONFIG_FILE_MAX, with
 * room for one more behind them.
 * Errors: -EINVAL (no file for this), -errno of opening and reading, -ENOMEM; error_out on
 * the first two.
 */
int config_file_read(const char *path, char **text_out, size_t *length_out,
		     char error_out[static CONFIG_ERROR_BYTES]);

/**
 * Lists the *.conf of the folder conf.d beside a file, sorted by strcmp(); none without the
 * folder. Names that begin with a dot are left out, as a shell's *.conf does.
 * paths_out: in arena. Errors: as above.
 */
int config_file_list(const char *path, struct arena *arena, const char *const **paths_out,
		     size_t *n_out, char error_out[static CONFIG_ERROR_BYTES]);

#endif
