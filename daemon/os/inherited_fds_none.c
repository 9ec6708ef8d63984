#include "os/inherited_fds.h"

void inherited_fds_init(struct inherited_fds *inherited_out)
{
	*inherited_out = (struct inherited_fds){ 0 };
}

int inherited_fds_take(struct inherited_fds *inherited, const char *name)
{
	(void)inherited;
	(void)name;
	return -1;
}

void inherited_fds_deinit(struct inherited_fds *inherited)
{
	(void)inherited;
}
