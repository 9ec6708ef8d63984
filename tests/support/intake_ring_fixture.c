#include "support/intake_ring_fixture.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include "support/suite.h"

int ring_fd;
void *ring_memory;
struct ring_producer ring;

void write_hello(void)
{
	frame_write_hello(&peer.packet,
			  &(struct frame_hello){ .version = WIRE_VERSION,
						 .features = FEATURE_RING | FEATURE_LEAVE,
						 .app_name = span_of("shop") });
}

int ask_for_ring(void)
{
	static uint8_t packet[WIRE_PACKET_MAX];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = { packet, sizeof(packet) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	write_hello();
	peer_say(&peer);
	serve();
	ck_assert_int_gt(recvmsg(peer.fd, &message, MSG_CMSG_CLOEXEC), 0);
	if (CMSG_FIRSTHDR(&message) != NULL) {
		ck_assert_uint_eq(CMSG_FIRSTHDR(&message)->cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	}
	fake_intake_take(&fake);
	return fd;
}

void ring_setup(void)
{
	fixture_setup();
	ring_fd = ask_for_ring();
	ck_assert_int_ge(ring_fd, 0);
	ring_memory = mmap(NULL, CLIENT_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
	ck_assert_ptr_ne(ring_memory, MAP_FAILED);
	ring = ring_producer_over(ring_memory, CLIENT_RING_CAPACITY);
}

void ring_setup_waiting(void)
{
	ring_setup();
	fake.puts_off_each = 3;
}

void ring_teardown(void)
{
	fixture_teardown();
	munmap(ring_memory, CLIENT_RING_BYTES);
	close(ring_fd);
}

bool put_in_ring(void)
{
	struct span frames = span_of_bytes(peer.bytes, peer.packet.len);

	ck_assert(!peer.packet.failed);
	ck_assert_int_eq(ring_put(&ring, frames), 0);
	peer.packet = writer_over(peer.bytes, sizeof(peer.bytes));
	return ring_commit(&ring);
}

void say_ring(void)
{
	frame_write_ring(&peer.packet, FRAME_RING);
	peer_say(&peer);
}

void serve_records(size_t records)
{
	for (int i = 0; i < PATIENCE_TURNS && fake.records < records; i++)
		event_base_loop(env.base, EVLOOP_ONCE);
	ck_assert_uint_eq(fake.records, records);
}

void use_ring(void)
{
	say_ring();
	serve();
	for (int i = 0; i < PATIENCE_TURNS && ring.header->consumer_sleeps == 0; i++)
		event_base_loop(env.base, EVLOOP_ONCE);
	ck_assert_uint_eq(ring.header->consumer_sleeps, 1);
}
