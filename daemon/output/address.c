#include "output/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool port_parse(const char *text, uint16_t *port_out)
{
	unsigned value = 0;

	if (*text == '\0' || strlen(text) > 5)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
	}
	if (value < 1 || value > UINT16_MAX)
		return false;
	*port_out = (uint16_t)value;
	return true;
}

static bool host_is_name(const char *host)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t label = 0;

	if (strspn(host, letters) != strlen(host) || strspn(host, "0123456789.") == strlen(host))
		return false; /* digits and dots alone are a mistyped address, not a name */
	for (; *host != '\0'; host++) {
		label = *host == '.' ? 0 : label + 1;
		if (label > 63 || (*host == '.' && (host[1] == '.' || host[1] == '\0')))
			return false;
	}
	return true;
}

struct span address_host(const struct socket_address *address)
{
	if (address->any.sa_family == AF_INET6)
		return span_of_bytes(&address->v6.sin6_addr, sizeof(address->v6.sin6_addr));
	return span_of_bytes(&address->v4.sin_addr, sizeof(address->v4.sin_addr));
}

bool address_is_loopback(const struct socket_address *address)
{
	if (address->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
	return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool address_parse(const char *text, struct address_text *address_out)
{
	struct address_text address = { 0 };
	bool bracketed = text[0] == '[';
	const char *host = bracketed ? text + 1 : text;
	const char *end = bracketed ? strchr(host, ']') : strchr(host, ':');
	struct in_addr v4;
	struct in6_addr v6;
	size_t length;

	if (end == NULL || end == host)
		return false;
	length = (size_t)(end - host);
	if (length > ADDRESS_HOST_MAX)
		return false;
	memcpy(address.host, host, length);
	end += bracketed ? 1 : 0;
	if (*end != ':' || !port_parse(end + 1, &address.port))
		return false;
	if (bracketed)
		address.numeric = inet_pton(AF_INET6, address.host, &v6) == 1;
	else
		address.numeric = inet_pton(AF_INET, address.host, &v4) == 1;
	if (!address.numeric && (bracketed || !host_is_name(address.host)))
		return false;
	*address_out = address;
	return true;
}

bool address_of(const char *host, uint16_t port, struct socket_address *address_out)
{
	struct socket_address v4 = { .length = sizeof(v4.v4) };
	struct socket_address v6 = { .length = sizeof(v6.v6) };

	v4.v4.sin_family = AF_INET;
	v4.v4.sin_port = htons(port);
	v6.v6.sin6_family = AF_INET6;
	v6.v6.sin6_port = htons(port);
	if (inet_pton(AF_INET, host, &v4.v4.sin_addr) == 1) {
		*address_out = v4;
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6.v6.sin6_addr) == 1) {
		*address_out = v6;
		return true;
	}
	return false;
}

bool address_equal(const struct socket_address *a, const struct socket_address *b)
{
	return a->length == b->length && memcmp(&a->any, &b->any, a->length) == 0;
}

void address_list_add(struct address_list *list, const struct sockaddr *address, socklen_t length)
{
	struct socket_address *added = &list->addresses[list->n];

	if (list->n == ADDRESSES_MAX || length > sizeof(added->v6))
		return;
	*added = (struct socket_address){ .length = length };
	memcpy(&added->any, address, length);
	if (address_list_find(list, added) == list->n)
		list->n++;
}

size_t address_list_find(const struct address_list *list, const struct socket_address *address)
{
	size_t i = 0;

	while (i < list->n && !address_equal(&list->addresses[i], address))
		i++;
	return i;
}

void address_write(const struct socket_address *address, char text_out[static ADDRESS_TEXT_BYTES])
{
	char host[INET6_ADDRSTRLEN] = "";

	if (address->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
		snprintf(text_out, ADDRESS_TEXT_BYTES, "[%s]:%u", host,
			 ntohs(address->v6.sin6_port));
	} else {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
		snprintf(text_out, ADDRESS_TEXT_BYTES, "%s:%u", host, ntohs(address->v4.sin_port));
	}
}
