/**
 * client_losses: what is said of records that clients had to give up: texts of "logfwd.clients".
 *
 * A client's library reports what it dropped while its buffer was full, once there is room again.
 * Each report is one text while they come slowly; of more than that the others are summed up once a
 * second. Time is a parameter.
 */
#ifndef LOGFWD_CLIENT_LOSSES_H
#define LOGFWD_CLIENT_LOSSES_H

#include "client_ends.h"

/** What was not told one by one. Zero-initialised: nothing. */
struct client_losses {
	struct rate_limit limit;
	uint64_t reports, records; /* records: as many as can be counted at most */
	int64_t first_us, last_us; /* of the records, microseconds since 1970, UTC */
	int64_t first_ms;	   /* monotonic */
};

/**
 * True when this report may be told by client_loss_write(); otherwise it is added to the others.
 * now_ms: monotonic.
 */
bool client_losses_admit(struct client_losses *losses, const struct client_loss *loss,
			 int64_t now_ms);

/**
 * "client lost records: pid=4711 uid=1000 user=www-data program=shop records=42; first TIME, last
 * TIME", in CLIENT_ENDS_TEXT_BYTES.
 */
void client_loss_write(const struct client_loss *loss, const struct user_names *names,
		       struct writer *writer);

/** True when others wait to be told of, and that for a second. */
bool client_losses_due(const struct client_losses *losses, int64_t now_ms);

/** "450 more reports of clients: records=9000; first TIME, last TIME"; then none. */
void client_losses_write(struct client_losses *losses, struct writer *writer);

#endif
