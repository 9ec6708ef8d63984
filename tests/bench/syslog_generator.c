/*
 * syslog_generator: datagrams as syslog(3) writes them, with a blocking send(), into a
 * Unix datagram socket. `syslog_generator [--writer N] [--rate R] [--seconds S] [--bytes B] PATH`
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int connect_datagram(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int send_datagram(void *arg, const struct record *record, uint64_t sequence)
{
	const int *fd = arg;
	ssize_t sent;

	(void)sequence;
	do
		sent = send(*fd, record->text, record->length, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	static struct load_result result;
	struct load_options options;
	char header[64];
	time_t now = time(NULL);
	int first = load_parse(argc, argv, &options);
	int fd, error;
	size_t length;

	if (first < 0 || first + 1 != argc) {
		fprintf(stderr, "usage: %s [OPTION...] PATH\n", argv[0]);
		return 2;
	}
	fd = connect_datagram(argv[first]);
	if (fd < 0) {
		perror(argv[first]);
		return 1;
	}
	length = strftime(header, sizeof(header), "<134>%b %e %H:%M:%S ", localtime(&now));
	snprintf(header + length, sizeof(header) - length, "bench[%d]: ", (int)getpid());
	error = load_run(&options, header, send_datagram, &fd, &result);
	if (error < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-error));
		return 1;
	}
	load_print(&result);
	return 0;
}
