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

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t probe_turns_take(struct probe_turns *turns, const struct socket_address *address,
			 int64_t now_ms)
{
	struct probe_turn *turn = &turns->of[entry_of(address)];
	int64_t taken = later(turn->next, later(turn->open_ms, now_ms) - turn->put_off_ms);

	turn->next = taken + PROBE_TURNS_MS;
	return taken;
}

int64_t probe_turn_ms(const struct probe_turn *turn, int64_t taken)
{
	return taken + turn->put_off_ms;
}

void probe_turns_refused(struct probe_turns *turns, const struct socket_address *address,
			 int64_t now_ms)
{
	struct probe_turn *turn = &turns->of[entry_of(address)];
	int64_t open_ms = now_ms + PROBE_TURNS_REFUSED_MS;

	turn->put_off_ms += open_ms - later(turn->open_ms, now_ms);
	turn->open_ms = open_ms;
}

uint32_t probe_turns_doubt(struct probe_turns *turns, const struct socket_address *address,
			   int64_t since_ms, int64_t now_ms)
{
	struct probe_turn *turn = &turns->of[entry_of(address)];

	turn->doubted_ms = now_ms;
	turn->since_ms = since_ms;
	return ++turn->doubts;
}
