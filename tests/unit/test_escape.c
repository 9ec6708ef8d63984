/* Proves that escaping is exact for every character and byte, and that no cut tears one. */
#include "format/escape.h"

#include <check.h>
#include <stdio.h>

#include "support/suite.h"
#include "support/text_oracle.h"

#define BUFFER_BYTES 4096

static struct span text_of(const char *literal, size_t size)
{
	return span_of_bytes(literal, size - 1);
}

#define TEXT(literal) text_of(literal, sizeof(literal))

static void check_bytes(const struct writer *writer, const char *expected)
{
	ck_assert(!writer->failed);
	ck_assert_uint_eq(writer->len, strlen(expected));
	ck_assert_mem_eq(writer->ptr, expected, writer->len);
}

/* What is wrong with the escaping of one text, by the oracle; NULL when nothing is. */
static const char *complaint_of(struct span text)
{
	uint8_t bytes[64];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	if (escape_is_clean(text) != oracle_is_harmless(text))
		return "escape_is_clean() is wrong";
	escape_text(&writer, text);
	if (writer.failed || !oracle_is_harmless(writer_span(&writer)) ||
	    !oracle_is_escaped(writer_span(&writer), text, ORACLE_TEXT))
		return "escape_text() is wrong";
	writer = writer_over(bytes, sizeof(bytes));
	escape_param_value(&writer, text);
	if (writer.failed || !oracle_is_harmless(writer_span(&writer)) ||
	    !oracle_is_escaped(writer_span(&writer), text, ORACLE_PARAM_VALUE))
		return "escape_param_value() is wrong";
	return NULL;
}

/* Asserts on failure only, since Check notes every assertion and there are millions of texts. */
static void check_text(struct span text)
{
	const char *complaint = complaint_of(text);

	for (size_t i = 0; complaint != NULL && i < text.len; i++)
		fprintf(stderr, "%02x ", text.ptr[i]);
	if (complaint != NULL)
		ck_abort_msg("%s", complaint);
}

static const struct {
	const char *text;
	size_t size;
	const char *escaped;
} hostile[] = {
#define HOSTILE(text, escaped)                                                                     \
	{                                                                                          \
		text, sizeof(text) - 1, escaped                                                    \
	}
	HOSTILE("", ""),
	HOSTILE("plain", "plain"),
	HOSTILE("#012", "#012"), /* passes: a reader may take it for an escape, but it is no line */
	HOSTILE("\n<0>1 - - - - - - forged", "#012<0>1 - - - - - - forged"),
	HOSTILE("a\r\nb", "a#015#012b"),
	HOSTILE("tab\there", "tab#011here"),
	HOSTILE("nul\0here", "nul#000here"),
	HOSTILE("\x1b[31mred\x7f", "#033[31mred#177"),
	HOSTILE("\xc2\x85", "#302#205"), /* U+0085, next line */
	HOSTILE("\xc2\xa0", "\xc2\xa0"), /* U+00A0, the first behind C1 */
	HOSTILE("\xe2\x80\xa8\xe2\x80\xa9", "#342#200#250#342#200#251"),
	HOSTILE("\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf"), /* their neighbours */
	HOSTILE("\xe2\x80\xae"
		"gnp",
		"#342#200#256gnp"), /* U+202E, right-to-left override */
	HOSTILE("\xe2\x81\xa6", "#342#201#246"),
	HOSTILE("\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x81\xa5\xe2\x81\xaa"),
	HOSTILE("\xef\xbb\xbfx", "#357#273#277x"),	 /* byte order mark */
	HOSTILE("\xc0\x8a", "#300#212"),		 /* overlong line feed */
	HOSTILE("\xe0\x80\x8a", "#340#200#212"),	 /* in three bytes */
	HOSTILE("\xf0\x80\x80\x8a", "#360#200#200#212"), /* in four */
	HOSTILE("\xed\xa0\x80", "#355#240#200"),	 /* surrogate */
	HOSTILE("\xf4\x90\x80\x80", "#364#220#200#200"), /* beyond U+10FFFF */
	HOSTILE("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"), /* U+10FFFF */
	HOSTILE("\xe2\x82", "#342#202"),		 /* torn at the end */
	HOSTILE("\xe2\x82"
		"a",
		"#342#202a"), /* and in the middle */
	HOSTILE("\xe2\x82\xe2\x82\xac", "#342#202\xe2\x82\xac"),
	HOSTILE("\x80\xbf\xfe\xff", "#200#277#376#377"),
	HOSTILE("gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x8c\x8d",
		"gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x8c\x8d"),
#undef HOSTILE
};

START_TEST(escape_text_makes_hostile_text_harmless)
{
	struct span text = span_of_bytes(hostile[_i].text, hostile[_i].size);
	uint8_t bytes[256];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	escape_text(&writer, text);
	check_bytes(&writer, hostile[_i].escaped);
	ck_assert_int_eq(escape_is_clean(text), span_equal(text, span_of(hostile[_i].escaped)));
}
END_TEST

/* Behind every number of plain bytes, to meet each byte of a word that is tested at once. */
START_TEST(escape_is_exact_for_every_byte_at_every_place)
{
	for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
		for (size_t place = 0; place < 24; place++) {
			uint8_t text[24];

			memset(text, 'x', sizeof(text));
			text[place] = (uint8_t)byte;
			check_text(span_of_bytes(text, sizeof(text)));
			check_text(span_of_bytes(text, place + 1));
		}
	}
}
END_TEST

/* What RFC 3629's scheme would encode, surrogates and numbers beyond Unicode too. */
static size_t encode(uint8_t *at, uint32_t code)
{
	if (code < 0x80) {
		at[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		at[0] = (uint8_t)(0xc0 | code >> 6);
		at[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		at[0] = (uint8_t)(0xe0 | code >> 12);
		at[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		at[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	at[0] = (uint8_t)(0xf0 | code >> 18);
	at[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	at[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	at[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}

START_TEST(escape_is_exact_for_every_character)
{
	for (uint32_t code = 0; code < 0x120000; code++) {
		uint8_t text[8] = "x";
		size_t len = encode(text + 1, code);

		text[1 + len] = 'y';
		check_text(span_of_bytes(text, len + 2));
	}
}
END_TEST

START_TEST(escape_is_exact_for_every_pair_of_bytes)
{
	for (uint32_t pair = 0; pair <= UINT16_MAX; pair++) {
		const uint8_t text[] = { (uint8_t)(pair >> 8), (uint8_t)pair, 0x80, 0xbf };

		for (size_t len = 2; len <= sizeof(text); len++)
			check_text(span_of_bytes(text, len));
	}
}
END_TEST

/* Pieces of the text, one after the other, as long as they fit. */
static size_t fitting(struct span text, size_t limit, size_t *written_out)
{
	size_t taken = 0;

	*written_out = 0;
	while (taken < text.len) {
		struct oracle_piece piece = oracle_escape(span_drop(text, taken), ORACLE_TEXT);

		if (*written_out + piece.len > limit)
			break;
		*written_out += piece.len;
		taken += piece.taken;
	}
	return taken;
}

START_TEST(escape_text_within_takes_all_that_fits_and_tears_nothing)
{
	struct span text = TEXT("a\xc3\xbc\n\xe2\x82\xac\xe2\x80\xa8z\xf0\x9f\x8c\x8d\xff\xe2\x82"
				"longer than a word, then \xc3\x9f and \x01\x02 end");

	for (size_t end = 0; end <= text.len; end++) {
		struct span part = span_first(text, end);

		for (size_t limit = 0; limit <= 4 * end + 1; limit++) {
			uint8_t bytes[BUFFER_BYTES];
			struct writer writer = writer_over(bytes, sizeof(bytes));
			size_t written;
			size_t taken = fitting(part, limit, &written);

			ck_assert_uint_eq(escape_text_within(&writer, part, limit), taken);
			ck_assert_uint_eq(writer.len, written);
			ck_assert(oracle_is_escaped(writer_span(&writer), span_first(part, taken),
						    ORACLE_TEXT));
		}
	}
}
END_TEST

START_TEST(escape_text_without_room_fails_the_writer)
{
	uint8_t bytes[8];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	escape_text(&writer, TEXT("1234567\n"));
	ck_assert(writer.failed);
	ck_assert_uint_le(writer.len, sizeof(bytes));
}
END_TEST

START_TEST(escape_param_value_escapes_what_ends_it)
{
	uint8_t bytes[64];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	escape_param_value(&writer, TEXT("\"a\\b]\n[c]"));
	check_bytes(&writer, "\\\"a\\\\b\\]#012[c\\]");
}
END_TEST

static const struct {
	const char *field;
	size_t max;
	const char *written;
} header_fields[] = {
	{ "", 8, "-" },
	{ "-", 8, "-" },
	{ "host.example", 255, "host.example" },
	{ "two words", 48, "two_words" },
	{ "a\nb\x7f", 48, "a_b_" },
	{ "gr\xc3\xbc", 48, "gr__" },
	{ "12345678", 8, "12345678" },
	{ "123456789", 8, "12345678" },
	{ "[a]:\"", 8, "[a]:\"" },
};

START_TEST(escape_header_field_is_one_printable_word)
{
	uint8_t bytes[64];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	escape_header_field(&writer, span_of(header_fields[_i].field), header_fields[_i].max);
	check_bytes(&writer, header_fields[_i].written);
}
END_TEST

START_TEST(escape_header_field_keeps_printable_bytes_only)
{
	for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
		uint8_t field = (uint8_t)byte;
		uint8_t written;
		struct writer writer = writer_over(&written, 1);

		escape_header_field(&writer, span_of_bytes(&field, 1), 1);
		ck_assert(!writer.failed);
		ck_assert_uint_eq(written, byte > 32 && byte < 127 ? byte : '_');
	}
}
END_TEST

START_TEST(escape_cut_falls_between_characters)
{
	struct span text = TEXT("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\x8dz\xff\xe2\x82\xf0\x9f\x8c!");

	for (size_t end = 0; end <= text.len; end++) {
		struct span part = span_first(text, end);
		size_t border = 0; /* the last one that is not behind max */

		for (size_t max = 0; max <= end + 1; max++) {
			uint32_t code;

			while (border < part.len) {
				size_t len = oracle_character(span_drop(part, border), &code);

				len = len > 0 ? len : 1;
				if (border + len > max)
					break;
				border += len;
			}
			ck_assert_uint_eq(escape_cut(part, max), border);
		}
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("escape");
	TCase *text = tcase_create("text");
	TCase *fields = tcase_create("fields");

	tcase_add_loop_test(text, escape_text_makes_hostile_text_harmless, 0, ARRAY_LEN(hostile));
	tcase_add_test(text, escape_is_exact_for_every_byte_at_every_place);
	tcase_add_test(text, escape_is_exact_for_every_character);
	tcase_add_test(text, escape_is_exact_for_every_pair_of_bytes);
	tcase_add_test(text, escape_text_within_takes_all_that_fits_and_tears_nothing);
	tcase_add_test(text, escape_text_without_room_fails_the_writer);
	tcase_add_test(text, escape_cut_falls_between_characters);
	tcase_set_timeout(text, 60);
	suite_add_tcase(suite, text);
	tcase_add_test(fields, escape_param_value_escapes_what_ends_it);
	tcase_add_loop_test(fields, escape_header_field_is_one_printable_word, 0,
			    ARRAY_LEN(header_fields));
	tcase_add_test(fields, escape_header_field_keeps_printable_bytes_only);
	suite_add_tcase(suite, fields);
	return suite;
}
