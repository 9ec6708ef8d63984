/**
 * probe_turns: when the next server of a host may be probed.
 *
 * The limit on a host's refusals is one for all its ports (see server_state.h): of two probes at a
 * time one is not answered, although its port is closed too. So there is one at a time for a host,
 * and none in the second after a refusal. Hosts share entries by a hash, which costs patience
 * and never a record. Pure: time is a parameter.
 */
#ifndef LOGFWD_OUTPUT_PROBE_TURNS_H
#define LOGFWD_OUTPUT_PROBE_TURNS_H

#include "output/address.h"

#define PROBE_TURNS_HOSTS 256
/* Not less than the second of icmp_ratelimit. */
#define PROBE_TURNS_REFUSED_MS 1000

/** All 0 at the beginning: it is everybody's turn. */
struct probe_turns {
	int64_t free_ms[PROBE_TURNS_HOSTS]; /* monotonic */
};

/** When a server at address may be probed; not after now_ms: at once. */
int64_t probe_turns_next(const struct probe_turns *turns, const struct socket_address *address);
/** Nobody else at that host may be, before until_ms. */
void probe_turns_take(struct probe_turns *turns, const struct socket_address *address,
		      int64_t until_ms);

#endif
