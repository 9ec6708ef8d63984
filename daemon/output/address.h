/**
 * address: where a collector is: as it is written, and as the kernel takes it. Pure.
 */
#ifndef LOGFWD_OUTPUT_ADDRESS_H
#define LOGFWD_OUTPUT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/span.h"

#define ADDRESS_HOST_MAX 253 /* bytes, RFC 1035 2.3.4 in text */

/** "HOST:PORT" or "[V6]:PORT" in its parts. */
struct address_text {
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port; /* 1..65535 */
	bool numeric;  /* host is an IPv4 or IPv6 literal */
};

/**
 * Reads an address: a numeric IPv4, an IPv6 in brackets, or a name of letters, digits, '-',
 * '_' and '.'; then ':' and a port. address_out is written on success only.
 */
bool address_parse(const char *text, struct address_text *address_out);

/** For connect(2) and bind(2). */
struct socket_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t length; /* 0: none */
};

/** A numeric host, without brackets, with a port; false when it is none. */
bool address_of(const char *host, uint16_t port, struct socket_address *address_out);
/** The bytes of the host, without the port; of the family that address has. */
struct span address_host(const struct socket_address *address);
/** 127.0.0.0/8 or ::1 */
bool address_is_loopback(const struct socket_address *address);
bool address_equal(const struct socket_address *a, const struct socket_address *b);

#define ADDRESS_TEXT_BYTES 56
/** "192.0.2.1:514", "[2001:db8::1]:514" */
void address_write(const struct socket_address *address, char text_out[static ADDRESS_TEXT_BYTES]);

#define ADDRESSES_MAX 16 /* of one name; further ones are left out */

struct address_list {
	struct socket_address addresses[ADDRESSES_MAX];
	size_t n;
};

/** Adds one that is not there yet, if there is room and it is IPv4 or IPv6. */
void address_list_add(struct address_list *list, const struct sockaddr *address, socklen_t length);
/** Its place, or n when it is none of them. */
size_t address_list_find(const struct address_list *list, const struct socket_address *address);

#endif
