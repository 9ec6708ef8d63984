/*
 * Allocations that fail on request, for a test program that is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=slab_alloc, and
 * --wrap=mmap64 if mappings are to fail as well. Check itself may allocate in every assertion, so
 * there is none while they fail.
 */
#ifndef LOGFWD_TESTS_FAILING_MEMORY_H
#define LOGFWD_TESTS_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/** From now on the allocation after `good` more fails, and all that follow it. */
void memory_fail_after(size_t good);
/** The same, but those that follow are good again. */
void memory_fail_once_after(size_t good);
/** Ends that; returns whether one has failed. */
bool memory_heal(void);

#endif
