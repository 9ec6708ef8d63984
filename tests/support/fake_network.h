/*
 * A network, a clock and a loop that a test holds in its hand, in the place of the kernel's, of
 * libevent's and of the resolver: the output stage runs on them unchanged, as fast as it can.
 *
 * A test that links it wraps the calls that fake_network_wraps of tests/meson.build names. Places
 * are collectors, 10.0.0.0:514 and on; 10.0.0.0:515 is that of 10.0.0.1:514 by another host. Each
 * does with datagrams what the test says. One in a process; everything that is random comes from
 * fake_random().
 */
#ifndef LOGFWD_TESTS_FAKE_NETWORK_H
#define LOGFWD_TESTS_FAKE_NETWORK_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#define FAKE_PLACES 12
#define FAKE_NAMES  2 /* "c0.test" and "c1.test" */
#define FAKE_PORT   514

enum fake_place {
	FAKE_OPEN,
	FAKE_CLOSED,	 /* refuses: the error comes at once, as from the same machine */
	FAKE_CLOSED_FAR, /* refuses: the error comes when time passes, if the host's limit lets it */
	FAKE_NO_WAY,	 /* ENETUNREACH */
	FAKE_SILENT,	 /* takes all, and loses it without a word */
	FAKE_NARROW, /* a router on the way has no room for the next one: EMSGSIZE by ICMP; then open */
};

/* Out of 1024 messages, so many fail with it;. */
struct fake_troubles {
	unsigned eagain, enobufs, eintr, emsgsize, einval, enomem; /* of sendmmsg(2) */
	unsigned emfile;					   /* of socket(2) */
};

/** Told of each datagram that arrives at a place. */
typedef void fake_arrival(size_t place, const uint8_t *bytes, size_t length);

void fake_start(uint64_t seed, fake_arrival *arrival);
void fake_set_troubles(const struct fake_troubles *troubles);
void fake_set_place(size_t place, enum fake_place state);
/** How often far hosts refuse, after the first six times; 1000 at the start, as Linux does. */
void fake_set_far_interval(int64_t milliseconds);
/** A name has these addresses from now on, a bit for each place; its askers hear of it soon. */
void fake_set_name(size_t name, uint32_t places);

/** Lets time pass and runs what is due. Fails when it does not come to rest. */
void fake_run(int64_t milliseconds);
int64_t fake_now_ms(void);

/** The next of a reproducible series, below bound (> 0). */
unsigned fake_random(unsigned bound);

struct fake_counts {
	uint64_t handed;	      /* datagrams that sendmmsg(2) took */
	uint64_t handed_marked;	      /* of them, those that are sent again */
	uint64_t lost[FAKE_PLACES];   /* of those handed over to a place, that did not arrive */
	uint64_t untold[FAKE_PLACES]; /* of lost, those that no error was read for */
	uint32_t sockets;	      /* open now */
};
struct fake_counts fake_counts(void);

#endif
