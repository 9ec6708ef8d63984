/**
 * datagram_oracle: whether a formatted datagram says what its message says, and no more.
 *
 * It reads the bytes as a collector would, with rfc5424_parser or by the shape of RFC 3164,
 * and compares each field with the message; it checks the size, and that nothing was cut,
 * left out or copied without need. The formatter's tests and its fuzz target share it.
 */
#ifndef LOGFWD_TESTS_DATAGRAM_ORACLE_H
#define LOGFWD_TESTS_DATAGRAM_ORACLE_H

#include "format/datagram.h"

/** Returns NULL when all is well, else what is wrong; static storage. */
const char *datagram_complaint(const struct format_options *options, const struct message *message,
			       const struct datagram *datagram);

#endif
