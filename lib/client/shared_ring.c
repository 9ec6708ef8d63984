#include "client/shared_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define RING_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)
/* The largest frame fits into half of the smallest ring but for its header. */
#define CAPACITY_MIN ((size_t)WIRE_PACKET_MAX)
#define CAPACITY_MAX ((size_t)1 << 30)

void shared_ring_init(struct shared_ring *ring)
{
	*ring = (struct shared_ring){ 0 };
	TAILQ_INIT(&ring->passed);
}

/* The capacity of the ring behind that descriptor; 0: it is none. */
static size_t capacity_of(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat status;
	size_t capacity;

	/* Without a seal against shrinking an access could raise SIGBUS; holes we leave to the daemon. */
	if (seals < 0 || (seals & RING_SEALS) != RING_SEALS || fstat(fd, &status) < 0 ||
	    status.st_size < (off_t)ring_bytes(CAPACITY_MIN) ||
	    status.st_size > (off_t)ring_bytes(CAPACITY_MAX))
		return 0;
	capacity = (size_t)status.st_size - RING_HEADER_BYTES;
	return (capacity & (capacity - 1)) == 0 ? capacity : 0;
}

bool shared_ring_attach(struct shared_ring *ring, int fd)
{
	size_t capacity = capacity_of(fd);
	size_t bytes = ring_bytes(capacity);
	uint8_t *spare;
	void *memory;

	if (capacity == 0 || ring->memory != NULL)
		return false;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return false;
	/* Taken now, when there is another way: what is in a ring must not be lost for want of it. */
	spare = malloc(capacity);
	if (spare == NULL || madvise(memory, bytes, MADV_DONTFORK) < 0) {
		free(spare);
		munmap(memory, bytes);
		return false;
	}
	ring->memory = memory;
	ring->bytes = bytes;
	ring->spare = spare;
	ring->producer = ring_producer_over(memory, capacity);
	return true;
}

void shared_ring_forget(struct shared_ring *ring)
{
	struct waiting_frame *frame;

	while ((frame = TAILQ_FIRST(&ring->passed)) != NULL) {
		TAILQ_REMOVE(&ring->passed, frame, link);
		free(frame);
	}
	free(ring->spare);
	shared_ring_init(ring);
}

void shared_ring_detach(struct shared_ring *ring)
{
	if (ring->memory != NULL)
		munmap(ring->memory, ring->bytes);
	shared_ring_forget(ring);
}

int shared_ring_put(struct shared_ring *ring, const struct iovec *iov, size_t count)
{
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		int error =
			ring_put(&ring->producer, span_of_bytes(iov[i].iov_base, iov[i].iov_len));

		length += iov[i].iov_len;
		if (error < 0) {
			ring_cancel(&ring->producer);
			ring->wanted = length;
			return error;
		}
	}
	if (ring_commit(&ring->producer))
		ring->waking_is_due = true;
	return 0;
}

/* The daemon tells of room when half of the ring is free. */
static size_t worth_a_try(const struct shared_ring *ring)
{
	size_t half = (size_t)ring->producer.capacity / 2;

	return ring->wanted > half ? ring->wanted : half;
}

bool shared_ring_has_room(struct shared_ring *ring)
{
	return ring_has_room(&ring->producer, worth_a_try(ring));
}

bool shared_ring_await_room(struct shared_ring *ring)
{
	return ring_wait_for_room(&ring->producer, worth_a_try(ring));
}

void shared_ring_keep(struct shared_ring *ring, struct waiting_frame *frame, uint64_t end)
{
	frame->end = end;
	TAILQ_INSERT_TAIL(&ring->passed, frame, link);
}

struct waiting_frame *shared_ring_take_kept(struct shared_ring *ring, uint64_t end)
{
	struct waiting_frame *frame = TAILQ_FIRST(&ring->passed);

	if (frame == NULL || frame->end > end)
		return NULL;
	TAILQ_REMOVE(&ring->passed, frame, link);
	return frame;
}

struct span shared_ring_take_back(struct shared_ring *ring, uint64_t *end_out)
{
	int64_t length = ring_take_back(&ring->producer, ring->spare);

	*end_out = ring->producer.committed;
	return length < 0 ? (struct span){ 0 } : span_of_bytes(ring->spare, (size_t)length);
}
