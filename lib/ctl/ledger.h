/**
 * ledger: recomputes the accounts' equations from their numbers. Pure.
 *
 * What the daemon says of its own balance is not looked at.
 */
#ifndef LOGFWD_CTL_LEDGER_H
#define LOGFWD_CTL_LEDGER_H

#include <jansson.h>
#include <stdbool.h>

/**
 * Checks every equation that the accounts must fulfil:
 *   records:        received = accepted + filtered + rate_limited + no_handler + rejected
 *   rejected:       rejected = the sum of rejected_by
 *   each target:    enqueued = sent + dropped (all reasons) + queued
 *   removed:        enqueued = sent + dropped, of targets that a reload took away
 *   deliveries:     the targets' and the removed enqueued = records.deliveries + notices
 *   recorder:       kept = sent + forgotten + held
 *   notices:        notices = the targets' and the removed notices
 * stats: the object of the verb `stats`.
 * Returns an array of {"ledger":"target central","left":"enqueued","right":"sent + dropped +
 * queued","left_sum":1,"right_sum":2,"closes":false}, owned by the caller, or NULL without
 * memory. A number that is missing, negative or no integer has "fault" beside it, which says
 * which one it is, and does not close.
 */
json_t *ledger_check(const json_t *stats);

/** True when every equation of ledger_check() closes. */
bool ledger_closes(const json_t *equations);

#endif
