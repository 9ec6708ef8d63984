/* Proves that the keyed hash is SipHash-1-3. */
#include "route/siphash.h"

#include "support/suite.h"

/* Inputs are the bytes 0, 1, 2, ... Values without key: CPython's hash() under PYTHONHASHSEED=0. */
static const struct {
	bool keyed; /* the key is the bytes 0, 1, ... 15 */
	size_t length;
	uint64_t hash;
} cases[] = {
	{ false, 0, UINT64_C(0xd1fba762150c532c) }, { false, 1, UINT64_C(0x68a914128e01e473) },
	{ false, 7, UINT64_C(0x2f098ab0c751325a) }, { false, 8, UINT64_C(0xead411e67ebe2eea) },
	{ false, 9, UINT64_C(0x75927f9d95124362) }, { false, 63, UINT64_C(0x385d3e39e5f37359) },
	{ true, 0, UINT64_C(0xabac0158050fc4dc) },  { true, 1, UINT64_C(0xc9f49bf37d57ca93) },
};

START_TEST(siphash_is_siphash_1_3)
{
	uint8_t key[SIPHASH_KEY_BYTES] = { 0 };
	uint8_t input[64];

	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	if (cases[_i].keyed)
		memcpy(key, input, sizeof(key));
	ck_assert_uint_eq(siphash13(key, span_of_bytes(input, cases[_i].length)), cases[_i].hash);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("siphash");
	TCase *vectors = tcase_create("vectors");

	tcase_add_loop_test(vectors, siphash_is_siphash_1_3, 0, ARRAY_LEN(cases));
	suite_add_tcase(suite, vectors);
	return suite;
}
