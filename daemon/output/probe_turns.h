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

#define PROBE_TURNS_HOSTS 1024
/* How long a turn is: as long as a probe is watched. */
#define PROBE_TURNS_MS 250
/* Not less than the second of icmp_ratelimit. */
#define PROBE_TURNS_REFUSED_MS 1000

/** All 0 at the beginning: there was no refusal, and nobody is in doubt. */
struct probe_turn {
	int64_t open_ms; /* turns before that are void; monotonic */
	int64_t next_ms; /* the first that nobody has */
	/* times that a server there was up and refused, the last time, and since when it may have */
	uint32_t doubts;
	int64_t doubted_ms, since_ms;
};

struct probe_turns {
	struct probe_turn of[PROBE_TURNS_HOSTS];
};

/** Of the host of an address; borrowed. */
const struct probe_turn *probe_turns_of(const struct probe_turns *turns,
					const struct socket_address *address);

/** Takes the next turn at a host; returns when it is: now_ms or later. A refusal may make it void. */
int64_t probe_turns_take(struct probe_turns *turns, const struct socket_address *address,
			 int64_t now_ms);

/** The host refused: all turns of the next second, and those that were taken, are void. */
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
