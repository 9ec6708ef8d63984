/* The accounts of an invented daemon, every number in use; both ledgers close. */
#ifndef LOGFWD_TESTS_SAMPLE_STATS_H
#define LOGFWD_TESTS_SAMPLE_STATS_H

#include <check.h>
#include <jansson.h>

static inline json_t *sample_stats(void)
{
	json_error_t error;
	json_t *stats = json_pack_ex(
		&error, 0, "{s:s, s:f, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o}",
		"version", "0.1.0", "uptime_seconds", 61.5, "balanced", 1, "records",
		json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:{s:i, s:i, s:i}}", "received", 100,
			  "accepted", 60, "filtered", 20, "rate_limited", 9, "no_handler", 5,
			  "rejected", 6, "deliveries", 90, "rejected_by", "malformed", 3,
			  "oversize", 2, "unknown_logger", 1),
		"targets",
		json_pack(
			"{s:o, s:o}", "central",
			json_pack("{s:i, s:i, s:{s:i, s:i}, s:i, s:i, s:i, s:i, s:i, s:o}",
				  "enqueued", 62, "sent", 50, "dropped", "queue_full", 4,
				  "oversize", 1, "queued", 7, "queued_bytes", 700, "refused", 3,
				  "truncated", 2, "notices", 2, "servers",
				  json_pack("{s:{s:s, s:i, s:{s:i}}, s:{s:s, s:i, s:{}}}",
					    "10.0.0.1:514", "state", "down", "sent", 20, "errors",
					    "ECONNREFUSED", 3, "[2001:db8::1]:514", "state", "up",
					    "sent", 30, "errors")),
			"audit \"new\"",
			json_pack(
				"{s:i, s:i, s:{s:i}, s:i, s:i, s:i, s:i, s:i, s:{s:{s:s, s:i, s:{}, s:i, "
				"s:i, s:{s:i}}}}",
				"enqueued", 10, "sent", 9, "dropped", "queue_full", 0, "queued", 1,
				"queued_bytes", 80, "refused", 0, "truncated", 0, "notices", 0,
				"servers", "10.0.0.2:514", "state", "unresolved", "sent", 9,
				"errors", "enqueued", 10, "queued", 1, "dropped", "queue_full", 0)),
		"loggers",
		json_pack("{s:i, s:i, s:i, s:i, s:i, s:{s:i, s:i}, s:{s:i, s:i}, s:i}", "live", 12,
			  "leased", 8, "placeholders", 2, "peak", 40, "opened", 50, "reclaimed",
			  "released", 30, "client_exit", 12, "refused_by", "limit", 2, "uid_share",
			  0, "overrides", 1),
		"recorder",
		json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "kept", 20, "sent", 8, "forgotten", 7,
			  "held", 5, "held_bytes", 640, "not_kept", 1),
		"clients",
		json_pack("{s:i, s:i, s:i, s:i}", "live", 3, "peak", 4, "connected", 6,
			  "client_dropped", 11),
		"sockets",
		json_pack("{s:i, s:i, s:i, s:i, s:i}", "open", 2, "limit", 16, "peak", 3, "opened",
			  5, "evicted", 1),
		"notices", 3, "removed",
		json_pack("{s:i, s:i, s:i, s:i}", "enqueued", 21, "sent", 15, "dropped", 6,
			  "notices", 1),
		"tails",
		json_pack("{s:i, s:i, s:{s:i, s:i}}", "live", 2, "refused", 1, "records", "shown",
			  70, "not_shown", 8));

	ck_assert_msg(stats != NULL, "%s", error.text);
	return stats;
}

#endif
