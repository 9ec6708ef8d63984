/**
 * probe_turns: what the servers of one host know of each other.
 *
 * The limit on a host's refusals is one for all its ports (see server_state.h): of two probes at a
 * time one is not answered, although its port is closed too. So each has a turn of its own, in the
 * order in which they ask, and none in the second after a refusal; and what one server learns is
 * reason to doubt the others. Hosts share entries by a hash, which costs patience and never a
 * record. Pure: time is a parameter.
 */
#ifndef LOGFWD_OUTPUT_PROBE_TURNS_H
#define LOGFWD_OUTPUT_PROBE_TURNS_H

#include "output/address.h"
#include "output/server_state.h"

#define PROBE_TURNS_HOSTS      1024
#define PROBE_TURNS_MS	       SERVER_PROBE_MS	     /* how long a turn is */
#define PROBE_TURNS_REFUSED_MS SERVER_BACKOFF_MIN_MS /* behind a refusal there is none */

/** All 0 at the beginning: there was no refusal, and nobody is in doubt. Times are monotonic. */
struct probe_turn {
	int64_t open_ms;    /* nobody is probed before that */
	int64_t put_off_ms; /* by so much refusals have put off all turns that were taken */
	int64_t next;	    /* the first turn that nobody has */
	uint32_t doubts;    /* times that a server there was up and refused, */
	int64_t doubted_ms; /* the last time, */
	int64_t since_ms;   /* and since when it may have */
};

struct probe_turns {
	struct probe_turn of[PROBE_TURNS_HOSTS];
};

/** Of the host of an address; borrowed. */
const struct probe_turn *probe_turns_of(const struct probe_turns *turns,
					const struct socket_address *address);

/** Takes the next turn at a host. */
int64_t probe_turns_take(struct probe_turns *turns, const struct socket_address *address,
			 int64_t now_ms);
/** When a turn is that was taken, as long as the host does not refuse. */
int64_t probe_turn_ms(const struct probe_turn *turn, int64_t taken);

/** The host refused: all turns are put off until a second from now, and stay in their order. */
void probe_turns_refused(struct probe_turns *turns, const struct socket_address *address,
			 int64_t now_ms);

/**
 * A server there that was up refused what was handed over at since_ms (INT64_MAX: unknown): of its
 * neighbours the refusals may have been kept back, so that each has to prove itself. Returns the
 * new doubts.
 */
uint32_t probe_turns_doubt(struct probe_turns *turns, const struct socket_address *address,
			   int64_t since_ms, int64_t now_ms);

#endif
