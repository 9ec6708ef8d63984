/**
 * rfc5424_parser: a strict reader of syslog messages, the judge of what the formatter writes.
 *
 * The grammar of RFC 5424 section 6 to the letter, and where the text forbids more than the
 * grammar, that too: no SD-ID twice, valid UTF-8 in PARAM-VALUE, '"', '\' and ']' escaped
 * there and nothing else. Beyond the RFC it demands what logfwd promises: valid UTF-8 and no
 * control or other harmful character anywhere, and no space before a message that is not there.
 */
#ifndef LOGFWD_TESTS_RFC5424_PARSER_H
#define LOGFWD_TESTS_RFC5424_PARSER_H

#include "base/span.h"

#define RFC5424_ELEMENTS_MAX 8	/* more are refused, though the RFC has no bound */
#define RFC5424_PARAMS_MAX   64 /* in all elements together */

struct rfc5424_param {
	size_t element; /* index into sd_ids */
	struct span name;
	struct span value; /* still escaped */
};

/* All spans are borrowed from the datagram. */
struct rfc5424_message {
	unsigned priority;
	struct span timestamp, hostname, app_name, procid, msgid;
	struct span sd_ids[RFC5424_ELEMENTS_MAX];
	size_t n_elements; /* 0: STRUCTURED-DATA is "-" */
	struct rfc5424_param params[RFC5424_PARAMS_MAX];
	size_t n_params;
	struct span text; /* MSG; empty when there is none */
};

/** Reads one datagram. Returns NULL when it is valid, else what is wrong; static storage. */
const char *rfc5424_parse(struct span datagram, struct rfc5424_message *message_out);

#endif
