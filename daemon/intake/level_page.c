#include "intake/level_page.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "os/shared_memory.h"
#include "wire/level_page.h"

struct level_page {
	int fd;
	size_t bytes;
	union level_page_shared *shared; /* MAP_FAILED: not mapped */
	/* What the kernel reads at the thread's end: a list of one, and how to get from it to the futex. */
	struct robust_list_head robust;
	struct robust_list held;
	struct robust_list_head *robust_before; /* glibc's */
	bool registered;
};

/* Mapped before it is sealed: F_SEAL_FUTURE_WRITE leaves us this one way to write. */
static int level_page_make(struct level_page *page)
{
	page->fd = shared_memory_new("logfwd-levels");
	if (page->fd < 0)
		return page->fd;
	if (ftruncate(page->fd, (off_t)page->bytes) < 0)
		return -errno;
	page->shared = mmap(NULL, page->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, page->fd, 0);
	if (page->shared == MAP_FAILED || fcntl(page->fd, F_ADD_SEALS, LEVEL_PAGE_SEALS) < 0)
		return -errno;
	return 0;
}

/*
 * Has the kernel mark the page at the end of this thread. A thread has one such list, and glibc
 * has registered its own for robust mutexes, which this program does not use: ours takes its place
 * as long as the page lives. fork() leaves it behind, and the child's glibc registers again.
 */
static int level_page_hold(struct level_page *page)
{
	size_t length;

	page->held.next = &page->robust.list;
	page->robust.list.next = &page->held;
	page->robust.futex_offset = (char *)&page->shared->holder - (char *)&page->held;
	if (syscall(SYS_get_robust_list, 0, &page->robust_before, &length) < 0)
		return -errno;
	atomic_store_explicit(&page->shared->holder, (uint32_t)gettid(), memory_order_release);
	if (syscall(SYS_set_robust_list, &page->robust, sizeof(page->robust)) < 0)
		return -errno;
	page->registered = true;
	return 0;
}

int level_page_new(struct level_page **page_out)
{
	CLEANUP(level_page_free) struct level_page *page = calloc(1, sizeof(*page));
	int result;

	if (page == NULL)
		return -ENOMEM;
	page->fd = -1;
	page->shared = MAP_FAILED;
	page->bytes = (size_t)sysconf(_SC_PAGESIZE);
	result = level_page_make(page);
	if (result == 0)
		result = level_page_hold(page);
	if (result < 0)
		return result;
	*page_out = move_ptr(page);
	return 0;
}

void level_page_free(struct level_page *page)
{
	if (page == NULL)
		return;
	if (page->registered)
		syscall(SYS_set_robust_list, page->robust_before, sizeof(*page->robust_before));
	if (page->shared != MAP_FAILED) {
		atomic_store_explicit(&page->shared->holder, LEVEL_PAGE_ABANDONED,
				      memory_order_release);
		munmap(page->shared, page->bytes);
	}
	if (page->fd >= 0)
		close(page->fd);
	free(page);
}

void level_page_count(struct level_page *page)
{
	if (page != NULL)
		atomic_fetch_add_explicit(&page->shared->generation, 1, memory_order_release);
}

int level_page_fd(const struct level_page *page)
{
	return page->fd;
}
