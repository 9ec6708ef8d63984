/*
 * A forward stage with a real tree and real sockets on the loopback, and collectors for it. One
 * at a time; a test finds it anew.
 */
#ifndef LOGFWD_TESTS_FORWARD_FIXTURE_H
#define LOGFWD_TESTS_FORWARD_FIXTURE_H

#include "forward.h"

#define FORWARD_TARGETS	 2
#define FORWARD_HANDLERS 3
#define FORWARD_LOGGERS	 3

extern struct forward *forward;
extern struct intake_ops ops; /* of forward */

/* A configuration that tests change before they take it: handlers 0 and 2 are of target 0. */
extern struct target_options targets[FORWARD_TARGETS];
extern struct handler_options handlers[FORWARD_HANDLERS];
extern struct logger_options loggers[FORWARD_LOGGERS];
extern struct config config;

/** For tcase_add_checked_fixture(); the configuration is taken as it is. */
void forward_setup(void);
void forward_teardown(void);

/** A reload that must work. */
void take_config(void);

/** Fails the test unless all three ledgers close. */
void check_ledgers(void);

/** Gives a record by name, as syslog(3) does, and checks the ledgers before and after the flush. */
void give(const char *logger, uint8_t level, struct span text);
void give_text(const char *logger, uint8_t level, const char *text);

/** Closes a target's port: what is sent there from now on is refused. */
void stop_collector(size_t target);

/** The next datagram of a target's collector, or "" when there is none. Static storage. */
const char *received(size_t target);

#endif
