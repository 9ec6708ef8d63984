#include "client_losses.h"

#include "format/timestamp.h"

bool client_losses_admit(struct client_losses *losses, const struct client_loss *loss,
			 int64_t now_ms)
{
	const struct frame_dropped *dropped = &loss->dropped;

	losses->limit.rate = CLIENT_ENDS_RATE;
	losses->limit.burst = CLIENT_ENDS_BURST;
	if (rate_limit_take(&losses->limit, now_ms))
		return true;
	if (losses->reports == 0) {
		losses->first_ms = now_ms;
		losses->first_us = dropped->first_us;
		losses->last_us = dropped->last_us;
	}
	losses->reports++;
	if (__builtin_add_overflow(losses->records, dropped->records, &losses->records))
		losses->records = UINT64_MAX; /* what a client claims is what it likes */
	if (dropped->first_us < losses->first_us)
		losses->first_us = dropped->first_us;
	if (dropped->last_us > losses->last_us)
		losses->last_us = dropped->last_us;
	return false;
}

static void write_what_was_lost(struct writer *writer, uint64_t records, int64_t first_us,
				int64_t last_us)
{
	struct timestamp_cache timestamps = { 0 };

	writer_text(writer, span_of(" records="));
	writer_decimal(writer, records);
	writer_text(writer, span_of("; first "));
	timestamp_write_rfc5424(&timestamps, first_us, writer);
	writer_text(writer, span_of(", last "));
	timestamp_write_rfc5424(&timestamps, last_us, writer);
}

void client_loss_write(const struct client_loss *loss, const struct user_names *names,
		       struct writer *writer)
{
	writer_text(writer, span_of("client lost records:"));
	client_write_identity(loss->pid, loss->uid, loss->app, names, writer);
	write_what_was_lost(writer, loss->dropped.records, loss->dropped.first_us,
			    loss->dropped.last_us);
}

bool client_losses_due(const struct client_losses *losses, int64_t now_ms)
{
	return losses->reports > 0 && now_ms >= losses->first_ms + CLIENT_ENDS_SUM_UP_MS;
}

void client_losses_write(struct client_losses *losses, struct writer *writer)
{
	writer_decimal(writer, losses->reports);
	writer_text(writer, span_of(losses->reports == 1 ? " more report of clients:"
							 : " more reports of clients:"));
	write_what_was_lost(writer, losses->records, losses->first_us, losses->last_us);
	*losses = (struct client_losses){ .limit = losses->limit };
}
