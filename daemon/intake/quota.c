#include "intake/quota.h"

#include <assert.h>

#define BUCKETS 256

struct user {
	struct user *next;
	uid_t uid;
	uint32_t held[QUOTA_KINDS];
};

struct quota {
	uint32_t limit[QUOTA_KINDS];
	uint32_t share[QUOTA_KINDS];
	uint32_t held[QUOTA_KINDS];
	struct user *users[BUCKETS]; /* those that hold something */
};

static uint32_t share_of(uint32_t limit, uint32_t percent)
{
	uint64_t share = (uint64_t)limit * percent / 100;

	return share > 0 ? (uint32_t)share : 1;
}

void quota_set_limits(struct quota *quota, const struct limits *limits)
{
	quota->limit[QUOTA_CLIENTS] = limits->clients;
	quota->limit[QUOTA_LOGGERS] = limits->loggers;
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

enum quota_result quota_take(struct quota *quota, enum quota_kind kind, uid_t uid)
{
	struct user **link = quota_find(quota, uid);

	if (quota->held[kind] >= quota->limit[kind])
		return QUOTA_LIMIT;
	if (*link == NULL) {
		*link = calloc(1, sizeof(**link));
		if (*link == NULL)
			return QUOTA_NO_MEMORY;
		(*link)->uid = uid;
	} else if ((*link)->held[kind] >= quota->share[kind]) {
		return QUOTA_SHARE;
	}
	(*link)->held[kind]++;
	quota->held[kind]++;
	return QUOTA_TAKEN;
}

void quota_release(struct quota *quota, enum quota_kind kind, uid_t uid)
{
	struct user **link = quota_find(quota, uid);
	struct user *user = *link;

	assert(user != NULL && user->held[kind] > 0);
	user->held[kind]--;
	quota->held[kind]--;
	for (size_t i = 0; i < QUOTA_KINDS; i++) {
		if (user->held[i] > 0)
			return;
	}
	*link = user->next;
	free(user);
}

uint32_t quota_held(const struct quota *quota, enum quota_kind kind)
{
	return quota->held[kind];
}
