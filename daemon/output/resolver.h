/**
 * resolver: names to addresses without blocking the loop (evdns: /etc/hosts, /etc/resolv.conf).
 *
 * A numeric address needs no question and no descriptor. The sockets that ask nameservers
 * exist only while a question is open, and count against the pool's bound all the same.
 * A question that fails leaves the last good address in place and is asked again.
 */
#ifndef LOGFWD_OUTPUT_RESOLVER_H
#define LOGFWD_OUTPUT_RESOLVER_H

#include <netdb.h>
#include <sys/socket.h>

#include "output/socket_pool.h"

struct resolver;

#define ADDRESS_HOST_MAX 253 /* bytes, RFC 1035 2.3.4 in text */

/** "HOST:PORT" or "[V6]:PORT" in its parts. */
struct address_text {
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port; /* 1..65535 */
	bool numeric;  /* host is an IPv4 or IPv6 literal */
};

/**
 * Reads an address: a numeric IPv4, an IPv6 in brackets, or a name of letters, digits, '-',
 * '_' and '.'; then ':' and a port. Pure. address_out is written on success only.
 */
bool address_parse(const char *text, struct address_text *address_out);

/** A numeric address as sockaddr; false when it is none. */
bool address_numeric(const struct address_text *address, struct sockaddr_storage *storage_out,
		     socklen_t *length_out);

int resolver_new(struct event_base *base, struct socket_pool *pool, struct resolver **resolver_out);
void resolver_free(struct resolver *resolver);
DEFINE_CLEANUP(struct resolver *, resolver_free)

struct question;

/** Told the answer: address is NULL when there is none now. Called from the loop. */
typedef void resolver_answer(const struct sockaddr *address, socklen_t length, void *arg);

/**
 * Asks for a name now and again: every interval seconds, and sooner while there is no answer.
 * address: copied. question_out: ends with question_free(). Errors: -ENOMEM.
 */
int resolver_ask(struct resolver *resolver, const struct address_text *address, uint32_t interval_s,
		 resolver_answer *answer, void *arg, struct question **question_out);
void question_free(struct question *question);
void question_set_interval(struct question *question, uint32_t interval_s);

#endif
