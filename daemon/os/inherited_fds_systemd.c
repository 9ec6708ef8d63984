#include "os/inherited_fds.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "os/log.h"

void inherited_fds_init(struct inherited_fds *inherited_out)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names); /* and sets close-on-exec */

	*inherited_out = (struct inherited_fds){ 0 };
	for (int i = 0; i < count; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (i < INHERITED_FDS_MAX) {
			inherited_out->fds[inherited_out->count++] =
				(struct inherited_fd){ .name = names[i], .fd = fd };
			continue;
		}
		log_warning("os", "inherited socket \"%s\": more than %d were passed; closed",
			    names[i], INHERITED_FDS_MAX);
		close(fd);
		free(names[i]);
	}
	free(names);
}

int inherited_fds_take(struct inherited_fds *inherited, const char *name)
{
	for (size_t i = 0; i < inherited->count; i++) {
		int fd = inherited->fds[i].fd;

		if (fd < 0 || strcmp(inherited->fds[i].name, name) != 0)
			continue;
		inherited->fds[i].fd = -1;
		return fd;
	}
	return -1;
}

/* Why nobody took one. */
static const char *reason_of(const struct inherited_fds *inherited, size_t left)
{
	for (size_t i = 0; i < inherited->count; i++) {
		const struct inherited_fd *other = &inherited->fds[i];

		if (other->fd < 0 && strcmp(other->name, inherited->fds[left].name) == 0)
			return "there is another one of that name, which is served";
	}
	return "the name is none of client, syslog, control";
}

void inherited_fds_deinit(struct inherited_fds *inherited)
{
	for (size_t i = 0; i < inherited->count; i++) {
		if (inherited->fds[i].fd < 0)
			continue;
		log_warning("os", "inherited socket \"%s\": %s; closed", inherited->fds[i].name,
			    reason_of(inherited, i));
		close(inherited->fds[i].fd);
	}
	for (size_t i = 0; i < inherited->count; i++)
		free(inherited->fds[i].name);
	inherited->count = 0;
}
