/*
 * Proves that streams of callers without rights never take every place, that a stream is asked
 * again when it said it would be, and that each ends exactly once.
 */
#include "control/control_streams.h"

#include <check.h>
#include <event2/buffer.h>
#include <event2/event.h>

#include "base/span.h"
#include "support/suite.h"

static struct event_base *base;
static struct control_streams *streams;
static struct bufferevent *places[CONTROL_STREAMS_MAX + 1];
static unsigned asked, ended;
static enum control_pace pace;

static json_t *next(void *state, enum control_pace *pace_out)
{
	(void)state;
	asked++;
	*pace_out = pace;
	return pace == CONTROL_LAST ? json_object() : NULL;
}

static void end(void *state)
{
	(void)state;
	ended++;
}

static const struct control_stream stream = { .next = next, .end = end };

static void setup(void)
{
	base = event_base_new();
	streams = control_streams_new(base);
	ck_assert_ptr_nonnull(streams);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		places[i] = bufferevent_socket_new(base, -1, 0);
	asked = ended = 0;
	pace = CONTROL_LATER;
}

static void teardown(void)
{
	control_streams_free(streams);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		bufferevent_free(places[i]);
	event_base_free(base);
	libevent_global_shutdown();
}

START_TEST(strangers_leave_room_for_operators)
{
	size_t strangers = 0, operators = 0;

	while (control_streams_add(streams, &stream, places[strangers], false))
		strangers++;
	ck_assert_uint_eq(strangers, CONTROL_STREAMS_STRANGERS_MAX);
	while (control_streams_add(streams, &stream, places[strangers + operators], true))
		operators++;
	ck_assert_uint_eq(strangers + operators, CONTROL_STREAMS_MAX);
	ck_assert_uint_eq(ended, 0);
	control_streams_remove(streams, places[0]);
	ck_assert(control_streams_add(streams, &stream, places[0], false));
	control_streams_free(streams);
	streams = NULL;
	ck_assert_uint_eq(ended, CONTROL_STREAMS_MAX + 1);
}
END_TEST

START_TEST(stream_with_nothing_to_say_is_asked_again)
{
	ck_assert(control_streams_add(streams, &stream, places[0], true));
	while (asked < 3)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert(control_streams_resume(streams, places[0]));
	ck_assert_uint_eq(evbuffer_get_length(bufferevent_get_output(places[0])), 0);
}
END_TEST

START_TEST(stream_ends_with_its_last_slice)
{
	pace = CONTROL_LAST;
	ck_assert(control_streams_add(streams, &stream, places[0], true));
	while (asked < 1)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert_uint_eq(ended, 1);
	ck_assert(!control_streams_resume(streams, places[0]));
	control_streams_remove(streams, places[0]);
	ck_assert_uint_eq(ended, 1);
	ck_assert_uint_gt(evbuffer_get_length(bufferevent_get_output(places[0])), 0);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("control_streams");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, strangers_leave_room_for_operators);
	tcase_add_test(all, stream_with_nothing_to_say_is_asked_again);
	tcase_add_test(all, stream_ends_with_its_last_slice);
	suite_add_tcase(suite, all);
	return suite;
}
