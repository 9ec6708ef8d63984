/**
 * config_readers: the readers of options that are one field of one plain type.
 */
#ifndef LOGFWD_CONFIG_CONFIG_READERS_H
#define LOGFWD_CONFIG_CONFIG_READERS_H

#include "config/config_options.h"

/* What a user wrote, as much of it as a message has room for: for "%.*s". */
#define QUOTE(text) CONFIG_ERROR_QUOTE_MAX, (text)

/** Writes "FILE:LINE: option "NAME": reason" for a value; always -EINVAL. */
int reader_refuse(const struct reading *reading, const struct setting *setting,
		  const struct value *value, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** Takes a number within the row's min and max. Errors: -EINVAL. */
int reader_take_number(const struct reading *reading, const struct setting *setting,
		       uint64_t *number_out);

/* The field is a uint64_t, or a uint32_t with a max within 32 bits. */
option_reader read_u64;
option_reader read_u32;
option_reader read_switch;	   /* bool */
option_reader read_mode;	   /* mode_t */
option_reader read_level;	   /* uint8_t */
option_reader read_facility;	   /* uint8_t */
option_reader read_text;	   /* char *, borrowed from the arena */
option_reader read_path;	   /* as read_text: a socket's path of at least min bytes */
option_reader read_listen_address; /* as read_text; NULL for an empty one */

#endif
