#include "output/server_state.h"

#include <errno.h>

enum send_verdict send_verdict(int error)
{
	switch (error) {
	case EINTR:
		return SEND_REPEAT;
	case EAGAIN:
		return SEND_WAIT;
	case ENOBUFS:
	case ENOMEM:
		return SEND_PAUSE;
	case ECONNREFUSED:
		return SEND_REFUSED;
	case EMSGSIZE:
		return SEND_TOO_LARGE;
	default: /* ENETUNREACH, EHOSTUNREACH, EACCES, EPERM, EINVAL, EADDRNOTAVAIL ... */
		return SEND_PATH;
	}
}

bool send_verdict_is_of_server(enum send_verdict verdict)
{
	return verdict == SEND_REFUSED || verdict == SEND_PATH;
}

void server_state_resolved(struct server_state *state)
{
	*state = (struct server_state){ .phase = SERVER_UP };
}

void server_state_moved(struct server_state *state)
{
	state->phase = SERVER_DUE;
	state->trouble = TROUBLE_LOCAL; /* nobody said anything there */
	state->probe_records = 1;
}

static int64_t backoff_after(int64_t backoff_ms, int64_t max_ms)
{
	if (backoff_ms == 0)
		return SERVER_BACKOFF_MIN_MS;
	return backoff_ms > max_ms / 2 ? max_ms : backoff_ms * 2;
}

static void go_down(struct server_state *state, int64_t now_ms)
{
	state->phase = SERVER_DOWN;
	state->backoff_ms = backoff_after(state->backoff_ms, state->trouble == TROUBLE_LOCAL
								     ? SERVER_BACKOFF_LOCAL_MS
								     : SERVER_BACKOFF_MAX_MS);
	state->since_ms = now_ms;
	state->until_ms = now_ms + state->backoff_ms;
}

void server_state_failed(struct server_state *state, enum server_trouble trouble, int64_t now_ms)
{
	bool was_up = state->phase == SERVER_UP;

	if (state->phase == SERVER_UNRESOLVED || state->phase == SERVER_DOWN)
		return; /* late news of what put it down */
	state->trouble = trouble;
	state->probe_records = 1;
	if (was_up && trouble == TROUBLE_LOCAL)
		state->phase = SERVER_DUE;
	else
		go_down(state, now_ms);
}

void server_state_needed(struct server_state *state, int64_t max_ms)
{
	int64_t latest_ms = state->since_ms + max_ms;

	if (state->phase == SERVER_DOWN && state->until_ms > latest_ms)
		state->until_ms = latest_ms;
}

void server_state_doubt(struct server_state *state)
{
	*state = (struct server_state){
		.phase = SERVER_DUE,
		.trouble = TROUBLE_REFUSED,
		.probe_records = 1,
	};
}

bool server_state_is_retrying(const struct server_state *state)
{
	return state->phase == SERVER_DUE && state->trouble == TROUBLE_REFUSED &&
	       state->probe_records == 1;
}

void server_state_postpone(struct server_state *state, int64_t now_ms, int64_t until_ms)
{
	state->phase = SERVER_DOWN;
	state->since_ms = now_ms;
	state->until_ms = until_ms;
}

void server_state_probe_sent(struct server_state *state, int64_t now_ms)
{
	state->phase = SERVER_PROBING;
	if (state->probe_records == 1)
		state->tried_since_ms = now_ms;
	state->until_ms =
		now_ms + (state->trouble == TROUBLE_UNREACHABLE ? SERVER_PROBE_UNREACHABLE_MS
								: SERVER_PROBE_MS);
}

int64_t server_state_tried_since(const struct server_state *state)
{
	if (state->phase == SERVER_PROBING ||
	    (state->phase == SERVER_DUE && state->probe_records > 1))
		return state->tried_since_ms;
	return INT64_MAX;
}

void server_state_tick(struct server_state *state, int64_t now_ms)
{
	if (now_ms < server_state_deadline(state))
		return;
	if (state->phase == SERVER_DOWN) {
		state->phase = SERVER_DUE;
	} else if (state->trouble == TROUBLE_REFUSED &&
		   state->probe_records < SERVER_PROBE_RECORDS_MAX) {
		state->phase = SERVER_DUE;
		state->probe_records *= 2;
	} else {
		*state = (struct server_state){ .phase = SERVER_UP };
	}
}

size_t server_state_admits(const struct server_state *state, size_t count)
{
	switch (state->phase) {
	case SERVER_UP:
		return count;
	case SERVER_DUE:
		return count < state->probe_records ? count : state->probe_records;
	case SERVER_UNRESOLVED:
	case SERVER_PROBING:
	case SERVER_DOWN:
		break;
	}
	return 0;
}

int64_t server_state_deadline(const struct server_state *state)
{
	if (state->phase == SERVER_PROBING || state->phase == SERVER_DOWN)
		return state->until_ms;
	return INT64_MAX;
}

const char *server_state_name(const struct server_state *state)
{
	switch (state->phase) {
	case SERVER_UNRESOLVED:
		return "unresolved";
	case SERVER_UP:
		return "up";
	case SERVER_DUE:
	case SERVER_PROBING:
		return "probing";
	case SERVER_DOWN: /* without a back-off: it is in doubt, and waits for its turn */
		return state->backoff_ms > 0 ? "down" : "probing";
	}
	return "unknown";
}
