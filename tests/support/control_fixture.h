/*
 * A control server on a socket in a folder of its own, with operations that only remember, and
 * clients for it. One at a time; a test finds it anew.
 */
#ifndef LOGFWD_TESTS_CONTROL_FIXTURE_H
#define LOGFWD_TESTS_CONTROL_FIXTURE_H

#include <sys/un.h>
#include <time.h>

#include "base/span.h"
#include "support/fake_control_ops.h"

#define OPERATORS      4711 /* group of the socket file */
#define STATS_REQUEST  "{\"verb\":\"stats\"}\n"
#define RELOAD_REQUEST "{\"verb\":\"reload\"}\n"
#define DEADLINE_S     5

extern struct fake_ops fake;
extern struct event_base *base; /* a timer lets each EVLOOP_ONCE return soon */
extern struct control_server *server;
extern struct sockaddr_un address;

/** Fixtures of a test case. */
void control_setup(void);
void control_teardown(void);

/** Runs the loop so many times. */
void turn(size_t times);
/** Of a clock that never jumps. */
time_t seconds(void);

/** A connection to the server. */
int dial(void);
void say(int fd, const void *bytes, size_t length);
/** Runs the loop until the connection ends; keeps the first bytes. Returns how many came. */
size_t hear(int fd, char *buffer, size_t cap, time_t patience_s);
/** The reply to what was said, which must be one line; owned. NULL when there was none. Closes fd. */
json_t *reply_on(int fd);
/** Takes a reply: "" for ok, else the code of the error, "closed" without a reply. */
const char *outcome(json_t *reply);
/** The outcome of one request. */
const char *ask(const char *request);

#endif
