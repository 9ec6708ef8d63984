/**
 * siphash: a keyed hash, so that nobody who chooses the input can aim at one bucket.
 *
 * SipHash-1-3 (one round a block, three at the end), as CPython uses it for its own tables.
 * Pure.
 */
#ifndef LOGFWD_ROUTE_SIPHASH_H
#define LOGFWD_ROUTE_SIPHASH_H

#include "base/span.h"

#define SIPHASH_KEY_BYTES 16

uint64_t siphash13(const uint8_t key[static SIPHASH_KEY_BYTES], struct span bytes);

#endif
