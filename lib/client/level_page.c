#include "client/level_page.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int level_page_init(struct client_level_page *page)
{
	void *zeros = mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (zeros == MAP_FAILED)
		return -ENOMEM;
	page->shared = zeros;
	atomic_init(&page->seen, LEVEL_PAGE_UNSEEN);
	return 0;
}

void level_page_deinit(struct client_level_page *page)
{
	munmap((void *)page->shared, page_bytes());
}

/* A seal against shrinking means that no access can raise SIGBUS, whatever the daemon does. */
static bool is_level_page(int fd)
{
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & LEVEL_PAGE_SEALS) == LEVEL_PAGE_SEALS &&
	       fstat(fd, &status) == 0 && status.st_size == (off_t)page_bytes();
}

bool level_page_attach(struct client_level_page *page, int fd)
{
	if (!is_level_page(fd))
		return false;
	level_page_forget(page);
	/* In place of what is there, at once: other threads read the word all the time. */
	mmap((void *)page->shared, page_bytes(), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	return true;
}

void level_page_detach(struct client_level_page *page)
{
	level_page_forget(page);
	/* If that failed, the word of a daemon that is no longer ours cost a look at each call. */
	mmap((void *)page->shared, page_bytes(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	     -1, 0);
}

void level_page_forget(struct client_level_page *page)
{
	atomic_store_explicit(&page->seen, LEVEL_PAGE_UNSEEN, memory_order_release);
}

void level_page_see(struct client_level_page *page, uint64_t word)
{
	/* Without somebody who counts, the word would stay as it is for ever. */
	atomic_store_explicit(&page->seen, level_page_is_held(word) ? word : LEVEL_PAGE_UNSEEN,
			      memory_order_release);
}
