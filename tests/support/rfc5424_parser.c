#include "support/rfc5424_parser.h"

#include "support/text_oracle.h"

/* What is still to be read, and the first complaint; after it nothing is read any more. */
struct cursor {
	struct span rest;
	const char *complaint;
};

static void complain(struct cursor *cursor, const char *complaint)
{
	if (cursor->complaint == NULL)
		cursor->complaint = complaint;
	cursor->rest.len = 0;
}

static bool next_is(const struct cursor *cursor, char wanted)
{
	return cursor->rest.len > 0 && cursor->rest.ptr[0] == (uint8_t)wanted;
}

static bool take_if(struct cursor *cursor, char wanted)
{
	if (!next_is(cursor, wanted))
		return false;
	cursor->rest = span_drop(cursor->rest, 1);
	return true;
}

static void take(struct cursor *cursor, char wanted, const char *complaint)
{
	if (!take_if(cursor, wanted))
		complain(cursor, complaint);
}

/* Up to a space, quote, bracket, equal-sign or the end, as the set says. */
static struct span take_until(struct cursor *cursor, const char *set)
{
	size_t len = 0;
	struct span taken;

	while (len < cursor->rest.len && strchr(set, cursor->rest.ptr[len]) == NULL)
		len++;
	taken = span_first(cursor->rest, len);
	cursor->rest = span_drop(cursor->rest, len);
	return taken;
}

static bool is_printable(struct span field, size_t max)
{
	for (size_t i = 0; i < field.len; i++) {
		if (field.ptr[i] < 33 || field.ptr[i] > 126)
			return false;
	}
	return field.len >= 1 && field.len <= max;
}

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* A number of exactly width digits within its range. */
static unsigned take_number(struct cursor *cursor, size_t width, unsigned least, unsigned most)
{
	unsigned value = 0;

	for (size_t i = 0; i < width; i++) {
		if (cursor->rest.len == 0 || !is_digit(cursor->rest.ptr[0])) {
			complain(cursor, "TIMESTAMP: a digit is missing");
			return least;
		}
		value = value * 10 + (cursor->rest.ptr[0] - '0');
		cursor->rest = span_drop(cursor->rest, 1);
	}
	if (value < least || value > most)
		complain(cursor, "TIMESTAMP: a number is out of range");
	return value;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
	if (month == 2)
		return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void take_fraction(struct cursor *cursor)
{
	size_t digits = 0;

	while (cursor->rest.len > 0 && is_digit(cursor->rest.ptr[0])) {
		cursor->rest = span_drop(cursor->rest, 1);
		digits++;
	}
	if (digits < 1 || digits > 6)
		complain(cursor, "TIMESTAMP: a fraction has 1 to 6 digits");
}

/* RFC 5424 6.2.3: RFC 3339 with upper-case T and Z, and without leap seconds. */
static void check_timestamp(struct cursor *outer, struct span timestamp)
{
	struct cursor cursor = { .rest = timestamp };
	unsigned year, month;

	if (span_equal(timestamp, span_of("-")))
		return;
	year = take_number(&cursor, 4, 0, 9999);
	take(&cursor, '-', "TIMESTAMP: no '-' after the year");
	month = take_number(&cursor, 2, 1, 12);
	take(&cursor, '-', "TIMESTAMP: no '-' after the month");
	take_number(&cursor, 2, 1, days_of_month(year, month));
	take(&cursor, 'T', "TIMESTAMP: no 'T' after the date");
	take_number(&cursor, 2, 0, 23);
	take(&cursor, ':', "TIMESTAMP: no ':' after the hour");
	take_number(&cursor, 2, 0, 59);
	take(&cursor, ':', "TIMESTAMP: no ':' after the minute");
	take_number(&cursor, 2, 0, 59);
	if (take_if(&cursor, '.'))
		take_fraction(&cursor);
	if (take_if(&cursor, '+') || take_if(&cursor, '-')) {
		take_number(&cursor, 2, 0, 23);
		take(&cursor, ':', "TIMESTAMP: no ':' in the offset");
		take_number(&cursor, 2, 0, 59);
	} else {
		take(&cursor, 'Z', "TIMESTAMP: no offset");
	}
	if (cursor.rest.len > 0)
		complain(&cursor, "TIMESTAMP: more follows");
	if (cursor.complaint != NULL)
		complain(outer, cursor.complaint);
}

static void take_priority(struct cursor *cursor, struct rfc5424_message *message)
{
	struct span digits;

	take(cursor, '<', "PRI: no '<'");
	digits = take_until(cursor, ">");
	if (digits.len < 1 || digits.len > 3 || (digits.len > 1 && digits.ptr[0] == '0'))
		complain(cursor, "PRI: not 1 to 3 digits, or a leading zero");
	for (size_t i = 0; i < digits.len; i++) {
		if (!is_digit(digits.ptr[i]))
			complain(cursor, "PRI: no digit");
		message->priority = message->priority * 10 + digits.ptr[i] - '0';
	}
	if (message->priority > 191)
		complain(cursor, "PRI: above 191");
	take(cursor, '>', "PRI: no '>'");
}

static struct span take_field(struct cursor *cursor, size_t max, const char *complaint)
{
	struct span field = take_until(cursor, " ");

	if (!is_printable(field, max))
		complain(cursor, complaint);
	take(cursor, ' ', "HEADER: it ends too early");
	return field;
}

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (strchr("= ]\"", name.ptr[i]) != NULL)
			return false;
	}
	return is_printable(name, 32);
}

/* RFC 5424 6.3.2: a registered name, or one with a private enterprise number. */
static bool is_sd_id(struct span id)
{
	static const char *const registered[] = { "timeQuality", "origin", "meta" };
	size_t at_sign = span_find(id, '@');

	for (size_t i = 0; i < ARRAY_LEN(registered); i++) {
		if (span_equal(id, span_of(registered[i])))
			return true;
	}
	if (!is_name(id) || at_sign == 0 || at_sign + 1 >= id.len)
		return false;
	for (size_t i = at_sign + 1; i < id.len; i++) {
		if (!is_digit(id.ptr[i]))
			return false;
	}
	return true;
}

/* Up to the closing quote, which only a backslash can hide (RFC 5424 6.3.3). */
static struct span take_value(struct cursor *cursor)
{
	const uint8_t *begin = cursor->rest.ptr;
	struct span value;

	while (cursor->rest.len > 0 && !next_is(cursor, '"')) {
		bool escaped = take_if(cursor, '\\');

		if (cursor->rest.len == 0)
			break;
		if (escaped && strchr("\"\\]", cursor->rest.ptr[0]) == NULL)
			complain(cursor, "PARAM-VALUE: a backslash before another character");
		else if (!escaped && next_is(cursor, ']'))
			complain(cursor, "PARAM-VALUE: a bare ']'");
		else
			cursor->rest = span_drop(cursor->rest, 1);
	}
	value = span_of_bytes(begin, (size_t)(cursor->rest.ptr - begin));
	if (!oracle_is_harmless(value))
		complain(cursor, "PARAM-VALUE: not UTF-8, or a harmful character");
	take(cursor, '"', "PARAM-VALUE: no closing quote");
	return value;
}

static void take_param(struct cursor *cursor, struct rfc5424_message *message)
{
	struct rfc5424_param param = { .element = message->n_elements - 1 };

	param.name = take_until(cursor, "= ]\"");
	if (!is_name(param.name))
		complain(cursor, "PARAM-NAME: not an SD-NAME");
	take(cursor, '=', "SD-PARAM: no '='");
	take(cursor, '"', "SD-PARAM: no opening quote");
	param.value = take_value(cursor);
	if (message->n_params == RFC5424_PARAMS_MAX)
		complain(cursor, "SD-PARAM: more than this parser takes");
	else
		message->params[message->n_params++] = param;
}

static void take_element(struct cursor *cursor, struct rfc5424_message *message)
{
	struct span id = take_until(cursor, "= ]\"");

	if (!is_sd_id(id))
		complain(cursor, "SD-ID: not a name, not registered and without a number");
	for (size_t i = 0; i < message->n_elements; i++) {
		if (span_equal(message->sd_ids[i], id))
			complain(cursor, "SD-ID: there twice");
	}
	if (message->n_elements == RFC5424_ELEMENTS_MAX) {
		complain(cursor, "SD-ELEMENT: more than this parser takes");
		return;
	}
	message->sd_ids[message->n_elements++] = id;
	while (take_if(cursor, ' '))
		take_param(cursor, message);
	take(cursor, ']', "SD-ELEMENT: no ']'");
}

const char *rfc5424_parse(struct span datagram, struct rfc5424_message *message_out)
{
	struct cursor cursor = { .rest = datagram };
	struct rfc5424_message message = { 0 };

	take_priority(&cursor, &message);
	take(&cursor, '1', "VERSION: not 1");
	take(&cursor, ' ', "VERSION: no space follows");
	message.timestamp = take_until(&cursor, " ");
	check_timestamp(&cursor, message.timestamp);
	take(&cursor, ' ', "TIMESTAMP: no space follows");
	message.hostname = take_field(&cursor, 255, "HOSTNAME: empty, too long, not printable");
	message.app_name = take_field(&cursor, 48, "APP-NAME: empty, too long, not printable");
	message.procid = take_field(&cursor, 128, "PROCID: empty, too long, not printable");
	message.msgid = take_field(&cursor, 32, "MSGID: empty, too long, not printable");
	if (!next_is(&cursor, '[') && !take_if(&cursor, '-'))
		complain(&cursor, "STRUCTURED-DATA: missing");
	while (take_if(&cursor, '['))
		take_element(&cursor, &message);
	if (cursor.rest.len > 0) {
		take(&cursor, ' ', "MSG: no space before it");
		message.text = cursor.rest;
		if (cursor.complaint == NULL && message.text.len == 0)
			complain(&cursor, "MSG: a space before nothing");
	}
	if (!oracle_is_harmless(message.text))
		complain(&cursor, "MSG: not UTF-8, or a harmful character");
	if (cursor.complaint == NULL)
		*message_out = message;
	return cursor.complaint;
}
