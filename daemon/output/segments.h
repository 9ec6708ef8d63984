/**
 * segments: datagrams of one length in a row, as one message that the kernel cuts again.
 *
 * One way through the UDP stack then serves all of them (UDP_SEGMENT of <linux/udp.h>), and
 * the receiver sees the same datagrams in the same order. sendmmsg(2) takes a message as a
 * whole or not at all. Pure.
 */
#ifndef LOGFWD_OUTPUT_SEGMENTS_H
#define LOGFWD_OUTPUT_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Datagrams in one plan. */
#define SEGMENTS_BATCH 64
/*
 * Datagrams in one message. Kernels allow 64 and more, but eight save most of what there is to
 * save, and a message that is larger than a traffic shaper's burst would be cut there and might
 * be dropped in part without a word (tc-tbf(8)); a small receive buffer likes bursts no better.
 */
#define SEGMENTS_MAX 8
/* Iovecs of a datagram: header and text. */
#define SEGMENTS_PARTS 2
/* Two datagrams cost as much in one message as in two. */
#define SEGMENTS_MIN 3
/* Of a message; the most that UDP carries is 65,507, less what options of IP take. */
#define SEGMENTS_MESSAGE_BYTES 65000

/** What was made of some datagrams that follow each other. */
struct message_shape {
	size_t datagrams;     /* 1: it goes as it is */
	size_t bytes;	      /* of all of them */
	size_t segment_bytes; /* of each but the last, which may be shorter */
};

/** The control data of a message: UDP_SEGMENT. */
struct segment_control {
	_Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
};

/** Messages for sendmmsg(2), first to last. They point into the plan: it must not be moved. */
struct segments {
	size_t n_messages, n_parts, n_controls;
	struct mmsghdr messages[SEGMENTS_BATCH];
	struct message_shape shapes[SEGMENTS_BATCH]; /* of each message */
	struct iovec parts[SEGMENTS_BATCH * SEGMENTS_PARTS];
	struct segment_control controls[SEGMENTS_BATCH / SEGMENTS_MIN];
};

/**
 * Plans the messages for some datagrams. The first one always goes alone: a collector on the
 * same machine that is gone refuses it before the many behind it have been handed over.
 * datagrams: of a connected socket, without control data, of at most SEGMENTS_PARTS iovecs each;
 * what their iovecs point to is borrowed by the plan. count: 1..SEGMENTS_BATCH.
 * segment_max: bytes of a datagram that may share a message; 0: none may.
 */
void segments_plan(struct segments *plan, const struct mmsghdr *datagrams, size_t count,
		   size_t segment_max);

/** Datagrams in some of the messages of a plan; first + count <= n_messages. */
size_t segments_datagrams(const struct segments *plan, size_t first, size_t count);

#endif
