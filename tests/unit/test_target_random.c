/*
 * Proves, over a million random steps on a network that a test holds in its hand, that the accounts
 * of targets close after every step, that no record is lost without being counted, delivered twice
 * without a mark or overtaken by a younger one of its logger, that the pool keeps its bound and that
 * nothing spins: with every policy, several source ports, resending, pacing, refusals that come at once,
 * late or never, EAGAIN, ENOBUFS, EMSGSIZE of this host and of others, names whose addresses change, records in
 * parts, and reloads that change all of it.
 *
 * A seed that fails is repeated by: LOGFWD_SEED=N tests/test_target_random
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "output/output.h"
#include "support/fake_network.h"
#include "support/length.h"
#include "support/suite.h"

#define STEPS	(1 << 20) /* in all seeds together */
#define SEEDS	16
#define TARGETS 4
#define LOGGERS 8
#define RECORDS (1 << 21) /* of one target in one seed, at most */

/* Two servers for each target; the places behind them are of no other target. */
static const char *const servers[] = { "10.0.0.0:514", "10.0.0.1:514", "c0.test:514",
				       "10.0.0.2:514", "10.0.0.3:514", "c1.test:514",
				       "10.0.0.4:514", "10.0.0.5:514" };
static const uint32_t name_places[FAKE_NAMES] = { 0x1c0, 0xe00 };
static const uint32_t target_places[TARGETS] = { 0x003, 0x1c4, 0xe08, 0x030 };

static uint64_t seed;
static unsigned step;
static struct output *output;
static uint32_t pool_sockets;
static size_t n_targets;

/* What was pushed to a target, and what of it has come where. */
static struct {
	enum target_policy policy;
	bool splits;
	uint32_t pushed; /* numbers from 1 to that */
	uint32_t last[LOGGERS][FAKE_PLACES];
	uint8_t arrived[RECORDS / 8];
	struct target_counts before;
} targets[TARGETS];

/* Check writes down every assertion that it passes, which would be most of the work. */
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("step %u: %s; LOGFWD_SEED=%" PRIu64, step, #condition, seed); \
	} while (0)

/* "<1>" MARK "t T l L n N ..." of ours; what begins otherwise is the daemon's own. */
static void on_arrival(size_t place, const uint8_t *bytes, size_t length)
{
	unsigned target, logger, number;
	char text[256];
	bool marked;

	length = length < sizeof(text) - 1 ? length : sizeof(text) - 1;
	memcpy(text, bytes, length);
	text[length] = '\0';
	if (memcmp(text, "<1>", 3) != 0)
		return;
	marked = strncmp(text + 3, " resent=\"true\"t ", 16) == 0;
	REQUIRE(sscanf(text + (marked ? 17 : 3), "t %u l %u n %u", &target, &logger, &number) == 3);
	REQUIRE(target < TARGETS && logger < LOGGERS && number <= targets[target].pushed);
	if (!marked) {
		REQUIRE(number > targets[target].last[logger][place]);
		targets[target].last[logger][place] = number;
	}
	targets[target].arrived[number / 8] |= (uint8_t)(1u << number % 8);
}

/*
 * A record of one of a few lengths, so that some share messages; but none is as long as such a
 * message, or the length of a quote would not tell them apart. Or one in parts, each with its number.
 */
static void push_one(size_t i, unsigned logger, bool is_part)
{
	static const char padding[] = "................................................";
	static char texts[64][128];
	static unsigned turn;
	struct datagram datagram = {
		.header = span_of("<1>"), .part = is_part, .kind = FORMAT_RFC5424, .mark_at = 3
	};
	char name[2] = { (char)('a' + logger), '\0' };
	char *text;

	if (targets[i].pushed + 1 == RECORDS)
		return;
	text = texts[turn++ % ARRAY_LEN(texts)];
	snprintf(text, sizeof(texts[0]), "t %zu l %u n %07u %.*s", i, logger, ++targets[i].pushed,
		 (int)fake_random(3) * 7, padding);
	datagram.text = span_of(text);
	target_push(output_target(output, i), &datagram, (uint8_t)fake_random(8), span_of(name));
	if (turn % ARRAY_LEN(texts) == 0) /* the texts are ours only until here */
		output_flush(output);
}

static void push(size_t i)
{
	unsigned logger = fake_random(LOGGERS);
	bool in_parts = targets[i].splits && fake_random(8) == 0;

	for (unsigned parts = in_parts ? 2 + fake_random(4) : 1; parts > 0; parts--)
		push_one(i, logger, in_parts);
}

static struct target_options random_options(size_t i, const char **servers_out)
{
	static const char *const names[TARGETS] = { "a", "b", "c", "d" };
	static const uint32_t resend[] = { 0, 0, 1, 4, 32, 1000 };
	static const uint32_t rates[] = { 0, 0, 0, 1000, 20000 };
	struct target_options options = target_defaults();

	options.name = names[i];
	options.policy = targets[i].policy == POLICY_MIRROR ? POLICY_MIRROR
							    : (enum target_policy)fake_random(3);
	options.sockets = 1 + fake_random(3) * fake_random(2);
	options.queue_bytes = 1u << (10 + fake_random(12));
	options.when_full = (enum when_full)fake_random(3);
	options.resend = seed % 2 == 0 ? resend[fake_random(ARRAY_LEN(resend))] : 0;
	options.rate = rates[fake_random(ARRAY_LEN(rates))];
	options.socket.dscp = (uint8_t)fake_random(2);
	options.oversize = fake_random(2) == 0 ? OVERSIZE_SPLIT : OVERSIZE_CUT;
	/* two of eight for each target: no place is of two targets */
	options.n_servers = 1 + fake_random(2);
	for (size_t k = 0; k < options.n_servers; k++)
		servers_out[k] = servers[2 * i + k];
	options.servers = servers_out;
	return options;
}

static void reload(void)
{
	const char *names[TARGETS][2];
	struct target_options options[TARGETS];
	struct output_generation *generation;
	struct pool_options pool = { .sockets = 1 + fake_random(12), .idle_timeout = 1 };

	for (size_t i = 0; i < TARGETS; i++)
		options[i] = random_options(i, names[i]);
	REQUIRE(output_prepare(output, options, TARGETS, &generation) == 0);
	if (fake_random(4) == 0) {
		output_discard(generation);
		return;
	}
	output_commit(output, generation, &pool);
	pool_sockets = pool.sockets;
	n_targets = TARGETS;
	for (size_t i = 0; i < TARGETS; i++)
		targets[i].splits = options[i].oversize == OVERSIZE_SPLIT;
}

static uint64_t dropped_of(const struct target_counts *counts)
{
	uint64_t dropped = 0;

	for (size_t i = 0; i < DROP_REASONS; i++)
		dropped += counts->dropped[i];
	return dropped;
}

static void check_target(size_t i, const struct target_counts *counts)
{
	const struct target_counts *before = &targets[i].before;

	REQUIRE(counts->enqueued == counts->sent + dropped_of(counts) + counts->queued);
	REQUIRE(targets[i].policy == POLICY_MIRROR ||
		counts->enqueued == targets[i].pushed + counts->notices);
	REQUIRE(counts->sent >= before->sent && counts->resent >= before->resent &&
		counts->refused >= before->refused && dropped_of(counts) >= dropped_of(before));
	REQUIRE(counts->refused + counts->resending <= counts->sent);
	targets[i].before = *counts;
}

/* The accounts of all targets, by themselves and against what the network has seen. */
static void check_accounts(void)
{
	struct fake_counts network = fake_counts();
	struct target_counts sum = output_removed(output);

	for (size_t i = 0; i < n_targets; i++) {
		struct target_counts counts = target_counts(output_target(output, i));

		check_target(i, &counts);
		target_counts_add(&sum, &counts);
	}
	REQUIRE(sum.sent == network.handed - network.handed_marked);
	REQUIRE(sum.resent == network.handed_marked);
	REQUIRE(network.sockets <= pool_sockets);
	REQUIRE(network.sockets == output_pool_counts(output).open);
}

/* In some seeds there is news of all that is lost, so that nothing is missing but by the accounts. */
static void change_a_place(void)
{
	static const enum fake_place states[] = { FAKE_OPEN,	   FAKE_OPEN,	    FAKE_CLOSED,
						  FAKE_NO_WAY,	   FAKE_NARROW,	    FAKE_SILENT,
						  FAKE_CLOSED_FAR, FAKE_CLOSED_FAR, FAKE_OPEN };
	size_t known = seed % 4 < 2 ? 5 : ARRAY_LEN(states);

	fake_set_place(fake_random(FAKE_PLACES), states[fake_random((unsigned)known)]);
}

static void change_a_name(void)
{
	size_t name = fake_random(FAKE_NAMES);

	fake_set_name(name, name_places[name] & fake_random(1 << FAKE_PLACES));
}

static void change_troubles(void)
{
	struct fake_troubles troubles = { 0 };

	if (fake_random(2) == 0)
		troubles = (struct fake_troubles){
			.eagain = fake_random(40),
			.enobufs = fake_random(40),
			.eintr = fake_random(40),
			.emsgsize = fake_random(10),
			.einval = fake_random(200),
			.enomem = fake_random(10),
			.emfile = fake_random(200),
		};
	fake_set_troubles(&troubles);
}

static void take_a_step(void)
{
	unsigned action = fake_random(1000);

	if (action < 600) {
		unsigned burst = fake_random(500) == 0 ? 3000 : fake_random(4) == 0 ? 60 : 2;

		for (unsigned k = fake_random(burst); k > 0; k--)
			push(fake_random(TARGETS));
		output_flush(output);
	} else if (action < 960) {
		fake_run(fake_random(20) == 0 ? fake_random(3000) : fake_random(10));
	} else if (action < 980) {
		change_a_place();
	} else if (action < 988) {
		change_a_name();
	} else if (action < 994) {
		change_troubles();
	} else {
		reload();
	}
}

/* Records of a target that arrived nowhere. */
static uint64_t missing_of(size_t i)
{
	uint64_t missing = 0;

	for (uint32_t number = 1; number <= targets[i].pushed; number++)
		missing += (targets[i].arrived[number / 8] >> number % 8 & 1) == 0;
	return missing;
}

/* What is missing was dropped or refused, and counted so, unless nobody could know. */
static void check_losses(size_t i)
{
	struct target_counts counts = target_counts(output_target(output, i));
	struct fake_counts network = fake_counts();
	uint64_t lost = 0, untold = 0;

	for (size_t place = 0; place < FAKE_PLACES; place++) {
		if ((target_places[i] >> place & 1) == 0)
			continue;
		lost += network.lost[place];
		untold += network.untold[place];
	}
	REQUIRE(missing_of(i) <= dropped_of(&counts) + counts.refused + untold);
	if (seed % 2 != 0) /* nothing was sent again */
		REQUIRE(counts.refused == lost - untold);
}

/* In the end all is well: what waits comes, and what did not come is counted. */
static void check_end(void)
{
	fake_set_troubles(&(struct fake_troubles){ 0 });
	for (size_t place = 0; place < FAKE_PLACES; place++)
		fake_set_place(place, FAKE_OPEN);
	for (size_t name = 0; name < FAKE_NAMES; name++)
		fake_set_name(name, name_places[name]);
	for (int i = 0; i < 200; i++) {
		fake_run(500);
		check_accounts();
	}
	REQUIRE(output_queued(output) == 0);
	for (size_t i = 0; i < TARGETS; i++)
		check_losses(i);
}

static void run_seed(uint64_t number, unsigned steps)
{
	const struct pool_options pool = { .sockets = 4, .idle_timeout = 1 };

	seed = number;
	step = 0;
	memset(targets, 0, sizeof(targets));
	fake_start(seed, on_arrival);
	for (size_t i = 0; i < TARGETS; i++)
		targets[i].policy = (enum target_policy)((i + seed) % 4);
	for (size_t name = 0; name < FAKE_NAMES; name++)
		fake_set_name(name, name_places[name]);
	pool_sockets = pool.sockets;
	n_targets = 0;
	REQUIRE(output_new(NULL, &pool, "host", &output) == 0);
	while (n_targets == 0)
		reload();
	for (; step < steps; step++) {
		take_a_step();
		check_accounts();
	}
	check_end();
	output_free(output);
	REQUIRE(fake_counts().sockets == 0);
}

START_TEST(accounts_close_after_every_step)
{
	const char *one = getenv("LOGFWD_SEED");
	unsigned steps = (unsigned)test_steps(STEPS / SEEDS, STEPS);

	/* what the log says of each outage is not the subject */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	if (one != NULL)
		run_seed(strtoull(one, NULL, 10), steps);
	else
		run_seed((uint64_t)_i, steps);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("target_random");
	TCase *random = tcase_create("random");

	tcase_set_tags(random, LONG_TAG);
	tcase_add_loop_test(random, accounts_close_after_every_step, 1,
			    getenv("LOGFWD_SEED") != NULL ? 2 : 1 + SEEDS);
	suite_add_tcase(suite, random);
	return suite;
}
