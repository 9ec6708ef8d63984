#include "output/probe_turns.h"

#include "output/policy.h"

static size_t entry_of(const struct socket_address *address)
{
	return policy_flow(address_host(address)) % PROBE_TURNS_HOSTS;
}

int64_t probe_turns_next(const struct probe_turns *turns, const struct socket_address *address)
{
	return turns->free_ms[entry_of(address)];
}

void probe_turns_take(struct probe_turns *turns, const struct socket_address *address,
		      int64_t until_ms)
{
	int64_t *free_ms = &turns->free_ms[entry_of(address)];

	if (*free_ms < until_ms)
		*free_ms = until_ms;
}
