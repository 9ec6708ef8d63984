#include "output/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <stdio.h>
#include <string.h>

/* While a name has no answer it is asked for again this soon, if its interval is not shorter. */
#define RETRY_S		2
#define NAMESERVERS_MAX 3
#define CANCEL_TURNS	8

struct resolver {
	struct event_base *base;
	struct socket_pool *pool;
	struct evdns_base *dns; /* only while questions are open: its sockets count */
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
	struct evdns_getaddrinfo_request *request;
	bool asking; /* the callback is still owed */
};

static bool port_parse(const char *text, uint16_t *port_out)
{
	unsigned value = 0;

	if (*text == '\0' || strlen(text) > 5)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
	}
	if (value < 1 || value > UINT16_MAX)
		return false;
	*port_out = (uint16_t)value;
	return true;
}

static bool host_is_name(const char *host)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t label = 0;

	if (strspn(host, letters) != strlen(host) || strspn(host, "0123456789.") == strlen(host))
		return false; /* digits and dots alone are a mistyped address, not a name */
	for (; *host != '\0'; host++) {
		label = *host == '.' ? 0 : label + 1;
		if (label > 63 || (*host == '.' && (host[1] == '.' || host[1] == '\0')))
			return false;
	}
	return true;
}

bool address_parse(const char *text, struct address_text *address_out)
{
	struct address_text address = { 0 };
	bool bracketed = text[0] == '[';
	const char *host = bracketed ? text + 1 : text;
	const char *end = bracketed ? strchr(host, ']') : strchr(host, ':');
	struct in_addr v4;
	struct in6_addr v6;
	size_t length;

	if (end == NULL || end == host)
		return false;
	length = (size_t)(end - host);
	if (length > ADDRESS_HOST_MAX)
		return false;
	memcpy(address.host, host, length);
	end += bracketed ? 1 : 0;
	if (*end != ':' || !port_parse(end + 1, &address.port))
		return false;
	if (bracketed)
		address.numeric = inet_pton(AF_INET6, address.host, &v6) == 1;
	else
		address.numeric = inet_pton(AF_INET, address.host, &v4) == 1;
	if (!address.numeric && (bracketed || !host_is_name(address.host)))
		return false;
	*address_out = address;
	return true;
}

bool address_numeric(const struct address_text *address, struct sockaddr_storage *storage_out,
		     socklen_t *length_out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(address->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(address->port) };

	if (!address->numeric)
		return false;
	memset(storage_out, 0, sizeof(*storage_out));
	if (inet_pton(AF_INET, address->host, &v4.sin_addr) == 1) {
		memcpy(storage_out, &v4, sizeof(v4));
		*length_out = sizeof(v4);
		return true;
	}
	if (inet_pton(AF_INET6, address->host, &v6.sin6_addr) == 1) {
		memcpy(storage_out, &v6, sizeof(v6));
		*length_out = sizeof(v6);
		return true;
	}
	return false;
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

/*
 * evdns holds one UDP socket for each nameserver, of which resolv.conf(5) takes three: they
 * get their place under the bound before they are opened.
 */
static bool resolver_open_dns(struct resolver *resolver)
{
	uint32_t limit = socket_pool_counts(resolver->pool).limit;

	if (resolver->dns != NULL)
		return true;
	if (!socket_pool_reserve(resolver->pool, limit < NAMESERVERS_MAX ? limit : NAMESERVERS_MAX))
		return false;
	resolver->dns = evdns_base_new(resolver->base, EVDNS_BASE_INITIALIZE_NAMESERVERS);
	if (resolver->dns == NULL) /* no nameserver in resolv.conf: /etc/hosts still serves */
		resolver->dns = evdns_base_new(resolver->base, 0);
	if (resolver->dns == NULL) {
		socket_pool_reserve(resolver->pool, 0);
		return false;
	}
	evdns_base_load_hosts(resolver->dns, "/etc/hosts");
	if (socket_pool_reserve(resolver->pool,
				(uint32_t)evdns_base_count_nameservers(resolver->dns)))
		return true;
	resolver_close_dns(resolver);
	return false;
}

static void question_schedule(struct question *question, uint32_t seconds)
{
	const struct timeval wait = { .tv_sec = seconds };

	event_add(question->timer, &wait);
}

static void on_addrinfo(int result, struct evutil_addrinfo *found, void *arg)
{
	struct question *question = arg;
	struct resolver *resolver = question->resolver;
	const struct timeval now = { 0 };
	bool good = result == 0 && found != NULL;

	question->asking = false;
	question->request = NULL;
	if (--resolver->open_questions == 0)
		event_add(resolver->close_dns, &now);
	if (result == EVUTIL_EAI_CANCEL) {
		/* question_free() has gone: this was its last tie */
		free(question);
		return;
	}
	question_schedule(question,
			  good || question->interval_s < RETRY_S ? question->interval_s : RETRY_S);
	question->answer(good ? found->ai_addr : NULL, good ? (socklen_t)found->ai_addrlen : 0,
			 question->arg);
	if (found != NULL)
		evutil_freeaddrinfo(found);
}

static void question_ask(struct question *question)
{
	const struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_protocol = IPPROTO_UDP,
		.ai_flags = EVUTIL_AI_NUMERICSERV | EVUTIL_AI_ADDRCONFIG,
	};
	char port[6];

	if (!resolver_open_dns(question->resolver)) {
		question_schedule(question, RETRY_S);
		question->answer(NULL, 0, question->arg);
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
