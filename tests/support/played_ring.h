/**
 * played_ring: the daemon's end of a ring, for a test that plays the daemon.
 */
#ifndef LOGFWD_TESTS_PLAYED_RING_H
#define LOGFWD_TESTS_PLAYED_RING_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring/ring.h"
#include "wire/frame.h"

#define PLAYED_RING_CAPACITY ((size_t)WIRE_PACKET_MAX) /* the smallest that can be */
#define PLAYED_RING_SEALS    (F_SEAL_SHRINK | F_SEAL_GROW)

struct played_ring {
	int fd;
	void *memory;
	struct ring_header *header;
	struct ring_consumer consumer;
	uint8_t frame[WIRE_PACKET_MAX]; /* the last that was taken */
};

/** Makes the memory of a ring, of any size, with any seals. */
static inline void played_ring_make(struct played_ring *ring, size_t bytes, int seals)
{
	ring->fd = memfd_create("played", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_ge(ring->fd, 0);
	ck_assert_int_eq(ftruncate(ring->fd, (off_t)bytes), 0);
	ring->memory = mmap(NULL, ring_bytes(PLAYED_RING_CAPACITY), PROT_READ | PROT_WRITE,
			    MAP_SHARED, ring->fd, 0);
	ck_assert_ptr_ne(ring->memory, MAP_FAILED);
	ck_assert_int_eq(fcntl(ring->fd, F_ADD_SEALS, seals), 0);
	ring->header = ring->memory;
	if (bytes >= RING_HEADER_BYTES)
		ring->consumer = ring_consumer_over(ring->memory, PLAYED_RING_CAPACITY);
}

static inline void played_ring_unmake(struct played_ring *ring)
{
	munmap(ring->memory, ring_bytes(PLAYED_RING_CAPACITY));
	close(ring->fd);
}

/** Takes the oldest frame, borrowed until the next; false when there is none. */
static inline bool played_ring_take(struct played_ring *ring, struct frame *frame_out)
{
	int64_t there = ring_peek(&ring->consumer, ring->frame, sizeof(ring->frame));
	struct span bytes = span_of_bytes(ring->frame, (size_t)there);
	bool tell;

	ck_assert_int_ge(there, 0);
	if (there == 0)
		return false;
	ck_assert_int_eq(frame_take(&bytes, frame_out), FRAME_TAKEN);
	return ring_consume(&ring->consumer, (size_t)there - bytes.len, &tell) == 0;
}

#endif
