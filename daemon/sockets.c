#include "sockets.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/inherited_fds.h"
#include "os/log.h"

/* One socket to be served. */
struct serve {
	const char *name; /* FileDescriptorName= of an inherited one */
	const char *path; /* "": it is off */
	int type;
	mode_t mode;
	gid_t group; /* (gid_t)-1: the daemon's own */
};

static int socket_inherit(int fd, const struct serve *serve)
{
	char error[LISTENER_ERROR_BYTES];

	if (listener_adopt(fd, serve->type, error) == 0)
		return fd;
	log_error("intake", "%s: %s", serve->name, error);
	close(fd);
	return -1;
}

static bool socket_open(struct sockets *sockets, struct inherited_fds *inherited,
			enum socket_kind kind, const struct serve *serve)
{
	char error[LISTENER_ERROR_BYTES];
	int fd = inherited_fds_take(inherited, serve->name);

	if (fd >= 0) {
		sockets->fds[kind] = socket_inherit(fd, serve);
		return sockets->fds[kind] >= 0;
	}
	if (serve->path[0] == '\0')
		return true;
	fd = listener_bind(serve->path, serve->type, serve->mode, serve->group, error);
	if (fd < 0) {
		log_error("intake", "%s", error);
		return false;
	}
	sockets->fds[kind] = fd;
	sockets->bound_paths[kind] = strdup(serve->path);
	return true;
}

static bool find_group(const char *name, gid_t *group_out)
{
	const struct group *group;

	*group_out = (gid_t)-1;
	if (name == NULL || name[0] == '\0')
		return true;
	group = getgrnam(name);
	if (group == NULL) {
		log_error("config", "listen.control-group: there is no group \"%s\"", name);
		return false;
	}
	*group_out = group->gr_gid;
	return true;
}

bool sockets_init(struct sockets *sockets, const struct listen_options *options)
{
	struct serve serves[SOCKET_KINDS] = {
		[SOCKET_CLIENT] = { "client", options->client, SOCK_SEQPACKET, options->client_mode,
				    (gid_t)-1 },
		[SOCKET_SYSLOG] = { "syslog", options->syslog, SOCK_DGRAM, options->syslog_mode,
				    (gid_t)-1 },
		[SOCKET_CONTROL] = { "control", options->control, SOCK_STREAM,
				     options->control_mode, (gid_t)-1 },
	};
	struct inherited_fds inherited;
	bool good;

	*sockets = SOCKETS_NONE;
	inherited_fds_init(&inherited); /* before anything else takes their numbers */
	good = find_group(options->control_group, &serves[SOCKET_CONTROL].group);
	for (size_t i = 0; i < SOCKET_KINDS && good; i++)
		good = socket_open(sockets, &inherited, (enum socket_kind)i, &serves[i]);
	inherited_fds_deinit(&inherited);
	return good;
}

int sockets_take(struct sockets *sockets, enum socket_kind kind)
{
	int fd = sockets->fds[kind];

	sockets->fds[kind] = -1;
	return fd;
}

void sockets_deinit(struct sockets *sockets)
{
	for (size_t i = 0; i < SOCKET_KINDS; i++) {
		if (sockets->fds[i] >= 0)
			close(sockets->fds[i]);
		if (sockets->bound_paths[i] != NULL)
			unlink(sockets->bound_paths[i]);
		free(sockets->bound_paths[i]);
	}
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

bool listen_options_equal(const struct listen_options *a, const struct listen_options *b)
{
	return same_text(a->client, b->client) && same_text(a->syslog, b->syslog) &&
	       same_text(a->control, b->control) && same_text(a->control_group, b->control_group) &&
	       a->client_mode == b->client_mode && a->syslog_mode == b->syslog_mode &&
	       a->control_mode == b->control_mode;
}
