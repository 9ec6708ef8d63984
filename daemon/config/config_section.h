/**
 * config_section: what a file says, before anybody asks what it means: sections, their
 * options, and each value as text with its line. All of it lies in an arena.
 */
#ifndef LOGFWD_CONFIG_CONFIG_SECTION_H
#define LOGFWD_CONFIG_CONFIG_SECTION_H

#include "config/config_error.h"

enum section_kind {
	SECTION_LISTEN,
	SECTION_LIMITS,
	SECTION_POOL,
	SECTION_METRICS,
	SECTION_TARGET,
	SECTION_HANDLER,
	SECTION_LOGGER,
};
#define SECTION_KINDS 7

struct value {
	char *text; /* clean: no control characters, valid UTF-8 */
	unsigned line;
};

/** An option that a section sets; one that it does not set has none of these. */
struct setting {
	const struct option_spec *option;
	const struct value *values;
	size_t n_values; /* 1; of a list 0 or more */
};

struct section {
	enum section_kind kind;
	char *title; /* NULL for a kind without */
	struct place place;
	const struct setting *settings;
	size_t n_settings;
	struct section *next; /* of the same file behind it, of its kind; then of the next file */
};

/** The sections of all files, each kind in the order in which they were read. */
struct sections {
	struct section *first[SECTION_KINDS];
	struct section **end[SECTION_KINDS]; /* where the next one goes */
	size_t n[SECTION_KINDS];
};

#endif
