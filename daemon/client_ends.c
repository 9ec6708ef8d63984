#include "client_ends.h"

#include "format/escape.h"
#include "format/timestamp.h"

#define PROGRAM_MAX 48 /* as APP-NAME, RFC 5424 6 */

static void write_number(struct writer *writer, const char *key, uint64_t number)
{
	writer_text(writer, span_of(key));
	writer_decimal(writer, number);
}

static void write_what_it_had(struct writer *writer, uint64_t loggers, uint64_t records,
			      uint64_t sent)
{
	write_number(writer, " loggers=", loggers);
	write_number(writer, " records=", records);
	write_number(writer, " recorded=", sent);
}

bool client_ends_admit(struct client_ends *ends, const struct client_exit *exit, int64_t now_ms,
		       int64_t now_us)
{
	ends->limit.rate = CLIENT_ENDS_RATE;
	ends->limit.burst = CLIENT_ENDS_BURST;
	if (rate_limit_take(&ends->limit, now_ms))
		return true;
	if (ends->clients == 0) {
		ends->first_us = now_us;
		ends->first_ms = now_ms;
	}
	ends->last_us = now_us;
	ends->clients++;
	ends->loggers += exit->loggers;
	ends->records += exit->records;
	ends->sent += exit->sent;
	return false;
}

void client_write_identity(pid_t pid, uid_t uid, struct span app, const struct user_names *names,
			   struct writer *writer)
{
	struct span user = user_names_find(names, uid);

	write_number(writer, " pid=", (uint64_t)pid);
	write_number(writer, " uid=", uid);
	writer_text(writer, span_of(" user="));
	if (user.len > 0)
		escape_header_field(writer, user, PROGRAM_MAX);
	else
		writer_decimal(writer, uid);
	writer_text(writer, span_of(" program="));
	escape_header_field(writer, app, PROGRAM_MAX);
}

void client_end_write(const struct client_exit *exit, const struct user_names *names,
		      struct writer *writer)
{
	writer_text(writer, span_of("client gone:"));
	client_write_identity(exit->pid, exit->uid, exit->app, names, writer);
	write_what_it_had(writer, exit->loggers, exit->records, exit->sent);
}

bool client_ends_due(const struct client_ends *ends, int64_t now_ms)
{
	return ends->clients > 0 && now_ms >= ends->first_ms + CLIENT_ENDS_SUM_UP_MS;
}

void client_ends_write(struct client_ends *ends, struct writer *writer)
{
	struct timestamp_cache timestamps = { 0 };

	writer_decimal(writer, ends->clients);
	writer_text(writer,
		    span_of(ends->clients == 1 ? " more client gone:" : " more clients gone:"));
	write_what_it_had(writer, ends->loggers, ends->records, ends->sent);
	writer_text(writer, span_of("; first "));
	timestamp_write_rfc5424(&timestamps, ends->first_us, writer);
	writer_text(writer, span_of(", last "));
	timestamp_write_rfc5424(&timestamps, ends->last_us, writer);
	*ends = (struct client_ends){ .limit = ends->limit };
}
