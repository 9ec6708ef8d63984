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

int64_t probe_turns_take(struct probe_turns *turns, const struct socket_address *address,
			 int64_t now_ms)
{
	struct probe_turn *turn = &turns->of[entry_of(address)];
	int64_t turn_ms = turn->next_ms > now_ms ? turn->next_ms : now_ms;

	turn->next_ms = turn_ms + PROBE_TURNS_MS;
	return turn_ms;
}

void probe_turns_refused(struct probe_turns *turns, const struct socket_address *address,
			 int64_t now_ms)
{
	struct probe_turn *turn = &turns->of[entry_of(address)];

	turn->open_ms = now_ms + PROBE_TURNS_REFUSED_MS;
	turn->next_ms = turn->open_ms;
}

uint32_t probe_turns_doubt(struct probe_turns *turns, const struct socket_address *address,
			   int64_t since_ms, int64_t now_ms)
{
	struct probe_turn *turn = &turns->of[entry_of(address)];

	turn->doubted_ms = now_ms;
	turn->since_ms = since_ms;
	return ++turn->doubts;
}
