/**
 * shared_ring: the ring of a client, from the descriptor that the daemon sent to its end.
 *
 * lib/wire/README.md, section 4.2. What is in the ring is the client's as long as the daemon has not
 * consumed it. Of records the ring itself is all that is needed to send them to another daemon; of
 * frames that open, change or close loggers a copy is kept beside it (passed), by which the library
 * knows what the daemon knows. Nothing here makes a system call while frames pass.
 */
#ifndef LOGFWD_CLIENT_SHARED_RING_H
#define LOGFWD_CLIENT_SHARED_RING_H

#include "client/stream.h"
#include "ring/ring.h"

struct shared_ring {
	void *memory;	/* NULL: there is none */
	size_t bytes;	/* of memory */
	uint8_t *spare; /* capacity bytes, untouched until something is taken back */
	struct ring_producer producer;
	bool in_use;	    /* the daemon was told: every frame goes this way */
	bool waking_is_due; /* it sleeps, and was not told yet that there is something to read */
	size_t wanted;	    /* bytes that found no room last */
	struct waiting_frames
		passed; /* not consumed, as far as is known; in order, at their ends */
};

void shared_ring_init(struct shared_ring *ring);

/**
 * Maps the ring, if fd is one, of a size that can be and sealed, and there is memory; no child will
 * have it. Returns whether it did. fd: borrowed; the ring does not need it to stay open.
 */
bool shared_ring_attach(struct shared_ring *ring, int fd);

/** Lets go of it; the daemon, if it lives, has what is in it. The frames of passed are freed. */
void shared_ring_detach(struct shared_ring *ring);

/** In a child process, which has the memory no more: as if there had never been a ring. */
void shared_ring_forget(struct shared_ring *ring);

/**
 * Puts frames, all or none. Returns 0; -EAGAIN: no room; -EPROTO: the daemon has written what cannot
 * be. Sets waking_is_due where it has to be.
 */
int shared_ring_put(struct shared_ring *ring, const struct iovec *iov, size_t count);

/** True when what found no room last would find it, and so much beside that it is worth a try. */
bool shared_ring_has_room(struct shared_ring *ring);

/** Has the daemon say when there is room; false when there is. */
bool shared_ring_await_room(struct shared_ring *ring);

/** Keeps a frame that was just put, at its end; end: the number of the byte behind it. Takes it. */
void shared_ring_keep(struct shared_ring *ring, struct waiting_frame *frame, uint64_t end);

/** Takes out the first kept frame whose end is not behind that byte; NULL: there is none. */
struct waiting_frame *shared_ring_take_kept(struct shared_ring *ring, uint64_t end);

/**
 * Takes back all that the daemon has not consumed, and cannot consume any more: whole frames, unless
 * it has written into them. Borrowed until the ring is let go of. end_out: the number of the byte
 * behind it.
 */
struct span shared_ring_take_back(struct shared_ring *ring, uint64_t *end_out);

#endif
