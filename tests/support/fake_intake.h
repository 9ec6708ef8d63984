/*
 * What stands behind intake in its tests: it keeps every call as one line of a journal, and
 * refuses what a test asks it to refuse.
 *
 * "open app", "level app 30", "context app k=v" or "context app -k", "record app 20 text",
 * "record - 20 text" for one without a lease, "close app", "exit app" (its client went),
 * "reject malformed", "dropped 7", "gone 2 loggers 5 records 0 sent".
 */
#ifndef LOGFWD_TESTS_FAKE_INTAKE_H
#define LOGFWD_TESTS_FAKE_INTAKE_H

#include "intake/record.h"

#define FAKE_JOURNAL_BYTES (256 * 1024)

struct fake_intake {
	char journal[FAKE_JOURNAL_BYTES + 1];
	size_t length; /* of the journal; what does not fit is left out */
	int open_result, context_result;
	bool notes_exits;    /* "gone ..." stands in the journal */
	size_t sent_of_each; /* recorded records sent for each lease of a client that is gone */
	size_t puts_off_each; /* each n-th record or end of a lease is put off to a later turn; 0: none */
	size_t asked;	      /* so many were, if any is */
	int64_t end_us;	      /* that the end of each lease takes */
	int64_t record_us;	     /* that each record takes */
	size_t forgotten_of_each;    /* the same, forgotten with each that was closed */
	struct client_levels levels; /* of every owner */
	size_t leases;		     /* open now */
	size_t records;		     /* ever */
	size_t prefetched;	     /* leases whose records were announced, ever */
	size_t flushes;
	size_t maps; /* level maps written */
	/* The last record, its spans copied into what follows. */
	struct record last;
	char last_app[256], last_logger[256];
};

void fake_intake_init(struct fake_intake *fake);
struct intake_ops fake_intake_ops(struct fake_intake *fake);

/** The journal since the last call; borrowed until the next call of any kind. */
const char *fake_intake_take(struct fake_intake *fake);

#endif
