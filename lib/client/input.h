/**
 * input: what the daemon says to a client.
 *
 * Nothing of it is trusted: what breaks the protocol (lib/wire/README.md) ends the connection.
 */
#ifndef LOGFWD_CLIENT_INPUT_H
#define LOGFWD_CLIENT_INPUT_H

#include "client/client.h"

/** Takes all packets that have arrived; may lose the connection. Puts the next look off. */
void input_read(struct logfwd_client *client);

/** True when something may have arrived that is worth a look by a call that logs. */
bool input_is_due(const struct logfwd_client *client);

/** Nothing can have arrived: looks again one interval from now. */
void input_put_off(struct logfwd_client *client);

#endif
