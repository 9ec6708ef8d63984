#include "intake/level_push.h"

/* To compare a client's map and to send it takes about half of that. */
#define CLIENT_US 20
#define LATER_MS  1000

enum level_need level_need(struct client_levels told, struct client_levels now, bool thorough)
{
	if (told.version != now.version || now.floor < told.floor)
		return LEVEL_NEED_MAP;
	if (now.floor == told.floor)
		return LEVEL_NEED_NOTHING;
	return thorough ? LEVEL_NEED_MAP : LEVEL_NEED_LATER;
}

void level_push_init(struct level_push *push)
{
	*push = (struct level_push){ .later_ms = LEVEL_PUSH_NEVER };
}

int64_t level_push_due_ms(const struct level_push *push)
{
	if (push->running)
		return 0;
	if (push->changed || push->later_ms <= push->earliest_ms)
		return push->earliest_ms;
	return push->later_ms;
}

void level_push_begin(struct level_push *push, int64_t now_ms, uint64_t clients)
{
	push->running = true;
	push->changed = false;
	push->thorough = push->later_ms <= now_ms;
	if (push->thorough)
		push->later_ms = LEVEL_PUSH_NEVER;
	push->earliest_ms = now_ms + (int64_t)(clients * CLIENT_US / 1000);
}

void level_push_end(struct level_push *push, int64_t now_ms, bool left)
{
	push->running = false;
	if (left && push->later_ms == LEVEL_PUSH_NEVER)
		push->later_ms = now_ms + LATER_MS;
}
