/**
 * level_page: how a client learns, with one load, that its daemon has news of levels.
 *
 * The word can be read at any time by any thread: a page of zeros stands in for the daemon's
 * where there is none. All that changes it happens under the client's lock.
 */
#ifndef LOGFWD_CLIENT_LEVEL_PAGE_H
#define LOGFWD_CLIENT_LEVEL_PAGE_H

#include "wire/level_page.h"

struct client_level_page {
	const union level_page_shared *shared; /* never changes; readable until _deinit() */
	_Atomic uint64_t seen; /* the word as of the last complete look at what the daemon says */
};

/* Never read from a page: a holder that is alive does not stand with the bit of one that is gone. */
#define LEVEL_PAGE_UNSEEN UINT64_MAX

/** Errors: -ENOMEM. */
int level_page_init(struct client_level_page *page);
void level_page_deinit(struct client_level_page *page);

/**
 * Takes the daemon's page, if fd is one: of the size of a page, and sealed. Otherwise nothing
 * changes, and the client does without. Returns whether it is one. fd: borrowed; the page does not
 * need it to stay open.
 */
bool level_page_attach(struct client_level_page *page, int fd);

/** Nobody counts for this client any more: the word is 0 and not seen. */
void level_page_detach(struct client_level_page *page);

/** The word is not seen, whoever counts: all that a child can do right behind fork(). */
void level_page_forget(struct client_level_page *page);

/** The word as it is now; before a look at what the daemon says. */
static inline uint64_t level_page_word(const struct client_level_page *page)
{
	return atomic_load_explicit(&page->shared->word, memory_order_acquire);
}

/** All that the daemon had said when the word was this has been taken. */
void level_page_see(struct client_level_page *page, uint64_t word);

/** True when there is a page of a daemon that lives, as of the last look. */
static inline bool level_page_is_watched(const struct client_level_page *page)
{
	return atomic_load_explicit(&page->seen, memory_order_acquire) != LEVEL_PAGE_UNSEEN;
}

/** False when the daemon lives, and has not said more than what was taken. */
static inline bool level_page_has_news(const struct client_level_page *page)
{
	return level_page_word(page) != atomic_load_explicit(&page->seen, memory_order_acquire);
}

#endif
