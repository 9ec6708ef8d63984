#include "client_listing.h"

#include <errno.h>
#include <stdlib.h>

#include "logger_json.h"
#include "os/clock.h"

#define SLICE_CLIENTS 256

struct listing {
	const struct clients *clients;
	struct clients_walk walk;
};

static void add_client(const struct client_view *view, void *arg)
{
	double seconds = (double)(clock_monotonic_ms() - view->connected_ms) / 1000.0;

	json_array_append_new(arg,
			      json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:f, s:b}", "pid",
					(int)view->pid, "uid", count_json(view->uid), "app",
					text_json(view->app), "loggers", count_json(view->loggers),
					"records", count_json(view->records), "dropped",
					count_json(view->dropped), "connected_seconds", seconds,
					"ended", view->ended));
}

static json_t *listing_next(void *state, enum control_pace *pace_out)
{
	struct listing *listing = state;
	json_t *rows = json_array();
	bool more = clients_walk(listing->clients, &listing->walk, SLICE_CLIENTS, add_client, rows);

	*pace_out = more ? CONTROL_AGAIN : CONTROL_LAST;
	return json_pack("{s:o}", "clients", rows);
}

int client_listing(const struct clients *clients, struct control_stream *stream_out)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (listing == NULL)
		return -ENOMEM;
	listing->clients = clients;
	*stream_out = (struct control_stream){
		.next = listing_next,
		.end = free,
		.state = listing,
		.patience_s = CONTROL_LIST_PATIENCE_S,
	};
	return 0;
}
