#include "support/target_fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>

static struct event_base *base;
static struct output *output;

void fixture_setup(void)
{
	const struct pool_options pool = { .sockets = FIXTURE_SOCKETS, .idle_timeout = 60 };

	base = event_base_new();
	ck_assert_int_eq(output_new(base, &pool, FIXTURE_HOST, &output), 0);
}

void fixture_teardown(void)
{
	output_free(output);
	event_base_free(base);
	libevent_global_shutdown();
}

struct output *fixture_output(void)
{
	return output;
}

struct target_options fixture_options(const char *name, const char *const *servers, size_t count)
{
	struct target_options options = target_defaults();

	options.name = name;
	options.servers = servers;
	options.n_servers = count;
	options.queue_bytes = 65536;
	return options;
}

void fixture_configure(const struct target_options *targets, size_t count)
{
	const struct pool_options pool = { .sockets = FIXTURE_SOCKETS, .idle_timeout = 60 };
	struct output_generation *generation;

	ck_assert_int_eq(output_prepare(output, targets, count, &generation), 0);
	output_commit(output, generation, &pool);
}

void fixture_check(const struct target *target)
{
	struct target_counts counts = target_counts(target);
	uint64_t dropped = 0;

	for (size_t i = 0; i < DROP_REASONS; i++)
		dropped += counts.dropped[i];
	ck_assert_uint_eq(counts.enqueued, counts.sent + dropped + counts.queued);
	ck_assert_uint_le(output_pool_counts(output).open, FIXTURE_SOCKETS);
}

void fixture_run_a_little(void)
{
	const struct timeval step = { .tv_usec = 10000 };

	event_base_loopexit(base, &step);
	event_base_dispatch(base);
}

void fixture_run_until_sent(struct target *target)
{
	/* ten seconds are far beyond any probe */
	for (int i = 0; i < 1000 && target_counts(target).queued > 0; i++) {
		fixture_run_a_little();
		fixture_check(target);
	}
	ck_assert_uint_eq(target_counts(target).queued, 0);
}

struct collector collector_open(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	struct collector collector = { .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) };

	ck_assert_int_eq(bind(collector.fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(getsockname(collector.fd, (struct sockaddr *)&address, &length), 0);
	snprintf(collector.address, sizeof(collector.address), "127.0.0.1:%u",
		 ntohs(address.sin_port));
	return collector;
}

const char *collector_take(const struct collector *collector)
{
	static char text[4096];
	ssize_t len = recv(collector->fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}
