#include "intake/syslog_socket.h"

#include <errno.h>
#include <stdalign.h>
#include <sys/socket.h>

#include "intake/syslog_message.h"
#include "os/clock.h"
#include "os/log.h"

#define BATCH_DATAGRAMS	 64
#define BATCHES_PER_TURN 16
/* A text of the largest record with the longest header before it. */
#define DATAGRAM_BYTES (WIRE_RECORD_MAX + 1024)
#define SCRATCH_BYTES  (64 * 1024)

/* Room for the sender's credentials and nothing else: descriptors that somebody passes do not fit. */
struct credentials {
	alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct ucred))];
};

struct syslog_socket {
	struct intake_ops ops;
	int fd;
	struct event *readable;
	struct log_limit complaint;
	struct mmsghdr datagrams[BATCH_DATAGRAMS];
	struct iovec parts[BATCH_DATAGRAMS];
	struct credentials credentials[BATCH_DATAGRAMS];
	uint8_t scratch[SCRATCH_BYTES]; /* unescaped structured data of one batch */
	uint8_t *bytes; /* BATCH_DATAGRAMS times DATAGRAM_BYTES; touched as needed */
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	syslog_socket_drain(arg, BATCHES_PER_TURN);
}

int syslog_socket_new(struct event_base *base, int fd, const struct intake_ops *ops,
		      struct syslog_socket **socket_out)
{
	CLEANUP(syslog_socket_free) struct syslog_socket *socket = calloc(1, sizeof(*socket));

	if (socket == NULL)
		return -ENOMEM;
	socket->fd = -1; /* the caller's until all is well */
	socket->ops = *ops;
	socket->bytes = malloc((size_t)BATCH_DATAGRAMS * DATAGRAM_BYTES);
	socket->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, socket);
	if (socket->bytes == NULL || socket->readable == NULL ||
	    event_add(socket->readable, NULL) < 0)
		return -ENOMEM;
	socket->fd = fd;
	*socket_out = move_ptr(socket);
	return 0;
}

void syslog_socket_free(struct syslog_socket *socket)
{
	if (socket == NULL)
		return;
	if (socket->readable != NULL)
		event_free(socket->readable);
	if (socket->fd >= 0)
		close(socket->fd);
	free(socket->bytes);
	free(socket);
}

static struct ucred sender_of(struct msghdr *message)
{
	struct ucred sender = { .pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
		    c->cmsg_len >= CMSG_LEN(sizeof(sender)))
			memcpy(&sender, CMSG_DATA(c), sizeof(sender));
	}
	return sender;
}

/* length: of the datagram as it was sent, more than len when the buffer cut it. */
static void socket_take(struct syslog_socket *socket, struct span bytes, size_t length,
			const struct ucred *sender, int64_t now_us, struct writer *scratch)
{
	uint8_t name[LOGGER_NAME_MAX];
	struct syslog_message message;
	struct record record;

	if (bytes.len == 0) {
		socket->ops.reject(socket->ops.arg, REJECT_MALFORMED);
		return;
	}
	syslog_message_parse(bytes, scratch, &message);
	record = (struct record){
		.logger = syslog_logger_name(message.tag, name),
		.app = message.tag,
		.pid = sender->pid,
		.uid = sender->uid,
		.time_us = now_us,
		.level = message.level,
		.text = message.text,
		.original_length = message.text.len + (length - bytes.len),
		.context = message.context,
		.n_context = message.n_context,
	};
	(void)socket->ops.record(socket->ops.arg, &record); /* without a lease it is taken */
}

static void socket_arm(struct syslog_socket *socket, size_t i)
{
	socket->parts[i] = (struct iovec){
		.iov_base = socket->bytes + i * DATAGRAM_BYTES,
		.iov_len = DATAGRAM_BYTES,
	};
	socket->datagrams[i] = (struct mmsghdr){
		.msg_hdr = {
			.msg_iov = &socket->parts[i],
			.msg_iovlen = 1,
			.msg_control = socket->credentials[i].control,
			.msg_controllen = sizeof(socket->credentials[i].control),
		},
	};
}

/* One recvmmsg(2) and what it brought. Returns how many datagrams came. */
static int socket_take_batch(struct syslog_socket *socket)
{
	struct writer scratch = writer_over(socket->scratch, sizeof(socket->scratch));
	int64_t now_us;
	int count;

	for (size_t i = 0; i < BATCH_DATAGRAMS; i++)
		socket_arm(socket, i);
	count = recvmmsg(socket->fd, socket->datagrams, BATCH_DATAGRAMS,
			 MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC, NULL);
	if (count < 0) {
		if (errno != EAGAIN && errno != EINTR)
			log_limited(&socket->complaint, LOG_LEVEL_ERROR, "intake",
				    "syslog socket: %s; records wait in it", strerror(errno));
		return 0;
	}
	now_us = clock_realtime_us();
	for (int i = 0; i < count; i++) {
		struct msghdr *header = &socket->datagrams[i].msg_hdr;
		size_t length = socket->datagrams[i].msg_len;
		size_t kept = length < DATAGRAM_BYTES ? length : DATAGRAM_BYTES;
		struct ucred sender = sender_of(header);

		socket_take(socket, span_of_bytes(socket->parts[i].iov_base, kept), length, &sender,
			    now_us, &scratch);
	}
	socket->ops.flush(socket->ops.arg);
	return count;
}

bool syslog_socket_drain(struct syslog_socket *socket, unsigned max_batches)
{
	while (max_batches-- > 0) {
		if (socket_take_batch(socket) < BATCH_DATAGRAMS)
			return true;
	}
	return false;
}
