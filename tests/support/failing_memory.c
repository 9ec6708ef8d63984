#include "support/failing_memory.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "route/slab.h"

static size_t left = SIZE_MAX; /* SIZE_MAX: none fails */
static bool has_failed;
static bool only_one;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_reallocarray(void *block, size_t count, size_t size);
__attribute__((weak)) void *__real_slab_alloc(struct slab *slab, size_t size);
__attribute__((weak)) void *__real_mmap64(void *at, size_t length, int protection, int flags,
					  int fd, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
void *__wrap_slab_alloc(struct slab *slab, size_t size);
void *__wrap_mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset);

void memory_fail_after(size_t good)
{
	left = good;
	has_failed = false;
	only_one = false;
}

void memory_fail_once_after(size_t good)
{
	memory_fail_after(good);
	only_one = true;
}

bool memory_heal(void)
{
	left = SIZE_MAX;
	return has_failed;
}

static bool fails(void)
{
	if (left == SIZE_MAX)
		return false;
	if (left > 0) {
		left--;
		return false;
	}
	if (has_failed && only_one)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return fails() ? NULL : __real_realloc(block, size);
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(block, count, size);
}

void *__wrap_slab_alloc(struct slab *slab, size_t size)
{
	return fails() ? NULL : __real_slab_alloc(slab, size);
}

void *__wrap_mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : __real_mmap64(at, length, protection, flags, fd, offset);
}
