/*
 * Proves that whatever a client logs, opens, changes and closes reaches its daemons exactly once, in
 * order and with the same meaning, when daemon after daemon dies with a part of it unread in the
 * ring: each record comes for a logger of the right name, with the level and the context that its
 * lease had at the time of the call. Random programs, against a daemon that is a table of leases.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/client.h"
#include "support/length.h"
#include "support/played_ring.h"
#include "support/scripted_daemon.h"
#include "support/suite.h"

#define LOGGERS	   6 /* that a program has open at a time */
#define IDS	   65536
#define NAME_BYTES 8
#define PADDING	   8000 /* bytes of the longest text: a few dozen fill a ring */
#define TEXT_MAX   (PADDING + 64)

static const char *const names[] = { "a", "a.b", "c" };

/* What the program knows of a logger of its own. */
struct own_logger {
	struct logfwd_logger *logger; /* NULL: not open */
	const char *name;
	int level;
	int context; /* value of the one key; 0: it is not set */
};

/* What a daemon knows of it. */
struct lease {
	bool is_open;
	char name[NAME_BYTES];
	int level;
	int context;
};

static struct scripted_daemon played;
static struct played_ring ring;
static bool has_ring; /* the daemon of now gave one */
static bool is_up;
static struct lease leases[IDS];
static struct own_logger loggers[LOGGERS];
static struct logfwd_client *client;
static size_t made, delivered; /* records, which are numbered */

static void take_record(const struct frame_record *record)
{
	const struct lease *lease = &leases[record->logger_id];
	char text[TEXT_MAX + 1], name[NAME_BYTES];
	int level, context;
	size_t number;

	ck_assert_uint_le(record->text.len, TEXT_MAX);
	memcpy(text, record->text.ptr, record->text.len);
	text[record->text.len] = '\0';
	ck_assert_int_eq(sscanf(text, "%zu %7s %d %d", &number, name, &level, &context), 4);
	ck_assert_uint_eq(number, delivered);
	delivered++;
	ck_assert(lease->is_open);
	ck_assert_str_eq(lease->name, name);
	ck_assert_int_eq(lease->level, level);
	ck_assert_int_eq(lease->context, context);
}

static void take_open(const struct frame_open *open)
{
	struct lease *lease = &leases[open->logger_id];

	ck_assert(!lease->is_open);
	*lease = (struct lease){ .is_open = true };
	ck_assert_uint_lt(open->name.len, sizeof(lease->name));
	memcpy(lease->name, open->name.ptr, open->name.len);
}

static void take_context(const struct frame_context *context)
{
	struct lease *lease = &leases[context->logger_id];

	ck_assert(lease->is_open);
	lease->context = 0;
	if (context->set)
		lease->context = *context->pair.value.ptr - '0';
}

static void take(const struct frame *frame)
{
	struct frame_open open;
	struct frame_close close;
	struct frame_set_level set_level;
	struct frame_context context;
	struct frame_record record;

	switch (frame->type) {
	case FRAME_OPEN:
		ck_assert(frame_parse_open(frame->body, &open));
		take_open(&open);
		break;
	case FRAME_CLOSE:
		ck_assert(frame_parse_close(frame->body, &close));
		ck_assert(leases[close.logger_id].is_open);
		leases[close.logger_id].is_open = false;
		break;
	case FRAME_SET_LEVEL:
		ck_assert(frame_parse_set_level(frame->body, &set_level));
		ck_assert(leases[set_level.logger_id].is_open);
		leases[set_level.logger_id].level = set_level.level;
		break;
	case FRAME_CONTEXT:
		ck_assert(frame_parse_context(frame->body, &context));
		take_context(&context);
		break;
	case FRAME_RECORD:
		ck_assert(frame_parse_record(frame->body, &record));
		take_record(&record);
		break;
	default:
		ck_assert(frame->type == FRAME_RING || frame->type == FRAME_FLUSH);
	}
}

static void take_from_socket(void)
{
	while (daemon_has_next(&played, 0)) {
		struct frame frame = daemon_next(&played);

		take(&frame);
	}
}

static void hang_up(void)
{
	daemon_hang_up(&played);
	if (has_ring)
		played_ring_unmake(&ring);
	is_up = false;
	/* The next attempt is due at once: time is not what this is about. */
	client->connection.connected_ms = 0;
}

/* At most so many frames: what came by socket before, then the ring's. */
static void daemon_takes(int frames)
{
	struct frame frame;
	bool is_alone;

	if (!is_up)
		return;
	take_from_socket();
	is_alone = daemon_is_left_alone(&played);
	while (has_ring && (is_alone || frames-- > 0) && played_ring_take(&ring, &frame))
		take(&frame);
	if (is_alone)
		hang_up();
}

/* With the next daemon's first look; it may have a ring, or not. */
static void daemon_comes(void)
{
	if (is_up || !daemon_has_caller(&played))
		return;
	memset(leases, 0, sizeof(leases));
	daemon_accept(&played, NULL);
	has_ring = rand() % 4 != 0;
	is_up = true;
	if (has_ring) {
		played_ring_make(&ring, ring_bytes(PLAYED_RING_CAPACITY), PLAYED_RING_SEALS);
		daemon_welcome_with(&played, FEATURE_RING, &ring.fd, 1);
	} else {
		daemon_welcome(&played, WIRE_RECORD_MAX);
	}
}

/* What was sent by socket is the one thing that is lost with a daemon: it reads that to its end. */
static void daemon_goes(void)
{
	if (!is_up)
		return;
	take_from_socket();
	hang_up();
}

/* Often what it has taken just before is news to the client together with its end. */
static void daemon_takes_and_goes(void)
{
	daemon_takes(rand() % 20);
	daemon_goes();
	if (rand() % 2 == 0)
		logfwd_flush(client, 0);
}

/* As a program does that closes all descriptors: the daemon lives, and has not seen it yet. */
static void close_descriptor(void)
{
	if (is_up && connection_is_open(&client->connection) && !daemon_has_caller(&played))
		close(client->connection.fd);
	client->connection.connected_ms = 0;
}

static void log_one(struct own_logger *own)
{
	int padding = rand() % 8 == 0 ? rand() % PADDING : 0;

	ck_assert_int_eq(logfwd_log(own->logger, LOGFWD_CRITICAL, "%zu %s %d %d%*s", made,
				    own->name, own->level, own->context, padding, ""),
			 0);
	made++;
}

static void open_one(struct own_logger *own)
{
	*own = (struct own_logger){ .name = names[rand() % 3] };
	own->logger = open_logger(client, own->name);
}

static void close_one(struct own_logger *own)
{
	logfwd_logger_close(own->logger);
	own->logger = NULL;
}

static void set_level(struct own_logger *own)
{
	own->level = 10 * (rand() % 5);
	ck_assert_int_eq(logfwd_logger_set_level(own->logger, own->level), 0);
}

static void set_context(struct own_logger *own)
{
	char value[16];

	own->context = rand() % 4;
	snprintf(value, sizeof(value), "%d", own->context);
	ck_assert_int_eq(logfwd_logger_set_context(own->logger, "k",
						   own->context == 0 ? NULL : value),
			 0);
}

static void random_step(void)
{
	struct own_logger *own = &loggers[rand() % LOGGERS];

	switch (rand() % 32) {
	case 0:
	case 1:
		daemon_comes();
		break;
	case 2:
		daemon_takes(rand() % 100);
		break;
	case 3:
		if (rand() % 4 == 0)
			daemon_takes_and_goes();
		else if (rand() % 4 == 0)
			close_descriptor();
		break;
	case 4:
		logfwd_flush(client, 0); /* a look at what the daemon says */
		break;
	default:
		if (own->logger == NULL)
			open_one(own);
		else if (rand() % 8 == 0)
			close_one(own);
		else if (rand() % 4 == 0)
			set_level(own);
		else if (rand() % 4 == 0)
			set_context(own);
		else
			log_one(own);
	}
}

/* Everything arrives, and nothing is left of what was closed. */
static void finish(void)
{
	for (size_t i = 0; i < LOGGERS; i++) {
		if (loggers[i].logger != NULL)
			close_one(&loggers[i]);
	}
	for (int looks = 0; looks < 1000 &&
			    (delivered < made || client->loggers.n_free != client->loggers.n_slots);
	     looks++) {
		daemon_comes();
		daemon_takes(1000000);
		logfwd_flush(client, 0);
	}
	daemon_takes(1000000);
	ck_assert_uint_eq(delivered, made);
	ck_assert_uint_eq(client->loggers.n_free, client->loggers.n_slots);
	ck_assert(TAILQ_EMPTY(&client->ring.passed));
	ck_assert_uint_eq(client_stats(client).dropped, 0);
}

START_TEST(takeover_keeps_every_record_with_its_meaning)
{
	const size_t steps = test_steps(60000, 500000);

	srand((unsigned)_i);
	daemon_init(&played, true);
	client = daemon_client(&played, (struct logfwd_options){ .buffer_bytes = 256 << 20 });
	for (size_t step = 0; step < steps; step++)
		random_step();
	finish();
	ck_assert_uint_gt(client_stats(client).connected, steps / 2000);
	daemon_goes();
	logfwd_client_close(client);
	daemon_deinit(&played);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_takeover");
	TCase *all = tcase_create("all");

	tcase_set_tags(all, LONG_TAG);
	tcase_add_loop_test(all, takeover_keeps_every_record_with_its_meaning, 0, 4);
	suite_add_tcase(suite, all);
	return suite;
}
