/*
 * Every frame of the protocol as decode-then-encode, for tests that take frames as they come.
 */
#ifndef LOGFWD_TESTS_FRAME_CODEC_H
#define LOGFWD_TESTS_FRAME_CODEC_H

#include "wire/frame.h"

/** Does this version know the type? */
bool frame_type_is_known(uint16_t type);

/**
 * Decodes a frame of a known type and, when its body is accepted, appends the same frame as
 * the encoders write it; writer may fail for want of room only. Aborts when what was decoded
 * is out of bounds. Returns whether the body was accepted.
 */
bool frame_recode(const struct frame *frame, struct writer *writer);

#endif
