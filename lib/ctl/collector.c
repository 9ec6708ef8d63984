#include "ctl/collector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define DATAGRAM_MAX  65536	 /* more than UDP can carry */
#define KERNEL_BUFFER (64 << 20) /* bytes */

struct collector {
	int fd;
	char address[NI_MAXHOST + NI_MAXSERV + 4];
	struct mmsghdr messages[COLLECTOR_BATCH];
	struct iovec vectors[COLLECTOR_BATCH];
	struct sockaddr_storage senders[COLLECTOR_BATCH];
	uint8_t buffers[COLLECTOR_BATCH][DATAGRAM_MAX];
};

/* 0 to 65535: getaddrinfo() takes larger ones, and counts around. */
static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 5 && text[digits] == '\0' && atoi(text) <= UINT16_MAX;
}

/* Splits "HOST:PORT" or "[V6]:PORT" in place. */
static bool split_address(char *address, char **host_out, char **port_out)
{
	bool brackets = address[0] == '[';
	char *colon = strrchr(address, ':');

	if (colon == NULL || colon == address || !is_port(colon + 1))
		return false;
	if (brackets && colon[-1] != ']')
		return false;
	if (!brackets && strchr(address, ':') != colon)
		return false;
	colon[brackets ? -1 : 0] = '\0';
	*host_out = address + (brackets ? 1 : 0);
	*port_out = colon + 1;
	return true;
}

/* The larger the better: as root beyond the system's limit, else up to it. */
static void enlarge_buffer(int fd)
{
	const int size = KERNEL_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int bind_socket(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	enlarge_buffer(fd);
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static void note_address(struct collector *collector)
{
	struct sockaddr_storage bound;
	socklen_t length = sizeof(bound);
	char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
	bool v6;

	if (getsockname(collector->fd, (struct sockaddr *)&bound, &length) < 0)
		return;
	v6 = bound.ss_family == AF_INET6;
	getnameinfo((struct sockaddr *)&bound, length, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM);
	snprintf(collector->address, sizeof(collector->address), "%s%s%s:%s", v6 ? "[" : "", host,
		 v6 ? "]" : "", port);
}

static const char *bind_fault(int error)
{
	if (error == EADDRINUSE)
		return "another program receives there; stop it or choose another port";
	if (error == EACCES)
		return "only root may receive at a port so low; choose one above 1023";
	if (error == EADDRNOTAVAIL)
		return "this host has no such address";
	return strerror(error);
}

/* Opens the socket; what is wrong, as text, or NULL. */
static const char *open_socket(struct collector *collector, const char *address)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE };
	CLEANUP(free) char *copy = strdup(address);
	struct addrinfo *found = NULL;
	char *host, *port;
	int error;

	if (copy == NULL)
		return strerror(ENOMEM);
	if (!split_address(copy, &host, &port))
		return "not of the form ADDRESS:PORT or [ADDRESS]:PORT, with a port of 0 to 65535";
	error = getaddrinfo(host, port, &hints, &found);
	if (error != 0)
		return gai_strerror(error);
	collector->fd = bind_socket(found);
	freeaddrinfo(found);
	if (collector->fd < 0)
		return bind_fault(-collector->fd);
	note_address(collector);
	return NULL;
}

struct collector *collector_new(const char *address)
{
	CLEANUP(collector_free) struct collector *collector = calloc(1, sizeof(*collector));
	const char *fault;

	if (collector == NULL) {
		fputs("logfwdctl: out of memory\n", stderr);
		return NULL;
	}
	collector->fd = -1;
	fault = open_socket(collector, address);
	if (fault != NULL) {
		fprintf(stderr, "logfwdctl: cannot receive at %s: %s\n", address, fault);
		return NULL;
	}
	for (size_t i = 0; i < COLLECTOR_BATCH; i++) {
		collector->vectors[i] = (struct iovec){ collector->buffers[i], DATAGRAM_MAX };
		collector->messages[i].msg_hdr.msg_iov = &collector->vectors[i];
		collector->messages[i].msg_hdr.msg_iovlen = 1;
		collector->messages[i].msg_hdr.msg_name = &collector->senders[i];
	}
	return move_ptr(collector);
}

void collector_free(struct collector *collector)
{
	if (collector == NULL)
		return;
	if (collector->fd >= 0)
		close(collector->fd);
	free(collector);
}

int collector_fd(const struct collector *collector)
{
	return collector->fd;
}

const char *collector_address(const struct collector *collector)
{
	return collector->address;
}

int collector_take(struct collector *collector, size_t limit)
{
	unsigned count = limit < COLLECTOR_BATCH ? (unsigned)limit : COLLECTOR_BATCH;
	int taken;

	for (unsigned i = 0; i < count; i++)
		collector->messages[i].msg_hdr.msg_namelen = sizeof(collector->senders[i]);
	taken = recvmmsg(collector->fd, collector->messages, count, MSG_DONTWAIT, NULL);

	if (taken >= 0)
		return taken;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

struct span collector_datagram(const struct collector *collector, int index)
{
	return span_of_bytes(collector->buffers[index], collector->messages[index].msg_len);
}

void collector_sender(const struct collector *collector, int index,
		      char text_out[static COLLECTOR_SENDER_BYTES])
{
	const struct sockaddr_storage *sender = &collector->senders[index];
	const void *address = &((const struct sockaddr_in *)sender)->sin_addr;

	if (sender->ss_family == AF_INET6)
		address = &((const struct sockaddr_in6 *)sender)->sin6_addr;
	if (inet_ntop(sender->ss_family, address, text_out, COLLECTOR_SENDER_BYTES) == NULL)
		text_out[0] = '\0';
}

/*
 * The socket's own counter, and not SO_RXQ_OVFL: that comes with a datagram which got through,
 * and so would miss what was dropped after the last one.
 */
uint32_t collector_kernel_drops(const struct collector *collector)
{
	uint32_t numbers[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(numbers);

	if (getsockopt(collector->fd, SOL_SOCKET, SO_MEMINFO, numbers, &length) < 0)
		return 0;
	return numbers[SK_MEMINFO_DROPS];
}
