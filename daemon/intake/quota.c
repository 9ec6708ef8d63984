#include "intake/quota.h"

#include <assert.h>

#define BUCKETS 256

struct user {
	struct user *next;
	uid_t uid;
	uint64_t held[QUOTA_KINDS];
};

struct quota {
	uint64_t limit[QUOTA_KINDS];
	uint64_t share[QUOTA_KINDS];
	uint64_t held[QUOTA_KINDS];
	struct user *users[BUCKETS]; /* those that hold something */
};

void limits_fit(struct limits *limits, uint64_t descriptors, size_t ring_size)
{
	uint64_t rings = limits->ring_bytes / ring_size, clients = limits->clients;

	if (rings > clients)
		rings = clients;
	if (clients + rings <= descriptors)
		return;
	if (rings > descriptors / 4)
		rings = descriptors / 4;
	if (clients > descriptors - rings)
		clients = descriptors - rings;
	else
		rings = descriptors - clients;
	limits->ring_bytes = rings * ring_size;
	limits->clients = clients > 0 ? (uint32_t)clients : 1;
}

static uint64_t share_of(uint64_t limit, uint32_t percent)
{
	uint64_t share = limit / 100 * percent + limit % 100 * percent / 100;

	return share > 0 ? share : 1;
}

void quota_set_limits(struct quota *quota, const struct limits *limits)
{
	quota->limit[QUOTA_CLIENTS] = limits->clients;
	quota->limit[QUOTA_LOGGERS] = limits->loggers;
	quota->limit[QUOTA_CONTEXT_BYTES] = limits->context_bytes;
	quota->limit[QUOTA_RECORDER_BYTES] = limits->recorder_bytes;
	quota->limit[QUOTA_RING_BYTES] = limits->ring_bytes;
	for (size_t i = 0; i < QUOTA_KINDS; i++)
		quota->share[i] = share_of(quota->limit[i], limits->uid_share);
}

struct quota *quota_new(const struct limits *limits)
{
	struct quota *quota = calloc(1, sizeof(*quota));

	if (quota != NULL)
		quota_set_limits(quota, limits);
	return quota;
}

void quota_free(struct quota *quota)
{
	if (quota == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (quota->users[i] != NULL) {
			struct user *user = quota->users[i];

			quota->users[i] = user->next;
			free(user);
		}
	}
	free(quota);
}

/* The link that points to the user, or to the NULL where it would be. */
static struct user **quota_find(struct quota *quota, uid_t uid)
{
	struct user **link = &quota->users[uid % BUCKETS];

	while (*link != NULL && (*link)->uid != uid)
		link = &(*link)->next;
	return link;
}

/* held may exceed limit: limits can be lowered. */
static bool fits(uint64_t held, uint64_t limit, size_t amount)
{
	return held <= limit && amount <= limit - held;
}

enum quota_result quota_take(struct quota *quota, enum quota_kind kind, uid_t uid, size_t amount)
{
	struct user **link = quota_find(quota, uid);

	if (amount == 0) /* nobody is remembered for that */
		return QUOTA_TAKEN;
	if (!fits(quota->held[kind], quota->limit[kind], amount))
		return QUOTA_LIMIT;
	if (!fits(*link == NULL ? 0 : (*link)->held[kind], quota->share[kind], amount))
		return QUOTA_SHARE;
	if (*link == NULL) {
		*link = calloc(1, sizeof(**link));
		if (*link == NULL)
			return QUOTA_NO_MEMORY;
		(*link)->uid = uid;
	}
	(*link)->held[kind] += amount;
	quota->held[kind] += amount;
	return QUOTA_TAKEN;
}

void quota_release(struct quota *quota, enum quota_kind kind, uid_t uid, size_t amount)
{
	struct user **link = quota_find(quota, uid);
	struct user *user = *link;

	if (amount == 0)
		return;
	assert(user != NULL && user->held[kind] >= amount);
	user->held[kind] -= amount;
	quota->held[kind] -= amount;
	for (size_t i = 0; i < QUOTA_KINDS; i++) {
		if (user->held[i] > 0)
			return;
	}
	*link = user->next;
	free(user);
}

bool quota_exceeded(struct quota *quota, enum quota_kind kind, uid_t uid)
{
	const struct user *user = *quota_find(quota, uid);

	return quota->held[kind] > quota->limit[kind] ||
	       (user != NULL && user->held[kind] > quota->share[kind]);
}

uint64_t quota_held(const struct quota *quota, enum quota_kind kind)
{
	return quota->held[kind];
}
