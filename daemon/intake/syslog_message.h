/**
 * syslog_message: what local programs write to /dev/log: RFC 5424, RFC 3164, and what
 * glibc's syslog(3), util-linux logger(1) and Python's SysLogHandler make of it.
 *
 * Whatever the bytes, it is a record: what does not parse is text. Nothing in it is believed
 * beyond its own text, tag and severity: time and pid come from elsewhere. Pure.
 */
#ifndef LOGFWD_INTAKE_SYSLOG_MESSAGE_H
#define LOGFWD_INTAKE_SYSLOG_MESSAGE_H

#include "base/writer.h"
#include "wire/context.h"
#include "wire/logger_name.h"

#define SYSLOG_TAG_MAX 48 /* bytes, as APP-NAME of RFC 5424 6 */

struct syslog_message {
	uint8_t level; /* of the severity; notice (user.notice, RFC 3164 4.3.3) without a PRI */
	struct span
		tag; /* program, printable ASCII, 0..SYSLOG_TAG_MAX bytes; borrowed from the input */
	struct span text; /* without trailing NULs and newlines; borrowed from the input */
	/*
	 * Parameters of RFC 5424 structured data; keys borrowed from the input, values from
	 * it or from scratch. Elements that describe the sender's own hop (timeQuality, origin,
	 * meta) are left out.
	 */
	struct context_pair context[CONTEXT_PAIRS_MAX];
	size_t n_context;
};

/**
 * Reads one datagram.
 * bytes:   any, at least one.
 * scratch: for values that had to be unescaped; when it is full the structured data stays in
 *          the text.
 */
void syslog_message_parse(struct span bytes, struct writer *scratch,
			  struct syslog_message *message_out);

/**
 * The logger of a tag: "syslog.TAG", or "syslog" when there is no tag or the name would break
 * the bounds of logger_name.h. name_out: LOGGER_NAME_MAX bytes. Returns the name in it.
 */
struct span syslog_logger_name(struct span tag, uint8_t name_out[static LOGGER_NAME_MAX]);

#endif
