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
	state->unreachable = false;
}

static int64_t backoff_after(int64_t backoff_ms, int64_t max_ms)
{
	if (backoff_ms == 0)
		return SERVER_BACKOFF_MIN_MS;
	return backoff_ms > max_ms / 2 ? max_ms : backoff_ms * 2;
}

static void go_down(struct server_state *state, enum server_trouble trouble, int64_t now_ms)
{
	state->phase = SERVER_DOWN;
	state->backoff_ms =
		backoff_after(state->backoff_ms, trouble == TROUBLE_LOCAL ? SERVER_BACKOFF_LOCAL_MS
									  : SERVER_BACKOFF_MAX_MS);
	state->until_ms = now_ms + state->backoff_ms;
}

void server_state_failed(struct server_state *state, enum server_trouble trouble, int64_t now_ms)
{
	switch (state->phase) {
	case SERVER_UNRESOLVED:
	case SERVER_DOWN: /* late news of what put it down */
		return;
	case SERVER_UP:
		state->unreachable = trouble == TROUBLE_UNREACHABLE;
		if (state->unreachable) /* the kernel has tried again already */
			go_down(state, trouble, now_ms);
		else
			state->phase = SERVER_DUE;
		return;
	case SERVER_DUE:
	case SERVER_PROBING:
		state->unreachable = trouble == TROUBLE_UNREACHABLE;
		go_down(state, trouble, now_ms);
		return;
	}
}

void server_state_needed(struct server_state *state)
{
	if (state->phase != SERVER_DOWN || state->backoff_ms <= SERVER_BACKOFF_NEEDED_MS)
		return;
	state->until_ms -= state->backoff_ms - SERVER_BACKOFF_NEEDED_MS;
	state->backoff_ms = SERVER_BACKOFF_NEEDED_MS;
}

void server_state_probe_sent(struct server_state *state, int64_t now_ms)
{
	state->phase = SERVER_PROBING;
	state->until_ms =
		now_ms + (state->unreachable ? SERVER_PROBE_UNREACHABLE_MS : SERVER_PROBE_MS);
}

void server_state_tick(struct server_state *state, int64_t now_ms)
{
	if (now_ms < server_state_deadline(state))
		return;
	if (state->phase == SERVER_PROBING)
		*state = (struct server_state){ .phase = SERVER_UP };
	else
		state->phase = SERVER_DUE;
}

size_t server_state_admits(const struct server_state *state, size_t count)
{
	switch (state->phase) {
	case SERVER_UP:
		return count;
	case SERVER_DUE:
		return count > 0 ? 1 : 0;
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

const char *server_phase_name(enum server_phase phase)
{
	switch (phase) {
	case SERVER_UNRESOLVED:
		return "unresolved";
	case SERVER_UP:
		return "up";
	case SERVER_DUE:
	case SERVER_PROBING:
		return "probing";
	case SERVER_DOWN:
		return "down";
	}
	return "unknown";
}
