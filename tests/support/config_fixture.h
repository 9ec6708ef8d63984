/*
 * A folder with a main file and conf.d, for the tests of what is loaded from there. Each test has
 * one of its own, which goes with all that is in it.
 */
#ifndef LOGFWD_TESTS_CONFIG_FIXTURE_H
#define LOGFWD_TESTS_CONFIG_FIXTURE_H

#include <stddef.h>

#include "config/config.h"

/* The least that is a configuration: one line. */
#define TARGET "target central { servers = {\"127.0.0.1:5514\"} }\n"

extern char folder[64];
extern char main_path[96];		   /* logfwd.conf in it, unless a test says otherwise */
extern char complaint[CONFIG_ERROR_BYTES]; /* of the last load */

/** Makes the folder with an empty conf.d. */
void make_folder(void);
void remove_folder(void);

/** Of an entry of the folder; static storage. */
const char *path_of(const char *name);
void write_bytes(const char *name, const void *bytes, size_t length);
void write_file(const char *name, const char *text);
/** Removes a folder in the folder, and the files in it. */
void remove_entries(const char *name);

/** Loads the main file, which has to be good. Owned. */
struct config *load(void);
/** The same, with that text. */
struct config *load_text(const char *text);
/** Loads the main file, which must not be good; returns -errno. */
int refused(void);
/** The last complaint has that in it. */
void assert_says(const char *part);

/** That has to be there; borrowed. */
const struct logger_options *logger_of(const struct config *config, const char *name);

#endif
