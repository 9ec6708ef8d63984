#include "output/target_counts.h"

void target_counts_add(struct target_counts *sum, const struct target_counts *counts)
{
	sum->enqueued += counts->enqueued;
	sum->sent += counts->sent;
	for (size_t i = 0; i < DROP_REASONS; i++)
		sum->dropped[i] += counts->dropped[i];
	sum->queued += counts->queued;
	sum->queued_bytes += counts->queued_bytes;
	sum->refused += counts->refused;
	sum->resent += counts->resent;
	sum->resending += counts->resending;
	sum->truncated += counts->truncated;
	sum->split += counts->split;
	sum->notices += counts->notices;
}
