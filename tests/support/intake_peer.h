/*
 * The other end of a client connection, for tests of intake: says packets and reads answers
 * as text.
 */
#ifndef LOGFWD_TESTS_INTAKE_PEER_H
#define LOGFWD_TESTS_INTAKE_PEER_H

#include "wire/frame.h"

struct peer {
	int fd;
	struct writer packet; /* what is said next: frame_write_...(&peer.packet, ...) */
	uint8_t bytes[2 * WIRE_PACKET_MAX];
};

/** Takes fd, which is made non-blocking. */
void peer_init(struct peer *peer, int fd);
void peer_close(struct peer *peer);

/** Sends what was written as one packet; false when there is no room. Empties the packet. */
bool peer_send(struct peer *peer);
/** The same, and fails the test when there is no room. */
void peer_say(struct peer *peer);

/** Writes the first frame of every connection. */
void peer_hello(struct peer *peer, const char *app_name);
void peer_open(struct peer *peer, uint32_t id, const char *name);
void peer_record(struct peer *peer, uint32_t id, const char *text);
void peer_flush(struct peer *peer, uint32_t token);

/**
 * All that was answered so far, a line each: "welcome" or "welcome 4" (with features), "map", "flushed 7", "error 2 5" (code
 * and logger), "bye 5 reason", "room"; "end" when the connection is closed. Static storage.
 */
const char *peer_heard(struct peer *peer);

#endif
