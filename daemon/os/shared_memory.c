#include "os/shared_memory.h"

#include <errno.h>
#include <sys/mman.h>

/* Not yet in the headers of every system: memfd_create(2), Linux 6.3. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Some systems allow only memory that can never be executed; older ones do not know of it. */
int shared_memory_new(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL | MFD_ALLOW_SEALING);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}
