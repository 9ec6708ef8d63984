/**
 * level_page: the page of memory in which a daemon shows its clients that a level has changed.
 *
 * lib/wire/README.md, section 4.1. The daemon makes the page, seals it and passes it to every client
 * that can use it (FEATURE_LEVEL_PAGE); clients only ever read it. All of its news is one word of
 * 64 bits, so that one load tells whether there is any. In the byte order of the machine.
 */
#ifndef LOGFWD_WIRE_LEVEL_PAGE_H
#define LOGFWD_WIRE_LEVEL_PAGE_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What the page must have: nobody but the daemon writes it, and no access to it can fail. */
#define LEVEL_PAGE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

/* Of the holder, as futex(2) has them. */
#define LEVEL_PAGE_HOLDER    UINT32_C(0x3fffffff) /* the daemon's thread; 0: it is gone */
#define LEVEL_PAGE_ABANDONED UINT32_C(0x40000000) /* FUTEX_OWNER_DIED */

union level_page_word {
	uint64_t both;
	struct {
		uint32_t generation; /* counts what was sent to clients, once it is sent */
		uint32_t holder;
	};
};

/** What stands at the beginning of the page; the rest is zero. */
union level_page_shared {
	_Atomic uint64_t word; /* both at once: a union level_page_word */
	struct {
		_Atomic uint32_t generation;
		_Atomic uint32_t holder;
	};
};

/** True when the daemon that made the page lives, and so counts on. */
static inline bool level_page_is_held(uint64_t word)
{
	return (((union level_page_word){ .both = word }).holder & LEVEL_PAGE_HOLDER) != 0;
}

#endif
