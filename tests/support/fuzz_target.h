/* What every fuzz target defines; libFuzzer or support/fuzz_replay.c calls it. */
#ifndef LOGFWD_TESTS_FUZZ_TARGET_H
#define LOGFWD_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/** Aborts when a property does not hold for this input. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
