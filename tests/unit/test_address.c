/* Proves which texts are addresses of a collector, and that a list of addresses has none twice. */
#include "output/address.h"

#include <stdlib.h>

#include "base/span.h"
#include "support/suite.h"

static const struct {
	const char *text, *host;
	uint16_t port;
	bool numeric;
} good[] = {
	{ "127.0.0.1:514", "127.0.0.1", 514, true },
	{ "[2001:db8::1]:1", "2001:db8::1", 1, true },
	{ "[::]:65535", "::", 65535, true },
	{ "logs1.example.com:514", "logs1.example.com", 514, false },
	{ "localhost:5514", "localhost", 5514, false },
	{ "a_b-c.1x:7", "a_b-c.1x", 7, false },
};

static const char *const bad[] = {
	"",
	":514",
	"host",
	"host:",
	"host:0",
	"host:65536",
	"host:-1",
	"host: 514",
	"host:514 ",
	"host:5x4",
	"host:000514",
	"2001:db8::1:514",
	"[::1]",
	"[::1]514",
	"[::1:514",
	"[]:514",
	"[host]:514",
	"[127.0.0.1]:514",
	"1.2.3:514",
	"1.2.3.4.5:514",
	"256.1.1.1:51",
	"host name:514",
	"host..com:514",
	"host.:514",
	"-:x",
	"h\xc3\xb6:514",
	"host;rm:514",
	"[::1%lo]:514",
	"host/x:514",
};

START_TEST(address_is_taken)
{
	struct address_text address;
	struct socket_address number;
	char text[ADDRESS_TEXT_BYTES];

	ck_assert(address_parse(good[_i].text, &address));
	ck_assert_str_eq(address.host, good[_i].host);
	ck_assert_uint_eq(address.port, good[_i].port);
	ck_assert_int_eq(address.numeric, good[_i].numeric);
	ck_assert_int_eq(address_of(address.host, address.port, &number), good[_i].numeric);
	if (!good[_i].numeric)
		return;
	address_write(&number, text);
	ck_assert_str_eq(text, good[_i].text);
}
END_TEST

START_TEST(address_list_holds_each_address_once)
{
	struct address_list list = { 0 };
	struct socket_address one, other;

	ck_assert(address_of("192.0.2.1", 514, &one));
	ck_assert(address_of("2001:db8::1", 514, &other));
	for (int i = 0; i < 2; i++) {
		address_list_add(&list, &one.any, one.length);
		address_list_add(&list, &other.any, other.length);
	}
	ck_assert_uint_eq(list.n, 2);
	ck_assert_uint_eq(address_list_find(&list, &one), 0);
	ck_assert_uint_eq(address_list_find(&list, &other), 1);
	for (uint8_t i = 0; i < 2 * ADDRESSES_MAX; i++) {
		one.v4.sin_addr.s_addr = htonl(0x0a000000u + i);
		address_list_add(&list, &one.any, one.length);
	}
	ck_assert_uint_eq(list.n, ADDRESSES_MAX);
	ck_assert_uint_eq(address_list_find(&list, &one), list.n);
}
END_TEST

START_TEST(address_is_refused)
{
	struct address_text address;

	ck_assert_msg(!address_parse(bad[_i], &address), "%s was taken", bad[_i]);
}
END_TEST

START_TEST(address_of_a_long_host)
{
	char text[512];
	struct address_text address;

	for (size_t len = 1; len < 300; len++) {
		/* labels of 50 letters, so that only the whole is too long */
		for (size_t i = 0; i < len; i++)
			text[i] = i % 51 == 50 && i + 1 < len ? '.' : 'x';
		memcpy(text + len, ":514", 5);
		ck_assert_int_eq(address_parse(text, &address), len <= ADDRESS_HOST_MAX);
	}
	for (size_t len = 60; len < 70; len++) {
		memset(text, 'x', len);
		memcpy(text + len, ":514", 5);
		ck_assert_int_eq(address_parse(text, &address), len <= 63);
	}
}
END_TEST

START_TEST(loopback_is_this_host)
{
	static const struct {
		const char *host;
		bool is_loopback;
	} hosts[] = { { "127.0.0.1", true },  { "127.9.8.7", true }, { "::1", true },
		      { "128.0.0.1", false }, { "::2", false },	     { "10.0.0.127", false } };

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct socket_address address;

		ck_assert(address_of(hosts[i].host, 514, &address));
		ck_assert_int_eq(address_is_loopback(&address), hosts[i].is_loopback);
	}
}
END_TEST

START_TEST(host_of_an_address_is_without_its_port)
{
	struct socket_address first, second;

	ck_assert(address_of("192.0.2.1", 514, &first) && address_of("192.0.2.1", 515, &second));
	ck_assert(span_equal(address_host(&first), address_host(&second)));
	ck_assert(address_of("2001:db8::1", 514, &first) &&
		  address_of("2001:db8::2", 514, &second));
	ck_assert(!span_equal(address_host(&first), address_host(&second)));
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("address");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, address_is_taken, 0, ARRAY_LEN(good));
	tcase_add_test(all, address_list_holds_each_address_once);
	tcase_add_loop_test(all, address_is_refused, 0, ARRAY_LEN(bad));
	tcase_add_test(all, address_of_a_long_host);
	tcase_add_test(all, loopback_is_this_host);
	tcase_add_test(all, host_of_an_address_is_without_its_port);
	suite_add_tcase(suite, all);
	return suite;
}
