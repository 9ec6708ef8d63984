/* Proves that every verb does what its request says, that rights are asked first, and that no request does harm. */
#include "control/verbs.h"

#include <check.h>

#include "support/fake_control_ops.h"
#include "support/suite.h"

static const struct control_caller operator= { .pid = 7, .uid = 0, .is_operator = true };
static const struct control_caller stranger = { .pid = 8, .uid = 1000, .is_operator = false };

static struct fake_ops fake;

static json_t *ask_bytes(const struct control_caller *caller, struct span line)
{
	struct control_ops ops = fake_control_ops(&fake);
	struct control_stream stream = { 0 };
	json_t *reply = verbs_answer(&ops, caller, line, &stream);
	enum control_pace pace;

	if (stream.next != NULL) { /* of which the first slice is the reply here */
		ck_assert_ptr_null(reply);
		reply = json_pack("{s:s, s:o}", "status", "ok", "result",
				  stream.next(stream.state, &pace));
		stream.end(stream.state);
	}

	ck_assert(json_is_object(reply));
	return reply;
}

static json_t *ask(const struct control_caller *caller, const char *line)
{
	return ask_bytes(caller, span_of(line));
}

/* The member of a reply as a string, "" without one. */
static const char *member(const json_t *reply, const char *key)
{
	const char *text = json_string_value(json_object_get(reply, key));

	return text != NULL ? text : "";
}

static void reset(void)
{
	fake = (struct fake_ops){ 0 };
}

static const struct {
	const char *request;
	const char *key; /* of the result */
} answered[] = {
	{ "{\"verb\":\"stats\"}", "records" },
	{ "{\"verb\":\"stats\",\"format\":\"json\"}", "balanced" },
	{ "{\"verb\":\"stats\",\"format\":\"prometheus\"}", "text" },
	{ "{\"verb\":\"loggers\"}", "loggers" },
	{ "{\"verb\":\"tail\"}", "slice" },
	{ "{\"verb\":\"clients\"}", "slice" },
	{ "{\"verb\":\"targets\"}", "targets" },
	{ "{\"verb\":\"level\"}", "name" },
	{ "{\"verb\":\"level\",\"name\":\"app\"}", "name" },
	{ "{\"verb\":\"explain\",\"name\":\"app\",\"level\":20}", "level" },
	{ "{\"verb\":\"explain\",\"name\":\"\",\"level\":1,\"text\":\"x\"}", "text_length" },
	{ "{\"verb\":\"healthcheck\"}", "version" },
	{ " { \"verb\" : \"clients\" } ", "slice" },
};

START_TEST(verbs_read_only_are_open_to_all)
{
	json_t *reply = ask(&stranger, answered[_i].request);

	ck_assert_str_eq(member(reply, "status"), "ok");
	ck_assert_ptr_nonnull(json_object_get(json_object_get(reply, "result"), answered[_i].key));
	ck_assert_uint_eq(fake.audits, 0);
	json_decref(reply);
}
END_TEST

static const struct {
	const char *request;
	const char *code;
	const char *error; /* part of it */
} refused[] = {
	{ "", "usage", "'[' or '{' expected" },
	{ "[]", "usage", "Expected object" },
	{ "{}", "usage", "verb" },
	{ "{\"verb\":1}", "usage", "string" },
	{ "{\"verb\":null}", "usage", "string" },
	{ "{\"verb\":{\"verb\":\"stats\"}}", "usage", "string" },
	{ "{\"verb\":\"\"}", "usage", "verb" },
	{ "{\"verb\":\"stat\"}", "usage", "verb" },
	{ "{\"verb\":\"statsx\"}", "usage", "verb" },
	{ "{\"verb\":\"stats\",\"verb\":\"reload\"}", "usage", "duplicate" },
	{ "{\"verb\":\"stats\"} {\"verb\":\"reload\"}", "usage", "end of file" },
	{ "{\"verb\":\"stats\",\"format\":\"xml\"}", "usage", "json or prometheus" },
	{ "{\"verb\":\"stats\",\"format\":1}", "usage", "string" },
	{ "{\"verb\":\"clients\",\"pattern\":\"a\"}", "usage", "pattern" },
	{ "{\"verb\":\"targets\",\"x\":1}", "usage", "x" },
	{ "{\"verb\":\"healthcheck\",\"x\":1}", "usage", "x" },
	{ "{\"verb\":\"loggers\",\"pattern\":{}}", "usage", "string" },
	{ "{\"verb\":\"loggers\",\"all\":1}", "usage", "true or false" },
	{ "{\"verb\":\"loggers\",\"pattern\":\"a*b\"}", "usage", "last" },
	{ "{\"verb\":\"loggers\",\"pattern\":\"**\"}", "usage", "last" },
	{ "{\"verb\":\"loggers\",\"pattern\":\"a\\u0000b\"}", "usage", "NUL" },
	{ "{\"verb\":\"tail\",\"pattern\":\"a*b\"}", "usage", "last" },
	{ "{\"verb\":\"tail\",\"level\":-1}", "usage", "1 to 100" },
	{ "{\"verb\":\"tail\",\"level\":101}", "usage", "1 to 100" },
	{ "{\"verb\":\"tail\",\"level\":4294967306}", "usage", "1 to 100" },
	{ "{\"verb\":\"tail\",\"level\":\"info\"}", "usage", "integer" },
	{ "{\"verb\":\"tail\",\"all\":1}", "usage", "true or false" },
	{ "{\"verb\":\"tail\",\"count\":1}", "usage", "count" },
	{ "{\"verb\":\"reload\",\"dry_run\":\"yes\"}", "usage", "true or false" },
	{ "{\"verb\":\"reload\",\"dry-run\":true}", "usage", "dry-run" },
	{ "{\"verb\":\"stats\",\"x\":\"\xff\xfe\"}", "usage", "decode" },
};

START_TEST(verbs_refuse_what_they_do_not_know)
{
	json_t *reply = ask(&operator, refused[_i].request);

	ck_assert_str_eq(member(reply, "status"), "error");
	ck_assert_str_eq(member(reply, "code"), refused[_i].code);
	ck_assert_msg(strstr(member(reply, "error"), refused[_i].error) != NULL, "%s",
		      member(reply, "error"));
	ck_assert_uint_eq(fake.reloads + fake.dry_runs, 0);
	json_decref(reply);
}
END_TEST

START_TEST(verbs_loggers_passes_its_arguments)
{
	json_decref(ask(&stranger, "{\"verb\":\"loggers\"}"));
	ck_assert_str_eq(fake.pattern, "(none)");
	ck_assert(!fake.all);
	json_decref(ask(&stranger, "{\"verb\":\"loggers\",\"pattern\":\"a.b*\",\"all\":true}"));
	ck_assert_str_eq(fake.pattern, "a.b*");
	ck_assert(fake.all);
}
END_TEST

START_TEST(verbs_tail_passes_its_arguments_and_who_asks)
{
	json_decref(ask(&stranger, "{\"verb\":\"tail\"}"));
	ck_assert_str_eq(fake.pattern, "(none)");
	ck_assert(!fake.all);
	ck_assert_uint_eq(fake.tail_level, 0);
	ck_assert_uint_eq(fake.tail_uid, stranger.uid);
	json_decref(ask(&operator, "{\"verb\":\"tail\",\"pattern\":\"a.b*\",\"level\":30,"
				   "\"all\":true}"));
	ck_assert_str_eq(fake.pattern, "a.b*");
	ck_assert(fake.all);
	ck_assert_uint_eq(fake.tail_level, 30);
	ck_assert_uint_eq(fake.tail_uid, operator.uid);
}
END_TEST

START_TEST(verbs_say_why_there_is_no_tail)
{
	static const struct {
		int error;
		const char *said;
	} cases[] = { { -EBUSY, "too many tails" }, { -ENOMEM, "out of memory" } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *reply;

		fake.tail_error = cases[i].error;
		reply = ask(&operator, "{\"verb\":\"tail\"}");
		ck_assert_str_eq(member(reply, "code"), "failed");
		ck_assert_ptr_nonnull(strstr(member(reply, "error"), cases[i].said));
		json_decref(reply);
	}
}
END_TEST

START_TEST(verbs_loggers_bounds_the_pattern)
{
	char request[400], name[257];
	json_t *reply;

	memset(name, 'n', sizeof(name) - 1);
	name[256] = '\0';
	snprintf(request, sizeof(request), "{\"verb\":\"loggers\",\"pattern\":\"%s\"}", name);
	reply = ask(&stranger, request);
	ck_assert_str_eq(member(reply, "code"), "usage");
	json_decref(reply);
	name[255] = '*'; /* 255 bytes of a name */
	snprintf(request, sizeof(request), "{\"verb\":\"loggers\",\"pattern\":\"%s\"}", name);
	reply = ask(&stranger, request);
	ck_assert_str_eq(member(reply, "status"), "ok");
	json_decref(reply);
}
END_TEST

START_TEST(verbs_reload_needs_rights_and_is_audited)
{
	json_t *reply = ask(&stranger, "{\"verb\":\"reload\"}");

	ck_assert_str_eq(member(reply, "code"), "denied");
	ck_assert_uint_eq(fake.reloads, 0);
	ck_assert_uint_eq(fake.denials, 1);
	ck_assert_int_eq(fake.audited_pid, stranger.pid);
	json_decref(reply);
	reply = ask(&operator, "{\"verb\":\"reload\"}");
	ck_assert_str_eq(member(reply, "status"), "ok");
	ck_assert_uint_eq(fake.reloads, 1);
	ck_assert_uint_eq(fake.audits, 2);
	ck_assert_uint_eq(fake.denials, 1);
	json_decref(reply);
}
END_TEST

START_TEST(verbs_reload_dry_run_does_not_reload)
{
	json_t *reply = ask(&operator, "{\"verb\":\"reload\",\"dry_run\":true}");

	ck_assert_str_eq(member(reply, "status"), "ok");
	ck_assert_uint_eq(fake.reloads, 0);
	ck_assert_uint_eq(fake.dry_runs, 1);
	json_decref(reply);
}
END_TEST

START_TEST(verbs_reload_tells_the_reason)
{
	json_t *reply;

	fake.reload_error = "logfwd.conf:3: unknown target \"\xfc"
			    "ber\"";
	reply = ask(&operator, "{\"verb\":\"reload\"}");
	ck_assert_str_eq(member(reply, "code"), "failed");
	ck_assert_str_eq(member(reply, "error"), "logfwd.conf:3: unknown target \"?ber\"");
	json_decref(reply);
}
END_TEST

START_TEST(verbs_set_level_needs_rights_and_is_audited)
{
	const char *line =
		"{\"verb\":\"set-level\",\"name\":\"app*\",\"level\":10,\"seconds\":1.5}";
	json_t *reply = ask(&stranger, line);

	ck_assert_str_eq(member(reply, "code"), "denied");
	ck_assert_uint_eq(fake.changes, 0);
	json_decref(reply);
	reply = ask(&operator, line);
	ck_assert_str_eq(member(reply, "status"), "ok");
	ck_assert_uint_eq(fake.changes, 1);
	ck_assert_str_eq(fake.pattern, "app");
	ck_assert(fake.change.is_prefix);
	ck_assert_uint_eq(fake.change.level, 10);
	ck_assert_int_eq(fake.change.for_ms, 1500);
	ck_assert_uint_eq(fake.audits, 2);
	ck_assert_uint_eq(fake.denials, 1);
	json_decref(reply);
}
END_TEST

static const char *const bad_levels[] = {
	"{\"verb\":\"set-level\",\"name\":\"a\",\"level\":101}",
	"{\"verb\":\"set-level\",\"name\":\"a\",\"level\":-1}",
	"{\"verb\":\"set-level\",\"name\":\"a\",\"level\":4294967296}",
	"{\"verb\":\"set-level\",\"name\":\"a\",\"level\":4294967306}",
	"{\"verb\":\"explain\",\"name\":\"a\",\"level\":4294967306}",
	"{\"verb\":\"set-level\",\"name\":\"a*b\",\"level\":10}",
	"{\"verb\":\"set-level\",\"name\":\"a\",\"level\":0,\"seconds\":1}",
	"{\"verb\":\"set-level\",\"name\":\"a\",\"level\":10,\"seconds\":0.0001}",
	"{\"verb\":\"set-level\",\"name\":\"a\",\"level\":10,\"seconds\":31536001}",
	"{\"verb\":\"set-level\",\"name\":\"a\"}",
	"{\"verb\":\"level\",\"name\":\"a\",\"level\":10}",
	"{\"verb\":\"explain\",\"name\":\"a\",\"level\":0}",
	"{\"verb\":\"explain\",\"name\":\"a\",\"level\":101}",
	"{\"verb\":\"explain\",\"name\":\"a\"}",
};

START_TEST(verbs_bound_names_and_levels)
{
	json_t *reply = ask(&operator, bad_levels[_i]);

	ck_assert_str_eq(member(reply, "code"), "usage");
	ck_assert_uint_eq(fake.changes, 0);
	json_decref(reply);
}
END_TEST

START_TEST(verbs_set_level_tells_the_reason)
{
	json_t *reply;

	fake.level_error = "app has no level set by an operator";
	reply = ask(&operator, "{\"verb\":\"set-level\",\"name\":\"app\",\"level\":0}");
	ck_assert_str_eq(member(reply, "code"), "failed");
	ck_assert_str_eq(member(reply, "error"), fake.level_error);
	ck_assert_uint_eq(fake.change.level, 0);
	json_decref(reply);
}
END_TEST

START_TEST(verbs_say_when_memory_is_out)
{
	json_t *reply;

	fake.no_memory = true;
	reply = ask(&operator, answered[_i].request);
	ck_assert_str_eq(member(reply, "code"), "failed");
	json_decref(reply);
}
END_TEST

/* Flips, cuts and repeats bytes of good requests; a fixed seed, so a failure comes again. */
START_TEST(verbs_survive_mangled_requests)
{
	unsigned short seed[3] = { 1, 2, 3 };

	for (size_t round = 0; round < 50000; round++) {
		const char *good = answered[(size_t)nrand48(seed) % ARRAY_LEN(answered)].request;
		char line[128];
		size_t length = strlen(good);
		json_t *reply;

		memcpy(line, good, length);
		for (long flips = nrand48(seed) % 4; flips >= 0; flips--)
			line[(size_t)nrand48(seed) % length] = (char)nrand48(seed);
		length -= (size_t)nrand48(seed) % 3;
		reply = ask_bytes(&stranger, span_of_bytes(line, length));
		ck_assert(strcmp(member(reply, "status"), "ok") == 0 ||
			  (member(reply, "code")[0] != '\0' && member(reply, "error")[0] != '\0'));
		json_decref(reply);
	}
	ck_assert_uint_eq(fake.reloads + fake.dry_runs, 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("verbs");
	TCase *answer = tcase_create("answer");

	tcase_add_checked_fixture(answer, reset, NULL);
	tcase_set_timeout(answer, 60);
	tcase_add_loop_test(answer, verbs_read_only_are_open_to_all, 0, ARRAY_LEN(answered));
	tcase_add_loop_test(answer, verbs_refuse_what_they_do_not_know, 0, ARRAY_LEN(refused));
	tcase_add_test(answer, verbs_loggers_passes_its_arguments);
	tcase_add_test(answer, verbs_tail_passes_its_arguments_and_who_asks);
	tcase_add_test(answer, verbs_say_why_there_is_no_tail);
	tcase_add_test(answer, verbs_loggers_bounds_the_pattern);
	tcase_add_test(answer, verbs_reload_needs_rights_and_is_audited);
	tcase_add_test(answer, verbs_reload_dry_run_does_not_reload);
	tcase_add_test(answer, verbs_reload_tells_the_reason);
	tcase_add_test(answer, verbs_set_level_needs_rights_and_is_audited);
	tcase_add_loop_test(answer, verbs_bound_names_and_levels, 0, ARRAY_LEN(bad_levels));
	tcase_add_test(answer, verbs_set_level_tells_the_reason);
	tcase_add_loop_test(answer, verbs_say_when_memory_is_out, 0, 3);
	tcase_add_test(answer, verbs_survive_mangled_requests);
	suite_add_tcase(suite, answer);
	return suite;
}
