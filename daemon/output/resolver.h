/**
 * resolver: names to addresses without blocking the loop (evdns: /etc/hosts, /etc/resolv.conf).
 *
 * A numeric address needs no question and no descriptor. The sockets that ask nameservers
 * exist only while a question is open, and count against the pool's bound all the same.
 * A question that fails leaves the last good address in place and is asked again.
 */
#ifndef LOGFWD_OUTPUT_RESOLVER_H
#define LOGFWD_OUTPUT_RESOLVER_H

#include "output/address.h"
#include "output/socket_pool.h"

struct resolver;

int resolver_new(struct event_base *base, struct socket_pool *pool, struct resolver **resolver_out);
void resolver_free(struct resolver *resolver);
DEFINE_CLEANUP(struct resolver *, resolver_free)

struct question;

/**
 * Told the answer: all addresses of the name, as the resolver orders them; none when there is
 * none now. Called from the loop.
 */
typedef void resolver_answer(const struct address_list *addresses, void *arg);

/**
 * Asks for a name now and again: every interval seconds, and sooner while there is no answer.
 * address: copied. question_out: ends with question_free(). Errors: -ENOMEM.
 */
int resolver_ask(struct resolver *resolver, const struct address_text *address, uint32_t interval_s,
		 resolver_answer *answer, void *arg, struct question **question_out);
void question_free(struct question *question);
void question_set_interval(struct question *question, uint32_t interval_s);
/** The last answer is in doubt: asks again now, or within two seconds of the time before. */
void question_hurry(struct question *question);

#endif
