/*
 * A connection in intake, the peer at its other end, and a journal of what it hands on, for the
 * tests of client.c and what belongs to it.
 */
#ifndef LOGFWD_TESTS_INTAKE_CLIENT_FIXTURE_H
#define LOGFWD_TESTS_INTAKE_CLIENT_FIXTURE_H

#include "intake/client.h"
#include "support/fake_intake.h"
#include "support/intake_peer.h"

#define PID 4711
#define UID 1000

extern struct fake_intake fake;
extern struct client_env env;
extern struct client *client;
extern struct peer peer;

void fixture_setup(void);
/** Ends all, and checks that nothing is held any more. */
void fixture_teardown(void);

/** Serves what is there, in turns of the loop, until nothing is left to do at once. */
void serve(void);

/** One turn, in which clients that have ended have no more time than in a short one. */
void serve_short_turn(void);
/** Greets, and forgets what was answered. */
void greet(void);

/** Writes a frame of one of the client's types that stands by itself, or one of no type. */
void write_frame_of(uint16_t type);

/** The connection has ended, and this is what the peer has heard. */
void check_ended(const char *answers);
/** It has ended because the peer broke the protocol. */
void check_violation(void);

#endif
