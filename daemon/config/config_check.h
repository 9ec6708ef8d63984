/**
 * config_check: makes a configuration of what the files say, or says what is wrong with it.
 */
#ifndef LOGFWD_CONFIG_CONFIG_CHECK_H
#define LOGFWD_CONFIG_CONFIG_CHECK_H

#include "config/arena.h"
#include "config/config_section.h"

/**
 * Fills a zeroed config from all sections, with the defaults for what they leave out.
 *
 * main_path: for mistakes that have no line. arena: owns what config points to, except the
 * handlers' templates: those are the config's own, on failure too.
 * Errors: -EINVAL with error_out written, -ENOMEM.
 */
int config_check(const struct sections *sections, const char *main_path, struct arena *arena,
		 struct config *config, char error_out[static CONFIG_ERROR_BYTES]);

#endif
