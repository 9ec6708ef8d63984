#include "config/config_value.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* Numbers with more digits are out of every range; UINT64_MAX has 20. */
#define NUMBER_DIGITS_MAX 19

enum number_result number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number_out)
{
	bool negative = text[0] == '-';
	const char *digits = negative ? text + 1 : text;
	size_t length = strlen(digits);
	uint64_t number = 0;

	if (length == 0 || strspn(digits, "0123456789") != length ||
	    (digits[0] == '0' && length > 1))
		return NUMBER_BAD;
	if (negative || length > NUMBER_DIGITS_MAX)
		return NUMBER_OUT_OF_RANGE;
	for (; *digits != '\0'; digits++)
		number = number * 10 + (uint64_t)(*digits - '0');
	if (number < min || number > max)
		return NUMBER_OUT_OF_RANGE;
	*number_out = number;
	return NUMBER_OK;
}

bool mode_parse(const char *text, mode_t *mode_out)
{
	size_t length = strlen(text);
	mode_t mode = 0;

	if (text[0] != '0' || length > 4 || strspn(text, "01234567") != length)
		return false;
	for (; *text != '\0'; text++)
		mode = mode * 8 + (mode_t)(*text - '0');
	if (mode > 0777)
		return false;
	*mode_out = mode;
	return true;
}

/* ASCII only: strcasecmp() follows the locale. */
static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static bool equal_in_any_case(const char *text, const char *word)
{
	while (*text != '\0' && lower(*text) == lower(*word)) {
		text++;
		word++;
	}
	return *text == '\0' && *word == '\0';
}

bool word_find(const char *text, const char *const *words, size_t n, size_t *index_out)
{
	for (size_t i = 0; i < n; i++) {
		if (equal_in_any_case(text, words[i])) {
			*index_out = i;
			return true;
		}
	}
	return false;
}

bool switch_parse(const char *text, bool *on_out)
{
	/* As cfg_parse_boolean(); odd places are on. */
	static const char *const words[] = { "false", "true", "off", "on", "no", "yes" };
	size_t index;

	if (!word_find(text, words, ARRAY_LEN(words), &index))
		return false;
	*on_out = index % 2 == 1;
	return true;
}

bool facility_parse(const char *text, uint8_t *facility_out)
{
	/* In the order of their numbers, RFC 5424 6.2.1 table 1. */
	static const char *const names[] = {
		"kern",	  "user",   "mail",	"daemon", "auth",   "syslog", "lpr",	"news",
		"uucp",	  "cron",   "authpriv", "ftp",	  "ntp",    "audit",  "alert",	"clock",
		"local0", "local1", "local2",	"local3", "local4", "local5", "local6", "local7",
	};
	size_t index;
	uint64_t number;

	if (word_find(text, names, ARRAY_LEN(names), &index)) {
		*facility_out = (uint8_t)index;
		return true;
	}
	if (number_parse(text, 0, ARRAY_LEN(names) - 1, &number) != NUMBER_OK)
		return false;
	*facility_out = (uint8_t)number;
	return true;
}

bool listen_address_is_valid(const char *text)
{
	bool bracketed = text[0] == '[';
	const char *host = bracketed ? text + 1 : text;
	const char *end = bracketed ? strstr(host, "]:") : strchr(host, ':');
	char numeric[INET6_ADDRSTRLEN] = "";
	uint8_t address[sizeof(struct in6_addr)];
	uint64_t port;

	if (end == NULL || (size_t)(end - host) >= sizeof(numeric))
		return false;
	memcpy(numeric, host, (size_t)(end - host));
	if (inet_pton(bracketed ? AF_INET6 : AF_INET, numeric, address) != 1)
		return false;
	return number_parse(end + (bracketed ? 2 : 1), 0, UINT16_MAX, &port) == NUMBER_OK;
}
