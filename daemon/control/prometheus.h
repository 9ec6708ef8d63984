/**
 * prometheus: the accounts as Prometheus text (exposition format 0.0.4). Pure.
 *
 * The sums close: logfwd_records_total over `result` is what was received, and
 * logfwd_deliveries_total over `result` plus logfwd_queue_records is what was enqueued.
 */
#ifndef LOGFWD_CONTROL_PROMETHEUS_H
#define LOGFWD_CONTROL_PROMETHEUS_H

#include <jansson.h>

/** Renders the object of control_ops.stats. Returns a string to free(), or NULL without memory. */
char *prometheus_render(const json_t *stats);

#endif
