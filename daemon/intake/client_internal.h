/**
 * client_internal: what the files of a client connection share; nobody else includes it.
 *
 * client.c         its socket, its end
 * client_frames.c  what each of its frames means
 * client_welcome.c what it gets with its welcome: level page and ring
 * client_turn.c    what it says in one turn of the loop
 * client_ring.c    its ring, which knows of no client
 * client_reclaim.c its leases, given back one by one or in slices
 */
#ifndef LOGFWD_INTAKE_CLIENT_INTERNAL_H
#define LOGFWD_INTAKE_CLIENT_INTERNAL_H

#include "intake/client.h"

struct client {
	struct client *next, **link; /* of env->list: the next one, and what points to this one */
	struct client_env *env;
	uint64_t number; /* of all that ever entered the list */
	int fd;		 /* -1 once it has ended */
	pid_t pid;
	uid_t uid;
	struct event *readable;
	struct event *writable; /* while unsent, or a level map, waits for room */
	struct event *slice;	/* drives what was put off; of the first that has ended, all ends */
	TAILQ_ENTRY(client) ended; /* in env.ended, once fd is -1 */
	uint8_t *unsent; /* answers that found no room: until they go, nothing is read; or NULL */
	size_t unsent_length;
	struct put_off *put_off; /* what it said and must wait; nothing more is read; or NULL */
	bool greeted;
	bool has_left;	   /* it has closed all its leases with a FRAME_LEAVE */
	bool has_died;	   /* it is gone, and neither by its own word nor because we go */
	uint32_t features; /* FEATURE_...: agreed to */
	bool is_to_be_given; /* the next packet to it, with the welcome, carries level page and ring */
	bool reads_ring;     /* what is handled just now came by the ring */
	struct client_ring ring;
	bool map_is_due;	   /* a level map found no room */
	struct client_levels told; /* by the last level map */
	uint8_t app_length;
	uint8_t app[WIRE_APP_NAME_MAX];
	struct lease_table leases;
	struct lease *playing; /* whose recorded records are being sent, for it has died; or NULL */
	uint64_t played;       /* cursor of lease_table_next(): behind playing */
	uint64_t records, dropped;
	uint64_t reclaimed; /* leases that it had not closed, so far */
	uint64_t sent;	    /* recorded records of theirs, sent for that */
	int64_t connected_ms;
};

/* client.c */

/* The longest answer to one frame, but for the level map, which only follows a hello. */
#define CLIENT_ANSWER_MAX 512

/** Sends what was written into the reply buffer and empties it; false without room. */
bool client_send(struct client *client, struct writer *reply);

/** Writes the levels of the moment, which it then has been told. */
void client_write_level_map(struct client *client, struct writer *reply);

/**
 * Sends the answers of a turn. A client that is busy asking may read them later, and is not
 * listened to until then: what it says waits at its side. False without memory.
 */
bool client_answer(struct client *client, struct writer *reply);

/** Sends what client_answer() had to keep and listens again; false when there is still no room. */
bool client_catch_up(struct client *client);

/** In the next turn, what was put off is gone on with, or its leases are given back after its end. */
void client_slice_soon(struct client *client);

/** Reads from its socket, unless something that it said before, or was asked, must be done first. */
void client_watch(struct client *client);

/** Ends a connection that broke the protocol, and says why. */
void client_violation(struct client *client, const char *reason);

/* client_frames.c */

/**
 * Handles a packet's frames and takes them off its beginning. Returns NULL when all is well, or
 * what the client did wrong. If something is left and all is well, it must wait for a later turn.
 */
const char *client_take_packet(struct client *client, struct span *packet, struct writer *reply);

/* client_welcome.c */

/** Makes its ring, at its user's cost. False: it is served by socket, and nothing is said of it. */
bool client_make_ring(struct client *client);
void client_drop_ring(struct client *client);

/** Sends the packet with the welcome, and the descriptors that it speaks of. Returns 0 or -errno. */
int client_send_welcome(struct client *client, const void *bytes, size_t length);

/* client_reclaim.c */

/** Ends a lease that is in no table. Returns how many of its recorded records were forgotten. */
size_t client_give_back(struct client *client, struct lease *lease, bool client_exit);

/** Gives back a slice of its leases and ends the turn; true when none is left. */
bool client_reclaim(struct client *client);

/** Tells who listens that a client is gone, if it died with open loggers; all is given back. */
void client_tell_exit(const struct client *client);

#endif
