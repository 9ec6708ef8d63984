#include "intake/client_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/shared_memory.h"

/* How often a busy client is looked after. A record waits so long at most. */
#define LOOK_US 1000
/* A look that brings less costs more than to be woken for it. */
#define BYTES_WORTH_A_LOOK 128

#define SEALS_WHEN_MADE	  (F_SEAL_SHRINK | F_SEAL_GROW)
#define SEALS_WHEN_IN_USE (F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
#define BLOCK_BYTES	  512 /* st_blocks: inode(7) */

/* Allocated in full: memory that is short is found out here, and not by a SIGBUS later. */
static int ring_memory_make(struct client_ring *ring)
{
	void *memory;

	ring->fd = shared_memory_new("logfwd-ring");
	if (ring->fd < 0)
		return ring->fd;
	if (fallocate(ring->fd, 0, 0, (off_t)CLIENT_RING_BYTES) < 0 ||
	    fcntl(ring->fd, F_ADD_SEALS, SEALS_WHEN_MADE) < 0)
		return -errno;
	memory = mmap(NULL, CLIENT_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	ring->memory = memory;
	ring->consumer = ring_consumer_over(memory, CLIENT_RING_CAPACITY);
	return 0;
}

int client_ring_init(struct client_ring *ring, struct event_base *base, event_callback_fn look,
		     void *arg)
{
	int result;

	*ring = (struct client_ring){ .fd = -1 };
	result = ring_memory_make(ring);
	if (result == 0)
		ring->look = evtimer_new(base, look, arg);
	if (result == 0 && ring->look == NULL)
		result = -ENOMEM;
	if (result < 0)
		client_ring_deinit(ring);
	return result;
}

static void close_descriptor(struct client_ring *ring)
{
	if (ring->fd >= 0)
		close(ring->fd);
	ring->fd = -1;
}

/*
 * Whoever can map memory for writing can also give pieces of it back to the system, which would be
 * allocated anew at our next look into them, or raise SIGBUS where there is nothing to be had. The
 * client has mapped it by now, so that it can be sealed against that; then no hole comes any more.
 */
bool client_ring_begin(struct client_ring *ring)
{
	struct stat status;

	if (fcntl(ring->fd, F_ADD_SEALS, SEALS_WHEN_IN_USE) < 0 || fstat(ring->fd, &status) < 0 ||
	    status.st_blocks < (blkcnt_t)(CLIENT_RING_BYTES / BLOCK_BYTES))
		return false;
	close_descriptor(ring);
	ring->in_use = true;
	return true;
}

void client_ring_deinit(struct client_ring *ring)
{
	close_descriptor(ring);
	if (ring->look != NULL)
		event_free(ring->look);
	if (ring->memory != NULL) {
		ring_resign(&ring->consumer);
		munmap(ring->memory, CLIENT_RING_BYTES);
	}
	*ring = (struct client_ring){ .fd = -1 };
}

/* Frames that may be answered. */
static bool is_question(uint16_t type)
{
	return type == FRAME_OPEN || type == FRAME_CONTEXT || type == FRAME_FLUSH;
}

/* How many of the bytes are whole frames, up to so many questions. */
static size_t whole_frames(struct span bytes, size_t questions)
{
	struct span rest = bytes;
	struct frame frame;

	while (questions > 0 && frame_take(&rest, &frame) == FRAME_TAKEN)
		questions -= is_question(frame.type);
	return bytes.len - rest.len;
}

const char *client_ring_take(struct client_ring *ring, uint8_t *to, struct ring_look look,
			     struct span *frames_out, bool *room_out)
{
	int64_t there;
	size_t whole;

	if (look.is_last)
		ring_resign(&ring->consumer);
	there = ring_peek(&ring->consumer, to, look.bytes);
	*frames_out = (struct span){ 0 };
	*room_out = false;
	if (there < 0)
		return "an index of the ring that cannot be";
	if (there == 0)
		return NULL;
	whole = whole_frames(span_of_bytes(to, (size_t)there), look.questions);
	ring->is_behind = whole < (size_t)there;
	/* What is committed ends with a frame, and the largest has room: so the first one is whole. */
	if (whole == 0)
		return "a torn frame in the ring";
	/* Taken before it is handled: what we die with is lost, and never sent twice. */
	switch (ring_consume(&ring->consumer, whole, room_out)) {
	case 0:
		*frames_out = span_of_bytes(to, whole);
		return NULL;
	case -ECANCELED: /* the client has them again, for its next connection: this one ends */
		return NULL;
	default:
		return "an index of the ring that cannot be";
	}
}

void client_ring_look_soon(struct client_ring *ring)
{
	const struct timeval now = { 0 };

	event_add(ring->look, &now);
}

bool client_ring_rest(struct client_ring *ring, size_t taken)
{
	const struct timeval pause = { .tv_usec = LOOK_US };
	uint64_t waiting = ring_waiting(&ring->consumer);
	bool was_looked_after = ring->is_looked_after;

	/* After a waking one look by the clock tells whether more comes; then each look tells. */
	ring->is_looked_after =
		waiting > 0 || taken >= BYTES_WORTH_A_LOOK || (taken > 0 && !was_looked_after);
	if (!ring->is_looked_after && ring_sleep(&ring->consumer))
		return false;
	if (ring->is_behind || waiting > CLIENT_RING_CAPACITY / 4)
		client_ring_look_soon(ring); /* else it might be full before we come */
	else
		event_add(ring->look, &pause);
	return waiting > 0;
}
