/* Proves that templates mean what they say, mistakes are named, and a cut tears nothing. */
#include "format/template.h"

#include <check.h>
#include <errno.h>

#include "support/suite.h"
#include "support/text_oracle.h"

static const struct context_pair context[] = {
	{ { (const uint8_t *)"peer", 4 }, { (const uint8_t *)"10.0.0.7:51234", 14 } },
	{ { (const uint8_t *)"note", 4 }, { (const uint8_t *)"a\nb", 3 } },
};

static struct message sample(void)
{
	return (struct message){
		.time_us = 1795342272345678,
		.level = 30,
		.pid = 42,
		.uid = 1000,
		.host = span_of("edge 1"),
		.app = span_of("web"),
		.logger = span_of("Connection.140230"),
		.context = context,
		.n_context = ARRAY_LEN(context),
		.text = span_of("gr\xc3\xbc\xc3\x9f\tdich"),
		.original_length = 12,
	};
}

static struct template *compiled(const char *text)
{
	char error[TEMPLATE_ERROR_BYTES] = "";
	struct template *template = NULL;

	ck_assert_msg(template_compile(text, &template, error) == 0, "%s", error);
	return template;
}

static void check_rendered(const char *text, const struct message *message, const char *expected)
{
	struct timestamp_cache cache = { 0 };
	CLEANUP(template_free) struct template *template = compiled(text);
	uint8_t bytes[512];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	template_render(template, message, &cache, &writer);
	ck_assert(!writer.failed);
	ck_assert_msg(span_equal(writer_span(&writer), span_of(expected)), "%.*s", (int)writer.len,
		      (const char *)bytes);
}

static const struct {
	const char *template;
	const char *text;
} good[] = {
	{ "", "" },
	{ "{message}", "gr\xc3\xbc\xc3\x9f#011dich" },
	{ "[{logger}] {message}", "[Connection.140230] gr\xc3\xbc\xc3\x9f#011dich" },
	{ "{level}", "warning" },
	{ "{app}[{pid}] {uid}@{host}", "web[42] 1000@edge 1" },
	{ "{time}", "2026-11-22T10:11:12.345678Z" },
	{ "{context}", "peer=10.0.0.7:51234 note=a#012b" },
	{ "<{context.peer}|{context.note}|{context.missing}>", "<10.0.0.7:51234|a#012b|>" },
	{ "{{}}", "{}" },
	{ "{{message}}", "{message}" },
	{ "{{{app}}}", "{web}" },
	{ "}}{{", "}{" },
	{ "{{{{", "{{" },
	{ "line\nbreak \xff", "line#012break #377" },
	{ "\xe2\x82\xac {app} \xe2\x82\xac", "\xe2\x82\xac web \xe2\x82\xac" },
};

START_TEST(template_render_fills_every_field)
{
	struct message message = sample();

	check_rendered(good[_i].template, &message, good[_i].text);
}
END_TEST

START_TEST(template_render_names_what_is_not_known)
{
	struct message message = { .level = 15, .text = span_of("x"), .original_length = 1 };

	check_rendered("{logger}|{level}|{app}|{pid}|{uid}|{host}|{context}|{message}", &message,
		       "root|info||-|0|||x");
	message.time_us = INT64_MAX;
	check_rendered("{time}", &message, "-");
}
END_TEST

static const struct {
	const char *template;
	const char *error;
} bad[] = {
	{ "{foo}", "unknown field {foo} at character 1" },
	{ "[{app} {foo}]", "unknown field {foo} at character 8" },
	{ "{}", "unknown field {} at character 1" },
	{ "{ message}", "unknown field { message} at character 1" },
	{ "{Message}", "unknown field {Message} at character 1" },
	{ "{context.}", "unknown field {context.} at character 1" },
	{ "{context.a b}", "unknown field {context.a b} at character 1" },
	{ "{context.012345678901234567890123456789012}",
	  "unknown field {context.012345678901234567890123456789012} at character 1" },
	{ "{message", "unclosed { at character 1" },
	{ "{message}{", "unclosed { at character 10" },
	{ "a}b", "lone } (a brace is written }}) at character 2" },
	{ "{app}}", "lone } (a brace is written }}) at character 6" },
	{ "\xe2\x82\xac\xc3\xbc{x}", "unknown field {x} at character 3" },
	{ "{a\nb}", "unknown field {a#012b} at character 1" },
	{ "{message {app}", "unknown field {message {app} at character 1" },
};

START_TEST(template_compile_names_the_mistake)
{
	struct template *template = NULL;
	char error[TEMPLATE_ERROR_BYTES] = "";

	ck_assert_int_eq(template_compile(bad[_i].template, &template, error), -EINVAL);
	ck_assert_str_eq(error, bad[_i].error);
	ck_assert_ptr_null(template);
}
END_TEST

START_TEST(template_compile_bounds_its_message)
{
	struct template *template = NULL;
	char error[TEMPLATE_ERROR_BYTES];
	char text[1024] = "{";

	memset(text + 1, '\n', sizeof(text) - 3);
	text[sizeof(text) - 2] = '}';
	memset(error, 'x', sizeof(error));
	ck_assert_int_eq(template_compile(text, &template, error), -EINVAL);
	ck_assert_uint_lt(strnlen(error, sizeof(error)), sizeof(error));
	ck_assert_ptr_nonnull(strstr(error, "at character 1"));
}
END_TEST

START_TEST(template_render_within_is_a_prefix_that_tears_nothing)
{
	struct message message = sample();
	struct timestamp_cache cache = { 0 };
	CLEANUP(template_free)
	struct template *template = compiled("\xe2\x82\xac{message}|\t{context}|{time}|{pid}");
	uint8_t whole_bytes[512];
	struct writer whole = writer_over(whole_bytes, sizeof(whole_bytes));

	template_render(template, &message, &cache, &whole);
	for (size_t limit = 0; limit <= whole.len + 1; limit++) {
		uint8_t bytes[512];
		struct writer writer = writer_over(bytes, sizeof(bytes));
		bool all = template_render_within(template, &message, &cache, &writer, limit);
		struct span text = writer_span(&writer);

		ck_assert_int_eq(all, limit >= whole.len);
		ck_assert_uint_le(text.len, limit);
		ck_assert_uint_ge(text.len + 3, limit < whole.len ? limit : whole.len);
		ck_assert(span_starts_with(writer_span(&whole), text));
		ck_assert(oracle_is_harmless(text));
		for (size_t back = 1; back <= 3 && back <= text.len; back++)
			ck_assert(text.ptr[text.len - back] != '#'); /* four bytes or none */
	}
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("template");
	TCase *compile = tcase_create("compile");
	TCase *render = tcase_create("render");

	tcase_add_loop_test(compile, template_compile_names_the_mistake, 0, ARRAY_LEN(bad));
	tcase_add_test(compile, template_compile_bounds_its_message);
	suite_add_tcase(suite, compile);
	tcase_add_loop_test(render, template_render_fills_every_field, 0, ARRAY_LEN(good));
	tcase_add_test(render, template_render_names_what_is_not_known);
	tcase_add_test(render, template_render_within_is_a_prefix_that_tears_nothing);
	suite_add_tcase(suite, render);
	return suite;
}
