/**
 * level_page: the page that shows all clients that levels have changed, and that we are gone.
 *
 * Made once, and passed to every client that can use it (wire/level_page.h). It is sealed, so
 * that nobody else can write it, and the kernel itself marks it when the thread that made it
 * ends, by SIGKILL too. A daemon that is started anew makes a new one: pages never mix.
 */
#ifndef LOGFWD_INTAKE_LEVEL_PAGE_H
#define LOGFWD_INTAKE_LEVEL_PAGE_H

#include "base/cleanup.h"

struct level_page;

/**
 * Makes a page that the calling thread holds, which must also free it, and which may hold one
 * at a time. Errors: -errno; where the kernel has no sealed memory or no robust futexes, too.
 */
int level_page_new(struct level_page **page_out);

/** Marks the page: whoever looks knows that nobody counts any more. */
void level_page_free(struct level_page *page);
DEFINE_CLEANUP(struct level_page *, level_page_free)

/** Makes clients look at what they have been sent. page: NULL: there is none. */
void level_page_count(struct level_page *page);

/** Of the page, for descriptors_send(); borrowed. */
int level_page_fd(const struct level_page *page);

#endif
