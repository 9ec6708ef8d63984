#include "output/resolver.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "os/clock.h"

/* While a name has no good answer it is asked for again this soon, if its interval is not shorter. */
#define RETRY_S		2
#define OUTDATED_S	1 /* between two looks whether the questions to old nameservers have ended */
#define NAMESERVERS_MAX 3 /* of which resolv.conf(5) takes notice */
#define CANCEL_TURNS	8
#define RESOLV_CONF	"/etc/resolv.conf"
#define HOSTS		"/etc/hosts"
#define LINE_BYTES	512

/* Which file was read, and as of when; all 0: there was none. */
struct file_stamp {
	dev_t device;
	ino_t inode;
	off_t bytes;
	struct timespec changed;
};

struct stamps {
	struct file_stamp resolv_conf, hosts;
};

struct resolver {
	struct event_base *base;
	struct socket_pool *pool;
	struct evdns_base *dns; /* only while questions are open: its sockets count */
	struct stamps read;	/* when it was made: it never reads them again */
	unsigned open_questions;
	struct event *close_dns; /* evdns must not be freed from its own callback */
};

struct question {
	struct resolver *resolver;
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port;
	uint32_t interval_s;
	resolver_answer *answer;
	void *arg;
	struct event *timer; /* when to ask next */
	int64_t asked_ms;    /* monotonic, the last time */
	struct evdns_getaddrinfo_request *request;
	bool asking; /* the callback is still owed */
};

static struct file_stamp file_stamp_of(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return (struct file_stamp){ 0 };
	return (struct file_stamp){ status.st_dev, status.st_ino, status.st_size, status.st_ctim };
}

static bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct stamps stamps_now(void)
{
	return (struct stamps){ file_stamp_of(RESOLV_CONF), file_stamp_of(HOSTS) };
}

static bool stamps_equal(const struct stamps *a, const struct stamps *b)
{
	return file_stamp_equal(&a->resolv_conf, &b->resolv_conf) &&
	       file_stamp_equal(&a->hosts, &b->hosts);
}

static void resolver_close_dns(struct resolver *resolver)
{
	if (resolver->dns != NULL)
		evdns_base_free(resolver->dns, 1);
	resolver->dns = NULL;
	socket_pool_reserve(resolver->pool, 0);
}

static void on_close_dns(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *resolver = arg;

	(void)fd;
	(void)what;
	if (resolver->open_questions == 0)
		resolver_close_dns(resolver);
}

int resolver_new(struct event_base *base, struct socket_pool *pool, struct resolver **resolver_out)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (resolver == NULL)
		return -ENOMEM;
	resolver->base = base;
	resolver->pool = pool;
	resolver->close_dns = evtimer_new(base, on_close_dns, resolver);
	if (resolver->close_dns == NULL) {
		free(resolver);
		return -ENOMEM;
	}
	*resolver_out = resolver;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	resolver_close_dns(resolver);
	/* cancelled questions are told so from the loop, and only then free themselves */
	for (int i = 0; i < CANCEL_TURNS && resolver->open_questions > 0; i++)
		event_base_loop(resolver->base, EVLOOP_NONBLOCK);
	event_free(resolver->close_dns);
	free(resolver);
}

/* Adds those of resolv.conf(5), as many as there is room for; without any, that of this host. */
static void dns_add_nameservers(struct evdns_base *dns, uint32_t room)
{
	FILE *file = fopen(RESOLV_CONF, "re");
	char line[LINE_BYTES], address[LINE_BYTES];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL &&
	       (uint32_t)evdns_base_count_nameservers(dns) < room) {
		if (sscanf(line, " nameserver %511s", address) == 1)
			evdns_base_nameserver_ip_add(dns, address);
	}
	if (file != NULL)
		fclose(file);
	if (evdns_base_count_nameservers(dns) == 0)
		evdns_base_nameserver_ip_add(dns, "127.0.0.1");
}

/*
 * evdns would open a UDP socket for each nameserver that resolv.conf(5) names. They get their
 * place under the bound before they are opened, and leave room for a collector where they can.
 */
static bool resolver_open_dns(struct resolver *resolver)
{
	uint32_t limit = socket_pool_counts(resolver->pool).limit;
	uint32_t room = limit / 2;

	if (resolver->dns != NULL)
		return true;
	room = room < 1 ? 1 : room < NAMESERVERS_MAX ? room : NAMESERVERS_MAX;
	if (!socket_pool_reserve(resolver->pool, room))
		return false;
	resolver->read = stamps_now();
	resolver->dns = evdns_base_new(resolver->base, 0);
	if (resolver->dns == NULL) {
		socket_pool_reserve(resolver->pool, 0);
		return false;
	}
	evdns_base_resolv_conf_parse(resolver->dns, DNS_OPTION_SEARCH | DNS_OPTION_MISC,
				     RESOLV_CONF);
	dns_add_nameservers(resolver->dns, room);
	if (limit == 1) { /* collectors wait meanwhile: it must not be long */
		evdns_base_set_option(resolver->dns, "timeout:", "1");
		evdns_base_set_option(resolver->dns, "attempts:", "1");
	}
	evdns_base_load_hosts(resolver->dns, HOSTS);
	return true;
}

/*
 * Questions that fail can follow on each other so closely that one is always open. Then those of
 * nameservers that are gone must not be joined by another one, or nobody would ever look again.
 */
static bool resolver_is_outdated(const struct resolver *resolver)
{
	struct stamps now;

	if (resolver->dns == NULL)
		return false;
	now = stamps_now();
	return !stamps_equal(&resolver->read, &now);
}

static void question_schedule_ms(struct question *question, int64_t wait_ms)
{
	const struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

	event_add(question->timer, &wait);
}

static void question_schedule(struct question *question, uint32_t seconds)
{
	question_schedule_ms(question, (int64_t)seconds * 1000);
}

static void on_addrinfo(int result, struct evutil_addrinfo *found, void *arg)
{
	struct question *question = arg;
	struct resolver *resolver = question->resolver;
	const struct timeval now = { 0 };
	struct address_list addresses = { 0 };

	question->asking = false;
	question->request = NULL;
	if (--resolver->open_questions == 0)
		event_add(resolver->close_dns, &now);
	if (result == EVUTIL_EAI_CANCEL) {
		/* question_free() has gone: this was its last tie */
		free(question);
		return;
	}
	for (struct evutil_addrinfo *at = found; at != NULL; at = at->ai_next)
		address_list_add(&addresses, at->ai_addr, (socklen_t)at->ai_addrlen);
	if (found != NULL)
		evutil_freeaddrinfo(found);
	question_schedule(question, addresses.n > 0 || question->interval_s < RETRY_S
					    ? question->interval_s
					    : RETRY_S);
	question->answer(&addresses, question->arg);
}

static void question_ask(struct question *question)
{
	const struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_protocol = IPPROTO_UDP,
		.ai_flags = EVUTIL_AI_NUMERICSERV,
	};
	const struct address_list none = { 0 };
	char port[6];

	if (resolver_is_outdated(question->resolver)) {
		question_schedule(question, OUTDATED_S);
		return;
	}
	question->asked_ms = clock_monotonic_ms();
	if (!resolver_open_dns(question->resolver)) {
		question_schedule(question, RETRY_S);
		question->answer(&none, question->arg);
		return;
	}
	snprintf(port, sizeof(port), "%u", question->port);
	question->resolver->open_questions++;
	question->asking = true;
	question->request = evdns_getaddrinfo(question->resolver->dns, question->host, port, &hints,
					      on_addrinfo, question);
}

static void on_ask(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	question_ask(arg);
}

int resolver_ask(struct resolver *resolver, const struct address_text *address, uint32_t interval_s,
		 resolver_answer *answer, void *arg, struct question **question_out)
{
	struct question *question = calloc(1, sizeof(*question));

	if (question == NULL)
		return -ENOMEM;
	question->resolver = resolver;
	memcpy(question->host, address->host, sizeof(question->host));
	question->port = address->port;
	question->interval_s = interval_s;
	question->answer = answer;
	question->arg = arg;
	question->timer = evtimer_new(resolver->base, on_ask, question);
	if (question->timer == NULL) {
		free(question);
		return -ENOMEM;
	}
	question_schedule(question,
			  0); /* from the loop, so that the answer never comes before we return */
	*question_out = question;
	return 0;
}

void question_free(struct question *question)
{
	if (question == NULL)
		return;
	event_free(question->timer);
	question->timer = NULL;
	if (question->asking && question->request != NULL)
		evdns_getaddrinfo_cancel(question->request); /* its callback frees */
	else
		free(question);
}

void question_set_interval(struct question *question, uint32_t interval_s)
{
	question->interval_s = interval_s;
}

void question_hurry(struct question *question)
{
	int64_t since_ms = clock_monotonic_ms() - question->asked_ms;

	if (question->asking)
		return;
	question_schedule_ms(question, since_ms >= RETRY_S * 1000 ? 0 : RETRY_S * 1000 - since_ms);
}
