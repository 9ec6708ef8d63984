#include "output/probe_turns.h"

#include "output/policy.h"

static size_t entry_of(const struct socket_address *address)
{
	return policy_flow(address_host(address)) % PROBE_TURNS_HOSTS;
}

const struct probe_turn *probe_turns_of(const struct probe_turns *turns,
					const struct socket_address *address)
{
	return &turns->of[entry_of(address)];
}

void probe_turns_take(struct probe_turns *turns, const struct socket_address *address,
		      int64_t until_ms)
{
	struct probe_turn *turn = &turns->of[entry_of(address)];

	if (turn->free_ms < until_ms)
		turn->free_ms = until_ms;
}

uint32_t probe_turns_doubt(struct probe_turns *turns, const struct socket_address *address,
			   int64_t since_ms, int64_t now_ms)
{
	struct probe_turn *turn = &turns->of[entry_of(address)];

	turn->doubted_ms = now_ms;
	turn->since_ms = since_ms;
	return ++turn->doubts;
}
