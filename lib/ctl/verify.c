#include "ctl/verify.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/numbered.h"

#define HOST_BYTES   256 /* HOSTNAME has at most 255, RFC 5424 6 */
#define SENDER_BYTES 64
/* So many late ones in a row from 1 on, which were never seen, are a new beginning. */
#define STREAK_RESTARTS 8

struct place {
	uint32_t digest;
	bool seen;
	uint32_t streak; /* in which it was taken as late; 0: in none */
};

/*
 * Late ones in a row, upwards: they may be of a new beginning already, in the places of numbers
 * that we never saw. That shows when it comes to one that we did see, or when it began with 1.
 */
struct streak {
	uint32_t id;		/* of the last one; 0: there was none */
	uint32_t count;		/* of numbers in it; 0: it is over */
	uint32_t first, latest; /* numbers */
	uint64_t lost, late;	/* the counts before it */
};

struct source {
	char host[HOST_BYTES];
	char sender[SENDER_BYTES];
	struct verify_counts counts;
	uint32_t latest; /* the youngest number; 0: none yet */
	uint64_t at;	 /* where that is; places go on where numbers begin again */
	struct streak streak;
	uint64_t span; /* numbers from the first that is expected to the latest */
	struct place places[VERIFY_WINDOW]; /* of the last ones */
};

struct verify {
	struct source *sources[VERIFY_SOURCES_MAX];
	size_t n_sources;
	size_t last; /* of the sources, whose the last datagram was */
	uint64_t unnumbered;
};

struct verify *verify_new(void)
{
	return calloc(1, sizeof(struct verify));
}

void verify_free(struct verify *verify)
{
	if (verify == NULL)
		return;
	for (size_t i = 0; i < verify->n_sources; i++)
		free(verify->sources[i]);
	free(verify);
}

static bool source_is(const struct source *source, const char *sender, struct span host)
{
	return strcmp(source->sender, sender) == 0 && span_equal(span_of(source->host), host);
}

/* Finds or makes the source; NULL when there is no room for it. */
static struct source *find_source(struct verify *verify, const char *sender, struct span host)
{
	struct source *source;

	if (verify->n_sources > 0 && source_is(verify->sources[verify->last], sender, host))
		return verify->sources[verify->last];
	for (size_t i = 0; i < verify->n_sources; i++) {
		if (source_is(verify->sources[i], sender, host)) {
			verify->last = i;
			return verify->sources[i];
		}
	}
	if (verify->n_sources == VERIFY_SOURCES_MAX || host.len >= HOST_BYTES ||
	    memchr(host.ptr, '\0', host.len) != NULL || strlen(sender) >= SENDER_BYTES)
		return NULL;
	source = calloc(1, sizeof(*source));
	if (source == NULL)
		return NULL;
	memcpy(source->host, host.ptr, host.len);
	memcpy(source->sender, sender, strlen(sender));
	verify->last = verify->n_sources;
	verify->sources[verify->n_sources++] = source;
	return source;
}

/* Numbers are a circle, 1 behind SEQUENCE_ID_MAX. */
static uint32_t steps_from(uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + (SEQUENCE_ID_MAX - from);
}

/* Of what is so many steps older than the latest, fewer than VERIFY_WINDOW. */
static struct place *place_behind(struct source *source, uint32_t steps)
{
	return &source->places[(source->at - steps) % VERIFY_WINDOW];
}

/* The latest moves on to a younger one, over those that are missing now. */
static void take_younger(struct source *source, const struct numbered *numbered, uint32_t steps)
{
	source->streak.count = 0;
	source->counts.lost += steps - 1;
	source->counts.gaps += steps > 1 ? 1 : 0;
	source->latest = numbered->sequence_id;
	source->at += steps;
	source->span += steps;
	for (uint32_t i = 0; i < steps && i < VERIFY_WINDOW; i++)
		*place_behind(source, i) = (struct place){ 0 };
	*place_behind(source, 0) = (struct place){ .digest = numbered->digest, .seen = true };
}

/* The first of all that we see: nothing is known to be missing before it. */
static void take_first(struct source *source, const struct numbered *numbered)
{
	source->latest = numbered->sequence_id;
	source->at = VERIFY_WINDOW;
	source->span = 1;
	*place_behind(source, 0) = (struct place){ .digest = numbered->digest, .seen = true };
}

/* A streak that leads to a new beginning was the first of it. Returns how many they are. */
static uint32_t take_streak(struct source *source, uint32_t sequence_id)
{
	struct streak *streak = &source->streak;

	if (streak->count == 0 || streak->latest >= sequence_id || sequence_id > VERIFY_WINDOW)
		return 0;
	source->counts.lost = streak->lost;
	source->counts.late = streak->late;
	return streak->count;
}

/* A new beginning, which was with 1; so many steps behind the latest, if it is as near as that. */
static void take_restart(struct source *source, const struct numbered *numbered, uint32_t steps)
{
	uint32_t begun = take_streak(source, numbered->sequence_id);

	source->at -= steps;
	for (uint32_t i = 0; i < VERIFY_WINDOW; i++) {
		struct place *place = place_behind(source, i);

		if (begun == 0 || i >= numbered->sequence_id || place->streak != source->streak.id)
			*place = (struct place){ 0 };
	}
	source->streak.count = 0;
	source->latest = numbered->sequence_id;
	source->span = numbered->sequence_id <= VERIFY_WINDOW ? numbered->sequence_id : 1;
	source->counts.lost += source->span - 1 - begun;
	source->counts.gaps += source->span - 1 > begun ? 1 : 0;
	source->counts.restarts++;
	*place_behind(source, 0) = (struct place){ .digest = numbered->digest, .seen = true };
}

/* Returns which streak one that is late belongs to. */
static uint32_t streak_take(struct source *source, uint32_t sequence_id)
{
	struct streak *streak = &source->streak;

	if (streak->count == 0 || sequence_id <= streak->latest)
		*streak = (struct streak){
			.id = streak->id + 1,
			.first = sequence_id,
			.lost = source->counts.lost,
			.late = source->counts.late,
		};
	streak->count++;
	streak->latest = sequence_id;
	return streak->id;
}

static bool is_new_beginning(const struct source *source, const struct place *place,
			     const struct numbered *numbered)
{
	const struct streak *streak = &source->streak;

	if (place->seen)
		return place->digest != numbered->digest;
	return !numbered->resent && streak->count >= STREAK_RESTARTS && streak->first == 1 &&
	       streak->latest < numbered->sequence_id;
}

/* One that is not younger than the latest, by so many steps, and in the window. */
static void take_older(struct source *source, const struct numbered *numbered, uint32_t steps)
{
	struct place *place = place_behind(source, steps);

	if (is_new_beginning(source, place, numbered)) {
		take_restart(source, numbered, steps);
		return;
	}
	if (place->seen || numbered->resent)
		source->streak.count = 0;
	if (place->seen) {
		*(numbered->resent ? &source->counts.copies : &source->counts.duplicates) += 1;
		return;
	}
	*place = (struct place){
		.digest = numbered->digest,
		.seen = true,
		.streak = numbered->resent ? 0 : streak_take(source, numbered->sequence_id),
	};
	source->counts.late += numbered->resent ? 0 : 1;
	if (steps < source->span) {
		source->counts.lost--;
	} else { /* it was before the first that we saw */
		source->counts.lost += steps - source->span;
		source->span = steps + UINT64_C(1);
	}
}

static void take(struct source *source, const struct numbered *numbered)
{
	uint32_t ahead, behind;

	source->counts.received++;
	source->counts.resent += numbered->resent ? 1 : 0;
	if (source->latest == 0) {
		take_first(source, numbered);
		return;
	}
	ahead = steps_from(source->latest, numbered->sequence_id);
	behind = steps_from(numbered->sequence_id, source->latest);
	if (behind < VERIFY_WINDOW)
		take_older(source, numbered, behind);
	else if (ahead <= VERIFY_GAP_MAX)
		take_younger(source, numbered, ahead);
	else if (numbered->resent) /* too old to be looked up */
		source->counts.copies++;
	else
		take_restart(source, numbered, 0);
}

bool verify_take(struct verify *verify, const char *sender, struct span datagram)
{
	struct numbered numbered;
	struct source *source = NULL;

	if (numbered_parse(datagram, &numbered))
		source = find_source(verify, sender, numbered.host);
	if (source == NULL) {
		verify->unnumbered++;
		return false;
	}
	take(source, &numbered);
	return true;
}

struct verify_counts verify_total(const struct verify *verify)
{
	struct verify_counts total = { 0 };

	for (size_t i = 0; i < verify->n_sources; i++) {
		const struct verify_counts *counts = &verify->sources[i]->counts;

		total.received += counts->received;
		total.lost += counts->lost;
		total.gaps += counts->gaps;
		total.late += counts->late;
		total.resent += counts->resent;
		total.duplicates += counts->duplicates;
		total.copies += counts->copies;
		total.restarts += counts->restarts;
	}
	return total;
}

uint64_t verify_unnumbered(const struct verify *verify)
{
	return verify->unnumbered;
}

size_t verify_sources(const struct verify *verify)
{
	return verify->n_sources;
}

struct verify_counts verify_source(const struct verify *verify, size_t index, const char **host_out,
				   const char **sender_out)
{
	const struct source *source = verify->sources[index];

	*host_out = source->host;
	*sender_out = source->sender;
	return source->counts;
}
