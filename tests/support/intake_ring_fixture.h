/*
 * A connection in intake whose peer has a ring beside its socket, for the tests of client_ring.c.
 */
#ifndef LOGFWD_TESTS_INTAKE_RING_FIXTURE_H
#define LOGFWD_TESTS_INTAKE_RING_FIXTURE_H

#include "ring/ring.h"
#include "support/intake_client_fixture.h"

/* For what waits for a look by the clock. */
#define PATIENCE_TURNS 5000

extern int ring_fd; /* the peer's */
extern void *ring_memory;
extern struct ring_producer ring;

/** A connection that was welcomed with a ring, which is not in use yet. */
void ring_setup(void);
/** The same; records wait for a later turn now and then, and what is said behind them too. */
void ring_setup_waiting(void);
void ring_teardown(void);

/** Writes a greeting that asks for a ring. */
void write_hello(void);
/** Greets so, and takes the descriptor that comes with the welcome; -1: none came. */
int ask_for_ring(void);

/** Puts what was written into the packet into the ring instead; true when it has to wake. */
bool put_in_ring(void);
/** Says FRAME_RING by the socket. */
void say_ring(void);
/** Serves until so many records have come. */
void serve_records(size_t records);
/** Switches to the ring, and runs until the daemon sleeps. */
void use_ring(void);

#endif
