/**
 * level_map: what the tree knows of levels, as the frame that clients filter by.
 */
#ifndef LOGFWD_LEVEL_MAP_H
#define LOGFWD_LEVEL_MAP_H

#include "base/writer.h"
#include "route/tree.h"

/**
 * Appends the FRAME_LEVEL_MAP for a client. When it is more than writer has room for, or
 * without memory, it is one by which the client filters nothing, and leaves that to us.
 */
void level_map_write(const struct tree *tree, const void *owner, struct writer *writer);

#endif
