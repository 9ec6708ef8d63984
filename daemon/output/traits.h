/**
 * traits: what is known of a formatted datagram beside its bytes; it goes with it into the queue.
 */
#ifndef LOGFWD_OUTPUT_TRAITS_H
#define LOGFWD_OUTPUT_TRAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "format/datagram.h"

struct datagram_traits {
	int64_t sent_ms;	/* when it was handed to the kernel last, in a window; monotonic */
	uint32_t flow;		/* of its logger (policy_flow()); 0 where the target needs none */
	uint16_t mark_at;	/* where it is marked when it is sent again */
	uint8_t severity;	/* 0..7 */
	uint8_t mark_kind : 5;	/* enum format_kind: which mark */
	uint8_t of_loss : 1;	/* it tells of what its lane has lost */
	uint8_t part : 1;	/* of a record in several: they all go one way */
	uint8_t sent_again : 1; /* it was handed to the kernel before */
};

#endif
