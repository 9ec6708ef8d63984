/**
 * config_options: every section and every option that a file may hold, in one table: its name,
 * its bounds, and the function that checks a value and puts it into its struct.
 *
 * A new option is a field in its module, a row here and a paragraph in logfwd.conf(5).
 */
#ifndef LOGFWD_CONFIG_CONFIG_OPTIONS_H
#define LOGFWD_CONFIG_CONFIG_OPTIONS_H

#include "config/arena.h"
#include "config/config_section.h"

/** What a reader needs beside the value. All borrowed. */
struct reading {
	struct arena *arena;   /* for what the configuration keeps */
	struct config *config; /* targets before handlers before loggers, so that names resolve */
	const char *file;      /* of the section */
	char *error;	       /* CONFIG_ERROR_BYTES */
};

/**
 * Checks a setting and writes it into object, the option struct of its section.
 * Errors: -EINVAL with the error written, -ENOMEM.
 */
typedef int option_reader(const struct reading *reading, const struct setting *setting,
			  void *object);

struct option_spec {
	const char *name;
	option_reader *read;
	size_t offset;	   /* of the field in the section's struct, for readers of one field */
	uint64_t min, max; /* of a number */
	bool list;	   /* takes {"several", "values"} */
};

struct section_spec {
	const char *name;
	bool titled; /* there may be many, each with a name */
	const struct option_spec *options;
	size_t n_options; /* <= SECTION_OPTIONS_MAX */
};

#define SECTION_OPTIONS_MAX 24

/** The row of a kind; static storage. */
const struct section_spec *section_spec(enum section_kind kind);

/** Reads all settings of a section into object. Errors: as option_reader. */
int section_read(const struct reading *reading, const struct section *section, void *object);

/** The setting of that name, or NULL. */
const struct setting *section_setting(const struct section *section, const char *name);

/** Finds a handler by its name; index_out on success only. */
bool config_find_handler(const struct config *config, const char *name, size_t *index_out);

#endif
