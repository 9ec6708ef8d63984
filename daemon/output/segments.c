#include "output/segments.h"

#include <assert.h>
#include <netinet/udp.h>
#include <string.h>

static size_t datagram_bytes(const struct mmsghdr *datagram)
{
	size_t bytes = 0;

	for (size_t i = 0; i < datagram->msg_hdr.msg_iovlen; i++)
		bytes += datagram->msg_hdr.msg_iov[i].iov_len;
	return bytes;
}

/* The longest message that can begin with the first datagram. */
static struct message_shape longest_shape(const struct mmsghdr *datagrams, size_t count,
					  size_t segment_max)
{
	const size_t first = datagram_bytes(&datagrams[0]);
	const struct message_shape alone = { .datagrams = 1,
					     .bytes = first,
					     .segment_bytes = first };
	struct message_shape shape = alone;
	size_t last = first;

	if (first > segment_max)
		return alone;
	/* Only the last segment may be shorter than the others, and none may be empty. */
	while (shape.datagrams < count && shape.datagrams < SEGMENTS_MAX && last == first) {
		last = datagram_bytes(&datagrams[shape.datagrams]);
		if (last == 0 || last > first || shape.bytes + last > SEGMENTS_MESSAGE_BYTES)
			break;
		shape.datagrams++;
		shape.bytes += last;
	}
	return shape.datagrams < SEGMENTS_MIN ? alone : shape;
}

static void add_parts(struct segments *plan, const struct msghdr *datagram)
{
	assert(datagram->msg_iovlen <= SEGMENTS_PARTS);
	memcpy(&plan->parts[plan->n_parts], datagram->msg_iov,
	       datagram->msg_iovlen * sizeof(*datagram->msg_iov));
	plan->n_parts += datagram->msg_iovlen;
}

/* Control data that tells the kernel at which length to cut. */
static struct segment_control *add_control(struct segments *plan, size_t segment_bytes)
{
	struct segment_control *control = &plan->controls[plan->n_controls++];
	const struct cmsghdr header = {
		.cmsg_len = CMSG_LEN(sizeof(uint16_t)),
		.cmsg_level = SOL_UDP,
		.cmsg_type = UDP_SEGMENT,
	};
	const uint16_t value = (uint16_t)segment_bytes;

	*control = (struct segment_control){ 0 };
	memcpy(control->bytes, &header, sizeof(header));
	memcpy(control->bytes + CMSG_LEN(0), &value, sizeof(value));
	return control;
}

/* One message of all datagrams of a shape. */
static struct msghdr joined(struct segments *plan, const struct mmsghdr *datagrams,
			    const struct message_shape *shape)
{
	struct iovec *parts = &plan->parts[plan->n_parts];

	for (size_t i = 0; i < shape->datagrams; i++)
		add_parts(plan, &datagrams[i].msg_hdr);
	return (struct msghdr){
		.msg_iov = parts,
		.msg_iovlen = (size_t)(&plan->parts[plan->n_parts] - parts),
		.msg_control = add_control(plan, shape->segment_bytes),
		.msg_controllen = sizeof(struct segment_control),
	};
}

void segments_plan(struct segments *plan, const struct mmsghdr *datagrams, size_t count,
		   size_t segment_max)
{
	size_t i = 0;

	assert(count > 0 && count <= SEGMENTS_BATCH);
	plan->n_messages = 0;
	plan->n_parts = 0;
	plan->n_controls = 0;
	while (i < count) {
		struct message_shape shape =
			longest_shape(datagrams + i, i == 0 ? 1 : count - i, segment_max);

		plan->messages[plan->n_messages] = (struct mmsghdr){
			.msg_hdr = shape.datagrams == 1 ? datagrams[i].msg_hdr
							: joined(plan, datagrams + i, &shape),
		};
		plan->shapes[plan->n_messages++] = shape;
		i += shape.datagrams;
	}
}

size_t segments_datagrams(const struct segments *plan, size_t first, size_t count)
{
	size_t datagrams = 0;

	for (size_t i = first; i < first + count; i++)
		datagrams += plan->shapes[i].datagrams;
	return datagrams;
}
