#include "record.h"

#include <string.h>

enum {
	WRITER_DIGITS = 2,
	SEQUENCE_DIGITS = 12,
	TIME_DIGITS = 19,
	WRITER_AT = 1,
	SEQUENCE_AT = WRITER_AT + WRITER_DIGITS + 1,
	TIME_AT = SEQUENCE_AT + SEQUENCE_DIGITS + 1,
	MARK_BYTES = TIME_AT + TIME_DIGITS + 1,
};

static void put_digits(char *at, unsigned width, uint64_t value)
{
	while (width-- > 0) {
		at[width] = (char)('0' + value % 10);
		value /= 10;
	}
}

static bool take_digits(const char *at, unsigned width, uint64_t *value_out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(at[i] - '0');
	}
	*value_out = value;
	return true;
}

bool record_init(struct record *record, const char *header, size_t length)
{
	size_t header_length = strlen(header);

	if (length > RECORD_BYTES_MAX || length < header_length + MARK_BYTES)
		return false;
	memset(record->text, 'x', length);
	memcpy(record->text, header, header_length);
	memset(record->text + length - MARK_BYTES, ' ', MARK_BYTES);
	record->text[length - MARK_BYTES] = '@';
	record->text[length - 1] = '@';
	record->length = length;
	return true;
}

void record_stamp(struct record *record, const struct record_mark *mark)
{
	char *at = record->text + record->length - MARK_BYTES;

	put_digits(at + WRITER_AT, WRITER_DIGITS, mark->writer);
	put_digits(at + SEQUENCE_AT, SEQUENCE_DIGITS, mark->sequence);
	put_digits(at + TIME_AT, TIME_DIGITS, mark->time_ns);
}

bool record_read(const char *datagram, size_t length, struct record_mark *mark_out)
{
	const char *at;
	uint64_t writer, sequence, time_ns;

	while (length > 0 && (datagram[length - 1] == '\n' || datagram[length - 1] == '\0'))
		length--;
	if (length < MARK_BYTES)
		return false;
	at = datagram + length - MARK_BYTES;
	if (at[0] != '@' || at[MARK_BYTES - 1] != '@' ||
	    !take_digits(at + WRITER_AT, WRITER_DIGITS, &writer) ||
	    !take_digits(at + SEQUENCE_AT, SEQUENCE_DIGITS, &sequence) ||
	    !take_digits(at + TIME_AT, TIME_DIGITS, &time_ns) || writer >= RECORD_WRITERS_MAX)
		return false;
	*mark_out = (struct record_mark){ (unsigned)writer, sequence, time_ns };
	return true;
}
