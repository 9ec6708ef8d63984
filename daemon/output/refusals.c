#include "output/refusals.h"

#include <stdbool.h>

void refusals_init(struct refusals *refusals, size_t quote_bytes)
{
	*refusals = (struct refusals){ .quote_bytes = quote_bytes };
}

void refusals_sent(struct refusals *refusals, const struct message_shape *shapes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		refusals->recent[refusals->next] = shapes[i];
		refusals->next = (refusals->next + 1) % REFUSALS_MESSAGES;
	}
}

/* A long message is quoted in part, and what is quoted at the least is not to be cut further. */
static bool is_quote_of(size_t quoted_bytes, size_t bytes, size_t quote_bytes)
{
	return quoted_bytes == bytes || (quoted_bytes >= quote_bytes && quoted_bytes < bytes);
}

size_t refusals_told(struct refusals *refusals, size_t quoted_bytes)
{
	/*
	 * The youngest first: on the same machine the error is there before sendmmsg(2) goes on to
	 * the next message, which then fails.
	 */
	for (size_t i = 1; i <= REFUSALS_MESSAGES; i++) {
		size_t at = (refusals->next + REFUSALS_MESSAGES - i) % REFUSALS_MESSAGES;
		struct message_shape *message = &refusals->recent[at];
		size_t datagrams = message->datagrams;

		if (datagrams == 0)
			continue;
		if (is_quote_of(quoted_bytes, message->bytes, refusals->quote_bytes)) {
			message->datagrams = 0;
			return datagrams;
		}
		if (quoted_bytes == message->segment_bytes)
			return 1;
	}
	return 1;
}
