#include "output/policy.h"

#include <assert.h>

const char *policy_name(enum target_policy policy)
{
	static const char *const names[] = {
		[POLICY_FAILOVER] = "failover",
		[POLICY_BALANCE] = "balance",
		[POLICY_STICKY] = "sticky",
		[POLICY_MIRROR] = "mirror",
	};

	return names[policy];
}

/* The finalizer of MurmurHash3: every bit of the input moves half of the output's. */
static uint32_t mix(uint32_t hash)
{
	hash ^= hash >> 16;
	hash *= UINT32_C(0x85ebca6b);
	hash ^= hash >> 13;
	hash *= UINT32_C(0xc2b2ae35);
	return hash ^ hash >> 16;
}

/* FNV-1a. Whoever chooses names that meet gains nothing but a slow collector for them. */
uint32_t policy_flow(struct span logger)
{
	uint32_t hash = UINT32_C(2166136261);

	for (size_t i = 0; i < logger.len; i++)
		hash = (hash ^ logger.ptr[i]) * UINT32_C(16777619);
	return mix(hash);
}

static size_t first_of(uint64_t ready)
{
	return (size_t)__builtin_ctzll(ready);
}

/* The next one behind the last, or else the first. */
static size_t pick_next(uint64_t ready, size_t last)
{
	uint64_t behind = last + 1 < POLICY_SERVERS_MAX ? ready & (UINT64_MAX << (last + 1)) : 0;

	return first_of(behind != 0 ? behind : ready);
}

static size_t pick_heaviest(uint64_t ready, const uint32_t *keys, uint32_t flow)
{
	size_t heaviest = first_of(ready);
	uint32_t most = mix(keys[heaviest] ^ flow);

	for (ready &= ready - 1; ready != 0; ready &= ready - 1) {
		size_t server = first_of(ready);
		uint32_t weight = mix(keys[server] ^ flow);

		if (weight > most) {
			heaviest = server;
			most = weight;
		}
	}
	return heaviest;
}

size_t policy_pick(enum target_policy policy, uint64_t ready, const uint32_t *keys, uint32_t flow,
		   size_t last)
{
	assert(ready != 0);
	switch (policy) {
	case POLICY_BALANCE:
		return pick_next(ready, last);
	case POLICY_STICKY:
		return pick_heaviest(ready, keys, flow);
	case POLICY_FAILOVER:
	case POLICY_MIRROR:
		break;
	}
	return first_of(ready);
}
