/*
 * floor: the least that a forwarder can do. recvmmsg(64) from a Unix datagram socket,
 * sendmmsg(64) on a connected UDP socket, nothing between. `floor PATH PORT`
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define BATCH	     64
#define RECORD_BYTES 2048

static int bind_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : fd;
}

static int connect_udp(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd;
}

static bool send_all(int fd, struct mmsghdr *messages, unsigned count)
{
	unsigned done = 0;

	while (done < count) {
		int sent = sendmmsg(fd, messages + done, count - done, 0);

		if (sent < 0 && errno != EINTR)
			return false;
		done += sent < 0 ? 0 : (unsigned)sent;
	}
	return true;
}

static bool forward(int from, int to)
{
	static char bytes[BATCH][RECORD_BYTES];
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH];

	memset(messages, 0, sizeof(messages));
	for (size_t i = 0; i < BATCH; i++) {
		iov[i].iov_base = bytes[i];
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;) {
		int count;

		for (size_t i = 0; i < BATCH; i++)
			iov[i].iov_len = RECORD_BYTES;
		count = recvmmsg(from, messages, BATCH, MSG_WAITFORONE, NULL);
		if (count < 0 && errno != EINTR)
			return false;
		for (int i = 0; i < count; i++)
			iov[i].iov_len = messages[i].msg_len;
		if (count > 0 && !send_all(to, messages, (unsigned)count))
			return false;
	}
}

int main(int argc, char **argv)
{
	int from, to;

	if (argc != 3) {
		fprintf(stderr, "usage: %s PATH PORT\n", argv[0]);
		return 2;
	}
	from = bind_unix(argv[1]);
	to = connect_udp((uint16_t)atoi(argv[2]));
	if (from >= 0 && to >= 0)
		forward(from, to);
	perror(argv[0]); /* it forwards until it is killed */
	return 1;
}
