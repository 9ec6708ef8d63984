/**
 * departures: what becomes of frames that wait, and what the daemon knows of loggers by them.
 *
 * A frame waits in the stream, or in the ring until the daemon has consumed it; then it has left.
 * What has left the daemon knows, and its successor is told at registration; what waits is sent to
 * the successor after that. A closed logger lives until its last frame has left, so that its id
 * means nobody else meanwhile. All under the client's lock. No I/O.
 */
#ifndef LOGFWD_CLIENT_DEPARTURES_H
#define LOGFWD_CLIENT_DEPARTURES_H

#include "client/client.h"

/** The frame is about to wait. */
void departure_begins(const struct outgoing *frame);

/** The frame has left, or is given up; takes and frees it, and its logger if that is done. */
void departure_ends(struct waiting_frame *frame);

/** The frame is given up; what it says is counted as lost. Takes it. */
void departure_fails(struct logfwd_client *client, struct waiting_frame *frame);

/** Ends the departures of all frames that the daemon has consumed. */
void departures_look(struct logfwd_client *client);

/**
 * Takes back what the daemon has not consumed, to the front of the stream, and lets go of the ring.
 * For the end of a connection.
 */
void departures_take_back(struct logfwd_client *client);

#endif
