#include "intake/descriptors.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int descriptors_send(int socket, const void *bytes, size_t length, const int *fds, size_t count)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)bytes, length };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	ssize_t sent;

	assert(count > 0 && count <= DESCRIPTORS_MAX);
	control.header = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(count * sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	};
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* ETOOMANYREFS: so many clients have not taken theirs that no more may be on the way. */
	if (sent < 0 && errno != EAGAIN)
		sent = send(socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent < 0 ? -errno : 0;
}
