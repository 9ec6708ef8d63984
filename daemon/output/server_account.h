/**
 * server_account: what was sent to one server, and what came of it. Pure.
 */
#ifndef LOGFWD_OUTPUT_SERVER_ACCOUNT_H
#define LOGFWD_OUTPUT_SERVER_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#define SERVER_ERRNOS_MAX 16

struct server_error_count {
	int error; /* an errno */
	uint64_t count;
};

/** Zero-initialised: nothing yet. */
struct server_account {
	uint64_t sent;	       /* records handed to the kernel for the first time */
	uint64_t resent;       /* handed over again */
	uint64_t refused;      /* of sent, those that are lost: see target_counts */
	uint64_t too_large;    /* records that its path cannot take */
	uint64_t evicted;      /* sockets that gave way to others */
	int last_error;	       /* an errno; 0: none yet */
	int64_t last_error_ms; /* when, by the monotonic clock */
	struct server_error_count errors[SERVER_ERRNOS_MAX];
	size_t n_errors;
};

/** Counts an error that a server was met with; kinds beyond SERVER_ERRNOS_MAX with the last one. */
void server_account_error(struct server_account *account, int error, int64_t now_ms);

/** The one of two that met an error last; a may be NULL. */
const struct server_account *server_account_later(const struct server_account *a,
						  const struct server_account *b);

#endif
