#include "route/siphash.h"

struct sip_state {
	uint64_t v0, v1, v2, v3;
};

/* At most eight bytes, little-endian. */
static uint64_t load(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	for (size_t i = count; i > 0; i--)
		value = value << 8 | bytes[i - 1];
	return value;
}

static uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void sip_round(struct sip_state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static void sip_block(struct sip_state *s, uint64_t block)
{
	s->v3 ^= block;
	sip_round(s);
	s->v0 ^= block;
}

uint64_t siphash13(const uint8_t key[static SIPHASH_KEY_BYTES], struct span bytes)
{
	uint64_t k0 = load(key, 8);
	uint64_t k1 = load(key + 8, 8);
	uint64_t last = (uint64_t)bytes.len << 56;
	struct sip_state s = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};

	for (; bytes.len >= 8; bytes = span_drop(bytes, 8))
		sip_block(&s, load(bytes.ptr, 8));
	sip_block(&s, last | load(bytes.ptr, bytes.len));
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
