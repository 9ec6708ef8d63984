#include "support/fake_network.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "os/clock.h"
#include "output/address.h"
#include "support/fake_resolver.h"

/* Check writes down every assertion that it passes, which would be most of the work. */
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("the network: %s", #condition);                               \
	} while (0)

#define SOCKETS_MAX 256
#define FIRST_FD    100000 /* no real one */
#define EVENTS_MAX  2048
#define ERRORS_MAX  128 /* of one socket, as its receive buffer would bound them */
#define QUOTE_MAX   520
#define ROUNDS_MAX  5000 /* of the loop at one instant; more is a spin */
#define FAR_MS	    20	 /* until a far error is back */
#define FAR_BURST   6	 /* errors that a far host sends at once, then one in a while */

struct fake_error {
	int error;
	int64_t due_ms;
	size_t datagrams; /* that it is about */
	size_t length;
	uint8_t quote[QUOTE_MAX];
};

struct fake_socket {
	bool open;
	size_t host; /* the last byte of its address */
	size_t place;
	bool is_full; /* until time passes */
	int pending;  /* what the next call fails with */
	struct fake_error errors[ERRORS_MAX];
	size_t n_errors;
};

struct event {
	int fd;
	short what;
	event_callback_fn callback;
	void *arg;
	bool added, timed;
	int64_t due_ms, every_ms;
};

static struct {
	uint64_t random;
	int64_t now_ms;
	fake_arrival *arrival;
	struct fake_troubles troubles;
	enum fake_place places[FAKE_PLACES];
	int64_t far_interval_ms;
	int64_t errors_ms[FAKE_PLACES]; /* of each host, what its errors have used of its time */
	struct fake_socket sockets[SOCKETS_MAX];
	struct event *events[EVENTS_MAX];
	size_t n_events;
	struct fake_counts counts;
} fake;

void fake_start(uint64_t seed, fake_arrival *arrival)
{
	memset(&fake, 0, sizeof(fake));
	fake.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	fake.now_ms = 1000000;
	fake.far_interval_ms = 1000;
	fake.arrival = arrival;
	fake_resolver_start();
}

/* xorshift64* */
unsigned fake_random(unsigned bound)
{
	fake.random ^= fake.random >> 12;
	fake.random ^= fake.random << 25;
	fake.random ^= fake.random >> 27;
	return (unsigned)((fake.random * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % bound;
}

static bool happens(unsigned of_1024)
{
	return of_1024 > 0 && fake_random(1024) < of_1024;
}

void fake_set_troubles(const struct fake_troubles *troubles)
{
	fake.troubles = *troubles;
}

void fake_set_place(size_t place, enum fake_place state)
{
	fake.places[place] = state;
}

void fake_set_far_interval(int64_t milliseconds)
{
	fake.far_interval_ms = milliseconds;
}

int64_t fake_now_ms(void)
{
	return fake.now_ms;
}

struct fake_counts fake_counts(void)
{
	return fake.counts;
}

/* --- the clock --- */

int64_t clock_monotonic_ms(void)
{
	return fake.now_ms;
}

int64_t clock_realtime_us(void)
{
	return fake.now_ms * 1000;
}

/* --- sockets --- */

static struct fake_socket *socket_of(int fd)
{
	REQUIRE(fd >= FIRST_FD);
	REQUIRE(fake.sockets[fd - FIRST_FD].open);
	return &fake.sockets[fd - FIRST_FD];
}

int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	if (happens(fake.troubles.emfile)) {
		errno = EMFILE;
		return -1;
	}
	for (int i = 0; i < SOCKETS_MAX; i++) {
		if (fake.sockets[i].open)
			continue;
		fake.sockets[i].open = true;
		fake.sockets[i].is_full = false;
		fake.sockets[i].pending = 0;
		fake.sockets[i].n_errors = 0;
		fake.counts.sockets++;
		return FIRST_FD + i;
	}
	ck_abort_msg("there is no end to sockets");
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	struct fake_socket *socket;

	if (fd < FIRST_FD)
		return __real_close(fd);
	socket = socket_of(fd);
	for (size_t i = 0; i < socket->n_errors; i++)
		fake.counts.untold[socket->place] += socket->errors[i].datagrams;
	for (size_t i = 0; i < fake.n_events; i++)
		REQUIRE(fake.events[i]->fd != fd); /* epoll(7): events go before their fd */
	socket->open = false;
	fake.counts.sockets--;
	return 0;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	struct fake_socket *socket = socket_of(fd);

	(void)length;
	REQUIRE(v4->sin_family == AF_INET);
	socket->host = ntohl(v4->sin_addr.s_addr) & 0xff;
	socket->place = socket->host + ntohs(v4->sin_port) - FAKE_PORT;
	REQUIRE(socket->place < FAKE_PLACES);
	if (fake.places[socket->place] != FAKE_NO_WAY)
		return 0;
	errno = ENETUNREACH;
	return -1;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	(void)level;
	(void)name;
	(void)value;
	(void)length;
	socket_of(fd);
	return 0;
}

/* UDP_SEGMENT is there, and the MTU is that of Ethernet. */
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	const int mtu = 1500;

	(void)level;
	(void)name;
	socket_of(fd);
	memcpy(value, &mtu, sizeof(mtu));
	*length = sizeof(mtu);
	return 0;
}

static bool is_marked(const uint8_t *bytes, size_t length)
{
	static const char mark[] = "resent=\"true\"";

	return memmem(bytes, length < 200 ? length : 200, mark, sizeof(mark) - 1) != NULL;
}

/* Whether the limit that far hosts have for errors holds one back; inet_peer_xrlim_allow(). */
static bool is_held_back(size_t host)
{
	int64_t *used_ms = &fake.errors_ms[host];
	int64_t first_ms = fake.now_ms - FAR_BURST * fake.far_interval_ms;

	*used_ms = *used_ms > first_ms ? *used_ms : first_ms;
	if (*used_ms + fake.far_interval_ms > fake.now_ms)
		return true;
	*used_ms += fake.far_interval_ms;
	return false;
}

/* An error comes, or not. */
static void refuse(struct fake_socket *socket, enum fake_place state, const uint8_t *bytes,
		   size_t length, size_t datagrams)
{
	struct fake_error *error = &socket->errors[socket->n_errors];
	bool far = state == FAKE_CLOSED_FAR;
	int64_t due_ms = fake.now_ms + (far ? FAR_MS : 0);

	fake.counts.lost[socket->place] += datagrams;
	if (socket->n_errors == ERRORS_MAX || state == FAKE_SILENT ||
	    (far && is_held_back(socket->host))) {
		fake.counts.untold[socket->place] += datagrams;
		return;
	}
	/* in the order in which they come back */
	for (; error > socket->errors && error[-1].due_ms > due_ms; error--)
		error[0] = error[-1];
	socket->n_errors++;
	*error = (struct fake_error){
		.error = state == FAKE_NARROW ? EMSGSIZE : ECONNREFUSED,
		.due_ms = due_ms,
		.datagrams = datagrams,
		.length = length < QUOTE_MAX ? length : QUOTE_MAX,
	};
	memcpy(error->quote, bytes, error->length);
	if (!far)
		socket->pending = error->error;
}

/* The bytes of a message in one piece, static. */
static const uint8_t *gather(const struct msghdr *message, size_t *length_out)
{
	static uint8_t bytes[70000];
	size_t length = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++) {
		memcpy(bytes + length, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
		length += message->msg_iov[i].iov_len;
	}
	*length_out = length;
	return bytes;
}

static size_t segment_bytes(const struct msghdr *message, size_t whole)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(message);
	uint16_t bytes;

	if (control == NULL)
		return whole;
	REQUIRE(control->cmsg_type == UDP_SEGMENT);
	memcpy(&bytes, CMSG_DATA(control), sizeof(bytes));
	return bytes;
}

/*
 * The same machine refuses a message as a whole, with one error; on its way to another one the
 * message was cut into its datagrams.
 */
static void hand_over(struct fake_socket *socket, const struct msghdr *message)
{
	enum fake_place state = fake.places[socket->place];
	size_t length, datagrams = 0;
	const uint8_t *bytes = gather(message, &length);
	size_t each = segment_bytes(message, length);

	for (size_t at = 0; at < length; at += each, datagrams++) {
		size_t left = length - at < each ? length - at : each;

		fake.counts.handed++;
		fake.counts.handed_marked += is_marked(bytes + at, left);
		if (state == FAKE_OPEN)
			fake.arrival(socket->place, bytes + at, left);
		else if (state != FAKE_CLOSED)
			refuse(socket, state, bytes + at, left, 1);
		if (state == FAKE_NARROW)
			state = fake.places[socket->place] = FAKE_OPEN;
	}
	if (state == FAKE_CLOSED)
		refuse(socket, state, bytes, length, datagrams);
}

/* Why a message is not taken, or 0. */
static int obstacle(struct fake_socket *socket, const struct msghdr *message)
{
	const struct fake_troubles *troubles = &fake.troubles;

	if (socket->pending != 0) {
		int error = socket->pending;

		socket->pending = 0;
		return error;
	}
	if (fake.places[socket->place] == FAKE_NO_WAY)
		return ENETUNREACH;
	if (socket->is_full || happens(troubles->eagain)) {
		socket->is_full = true;
		return EAGAIN;
	}
	if (message->msg_controllen > 0 && happens(troubles->einval))
		return EINVAL;
	return happens(troubles->enobufs)    ? ENOBUFS
	       : happens(troubles->enomem)   ? ENOMEM
	       : happens(troubles->eintr)    ? EINTR
	       : happens(troubles->emsgsize) ? EMSGSIZE
					     : 0;
}

/* As the kernel's: an error behind the first message is forgotten. */
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	struct fake_socket *socket = socket_of(fd);

	(void)flags;
	for (unsigned i = 0; i < count; i++) {
		int error = obstacle(socket, &messages[i].msg_hdr);

		if (error != 0) {
			errno = error;
			return i > 0 ? (int)i : -1;
		}
		hand_over(socket, &messages[i].msg_hdr);
	}
	return (int)count;
}

static bool has_news(const struct fake_socket *socket)
{
	return socket->n_errors > 0 && socket->errors[0].due_ms <= fake.now_ms;
}

/* From the error queue only. */
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	struct fake_socket *socket = socket_of(fd);
	const struct cmsghdr header = {
		.cmsg_len = CMSG_LEN(sizeof(struct sock_extended_err)),
		.cmsg_level = IPPROTO_IP,
		.cmsg_type = IP_RECVERR,
	};
	struct sock_extended_err extended = { 0 };
	size_t length;

	REQUIRE((flags & MSG_ERRQUEUE) != 0);
	if (!has_news(socket)) {
		errno = EAGAIN;
		return -1;
	}
	extended.ee_errno = (uint32_t)socket->errors[0].error;
	extended.ee_origin = SO_EE_ORIGIN_ICMP;
	memcpy(message->msg_control, &header, sizeof(header));
	memcpy(CMSG_DATA((struct cmsghdr *)message->msg_control), &extended, sizeof(extended));
	message->msg_controllen = CMSG_SPACE(sizeof(extended));
	length = socket->errors[0].length;
	memcpy(message->msg_iov[0].iov_base, socket->errors[0].quote, length);
	socket->n_errors--;
	socket->pending = 0;
	memmove(socket->errors, socket->errors + 1, socket->n_errors * sizeof(*socket->errors));
	return (ssize_t)length;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags)
{
	(void)bytes;
	(void)length;
	(void)flags;
	socket_of(fd);
	errno = EAGAIN;
	return -1;
}

/* --- the loop --- */

struct event *__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
			       event_callback_fn callback, void *arg);
struct event *__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
			       event_callback_fn callback, void *arg)
{
	struct event *event = calloc(1, sizeof(*event));

	(void)base;
	REQUIRE(fake.n_events < EVENTS_MAX);
	*event = (struct event){ .fd = fd, .what = what, .callback = callback, .arg = arg };
	fake.events[fake.n_events++] = event;
	return event;
}

int __wrap_event_add(struct event *event, const struct timeval *wait);
int __wrap_event_add(struct event *event, const struct timeval *wait)
{
	event->added = true;
	event->timed = wait != NULL;
	if (wait != NULL) {
		event->every_ms = wait->tv_sec * 1000 + wait->tv_usec / 1000;
		event->due_ms = fake.now_ms + event->every_ms;
	}
	return 0;
}

int __wrap_event_del(struct event *event);
int __wrap_event_del(struct event *event)
{
	event->added = false;
	return 0;
}

void __wrap_event_free(struct event *event);
void __wrap_event_free(struct event *event)
{
	for (size_t i = 0; i < fake.n_events; i++) {
		if (fake.events[i] == event)
			fake.events[i] = fake.events[--fake.n_events];
	}
	free(event);
}

/* What of its conditions holds now. */
static short event_ready(const struct event *event)
{
	const struct fake_socket *socket;

	if (!event->added)
		return 0;
	if (event->timed && event->due_ms <= fake.now_ms)
		return EV_TIMEOUT;
	if (event->fd < FIRST_FD)
		return 0;
	socket = socket_of(event->fd);
	if ((event->what & EV_READ) != 0 && has_news(socket))
		return EV_READ;
	return (event->what & EV_WRITE) != 0 && !socket->is_full ? EV_WRITE : 0;
}

static void event_fire(struct event *event, short what)
{
	if ((event->what & EV_PERSIST) == 0)
		event->added = false;
	else if (what == EV_TIMEOUT)
		event->due_ms += event->every_ms;
	event->callback(event->fd, what, event->arg);
}

static bool fire_one(void)
{
	for (size_t i = 0; i < fake.n_events; i++) {
		struct event *event = fake.events[i];
		short what = event_ready(event);

		if (what == 0)
			continue;
		event_fire(event, what);
		return true;
	}
	return false;
}

void fake_run(int64_t milliseconds)
{
	int rounds = 0;

	fake.now_ms += milliseconds;
	for (size_t i = 0; i < SOCKETS_MAX && milliseconds > 0; i++) {
		struct fake_socket *socket = &fake.sockets[i];

		socket->is_full = false;
		if (socket->open && has_news(socket))
			socket->pending = socket->errors[0].error;
	}
	while (fake_resolver_answer_one() || fire_one())
		REQUIRE(++rounds < ROUNDS_MAX); /* or it spins at one instant */
}
