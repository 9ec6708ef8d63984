/**
 * client_ring: the ring of a client, from its making to its end.
 *
 * lib/wire/README.md, section 4.2. We make the memory, allocate all of it and seal it, once more
 * when the client has mapped it, so that no access to it fails whatever the client does; what it
 * holds is charged to the user. While records come fast we look into the ring by the clock, and the
 * client needs no system call; when they do not, we sleep and are woken through the socket.
 */
#ifndef LOGFWD_INTAKE_CLIENT_RING_H
#define LOGFWD_INTAKE_CLIENT_RING_H

#include <event2/event.h>

#include "ring/ring.h"
#include "wire/frame.h"

/* Of every ring: all of it fits a turn, and the largest frame fits half of it. */
#define CLIENT_RING_CAPACITY ((size_t)256 * 1024)
#define CLIENT_RING_BYTES    (RING_HEADER_BYTES + CLIENT_RING_CAPACITY)

struct client_ring {
	void *memory; /* NULL: there is none */
	int fd;	      /* until it is in use; then -1 */
	struct ring_consumer consumer;
	struct event *look;   /* timer: look into it again */
	bool in_use;	      /* the client has said so: its frames come this way */
	bool is_looked_after; /* by the clock; else we sleep, or have more at once */
	bool is_behind;	      /* more was there than the last look took */
};

/** How much one look takes. */
struct ring_look {
	size_t bytes;	  /* at least WIRE_PACKET_MAX */
	size_t questions; /* frames that may be answered; at least 1 */
	bool is_last;	  /* who commits later has to find out that nobody looks */
};

/**
 * Makes a ring and the timer that calls look. Errors: -errno; then there is none, as in a ring of
 * zeros.
 */
int client_ring_init(struct client_ring *ring, struct event_base *base, event_callback_fn look,
		     void *arg);
void client_ring_deinit(struct client_ring *ring);

/**
 * The client has it mapped, and its frames come this way from now on. False when the client has
 * done to the memory what would make it unsafe to use.
 */
bool client_ring_begin(struct client_ring *ring);

/**
 * Copies frames, whole ones only, into room for look.bytes, and takes them from the ring. Returns NULL, or what is wrong with it. frames_out: in that room; empty when there
 * are none. room_out: the client has to be told that there is room.
 */
const char *client_ring_take(struct client_ring *ring, uint8_t *to, struct ring_look look,
			     struct span *frames_out, bool *room_out);

/**
 * After a turn that took so many bytes: looks again by the clock, or sleeps. Returns true when
 * there is more already.
 */
bool client_ring_rest(struct client_ring *ring, size_t taken);

/** Looks again in the next turn of the loop. */
void client_ring_look_soon(struct client_ring *ring);

#endif
