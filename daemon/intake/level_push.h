/**
 * level_push: when clients are told of changed levels, and who is.
 *
 * Clients are told in rounds. The first change starts one at once; the next one has to wait for a
 * time that grows with the number of clients, so that whoever changes levels in a loop cannot keep
 * the daemon busy. What would make a client hold back too much is told in the next round: another
 * map, or a lower floor. A floor that has risen only costs records that are filtered here instead of
 * there, and waits about a second for others. Pure: time is a parameter.
 */
#ifndef LOGFWD_INTAKE_LEVEL_PUSH_H
#define LOGFWD_INTAKE_LEVEL_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEVEL_PUSH_NEVER INT64_MAX

/** What a client is told of levels; by it, two such can be compared. */
struct client_levels {
	uint64_t version; /* of the map's entries, which are the same for all clients */
	uint8_t floor;	  /* lowest level that a lease of another client has set */
};

enum level_need {
	LEVEL_NEED_NOTHING,
	LEVEL_NEED_LATER, /* it lets more pass than it has to */
	LEVEL_NEED_MAP,
};

/** What a client needs. thorough: what could come later comes now. */
enum level_need level_need(struct client_levels told, struct client_levels now, bool thorough);

struct level_push {
	bool running;	     /* a round is */
	bool thorough;	     /* and all is told in it */
	bool changed;	     /* since the last round began */
	int64_t earliest_ms; /* monotonic; before that no round begins */
	int64_t later_ms;    /* when what could wait is due; LEVEL_PUSH_NEVER: nothing waits */
};

void level_push_init(struct level_push *push);

/** A level has changed. */
static inline void level_push_note(struct level_push *push)
{
	push->changed = true;
}

/** When the next round is to begin, or the running one to go on (0); LEVEL_PUSH_NEVER: none is due. */
int64_t level_push_due_ms(const struct level_push *push);

/** A round begins that tells so many clients. */
void level_push_begin(struct level_push *push, int64_t now_ms, uint64_t clients);

/** All have been told. left: some need what comes later. */
void level_push_end(struct level_push *push, int64_t now_ms, bool left);

#endif
