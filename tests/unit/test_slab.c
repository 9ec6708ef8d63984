/*
 * Proves that objects of all sizes are zeroed, aligned, apart from each other and whole until they
 * are freed, that chunks go back to the system one by one, and that it goes on when the system
 * gives nothing or takes nothing back.
 */
#include "route/slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/span.h"
#include "support/suite.h"

#define OBJECTS 20000

static bool map_fails, unmap_fails;

void *__real_mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t length);
void *__wrap_mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t length);

void *__wrap_mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	return map_fails ? MAP_FAILED : __real_mmap64(at, length, protection, flags, fd, offset);
}

int __wrap_munmap(void *at, size_t length)
{
	return unmap_fails ? -1 : __real_munmap(at, length);
}

struct object {
	uint8_t *bytes; /* NULL: free */
	size_t size;
};

static struct object objects[OBJECTS];

static bool all_are(const uint8_t *bytes, size_t size, uint8_t value)
{
	size_t i = 0;

	while (i < size && bytes[i] == value)
		i++;
	return i == size;
}

/* No assertion where all is well: each one costs Check a system call. */
static void object_make(struct slab *slab, size_t i, size_t size)
{
	uint8_t *bytes = slab_alloc(slab, size);

	if (bytes == NULL || (uintptr_t)bytes % 8 != 0 || !all_are(bytes, size, 0))
		ck_abort_msg("object %zu of %zu bytes at %p", i, size, (void *)bytes);
	memset(bytes, (int)(i % 255 + 1), size);
	objects[i] = (struct object){ bytes, size };
}

static void object_end(struct slab *slab, size_t i)
{
	const struct object *object = &objects[i];

	if (!all_are(object->bytes, object->size, (uint8_t)(i % 255 + 1)))
		ck_abort_msg("object %zu has changed", i);
	slab_free(slab, object->bytes);
	objects[i].bytes = NULL;
}

START_TEST(objects_of_all_sizes_come_and_go)
{
	struct slab slab = { 0 };
	unsigned random = (unsigned)_i + 1;

	for (size_t turn = 0; turn < 20 * OBJECTS; turn++) {
		size_t i, size;

		random = random * 1103515245u + 12345u;
		i = (random >> 8) % OBJECTS;
		size = 1 + (random >> 4) % SLAB_OBJECT_MAX;
		if (objects[i].bytes != NULL)
			object_end(&slab, i);
		else
			object_make(&slab, i, size);
	}
	for (size_t i = 0; i < OBJECTS; i++) {
		if (objects[i].bytes != NULL)
			object_end(&slab, i);
	}
	ck_assert_uint_eq(slab.chunks, 1); /* the spare one */
	slab_deinit(&slab);
}
END_TEST

START_TEST(an_object_takes_its_size_and_little_more)
{
	const size_t size = 80;
	size_t bytes = 0;
	struct slab slab = { 0 };

	for (size_t i = 0; i < OBJECTS; i++)
		object_make(&slab, i, size);
	bytes = slab.chunks * SLAB_CHUNK_BYTES;
	ck_assert_uint_le(bytes, OBJECTS * size * 102 / 100 + SLAB_CHUNK_BYTES);
	for (size_t i = 0; i < OBJECTS; i++) {
		object_end(&slab, i);
		if (slab.chunks > (OBJECTS - i) * size / SLAB_CHUNK_BYTES + 3)
			ck_abort_msg("%zu chunks for %zu objects", slab.chunks, OBJECTS - i);
	}
	slab_deinit(&slab);
}
END_TEST

START_TEST(without_memory_there_is_no_object_and_all_others_stay)
{
	struct slab slab = { 0 };
	size_t count = 0;

	object_make(&slab, count++, 320);
	map_fails = true;
	while (count < OBJECTS) {
		void *object = slab_alloc(&slab, 320);

		if (object == NULL)
			break;
		slab_free(&slab, object);
		object_make(&slab, count++, 320);
	}
	ck_assert_uint_eq(count, (SLAB_CHUNK_BYTES - 64) / 320);
	ck_assert_ptr_null(slab_alloc(&slab, 8));
	map_fails = false;
	object_make(&slab, count++, 320);
	while (count-- > 0)
		object_end(&slab, count);
	slab_deinit(&slab);
}
END_TEST

START_TEST(a_chunk_that_the_system_does_not_take_serves_on)
{
	struct slab slab = { 0 };
	size_t chunks;

	for (size_t i = 0; i < OBJECTS; i++)
		object_make(&slab, i, 64);
	chunks = slab.chunks;
	unmap_fails = true;
	for (size_t i = 0; i < OBJECTS; i++)
		object_end(&slab, i);
	ck_assert_uint_eq(slab.chunks, chunks);
	map_fails = true; /* what there is must do */
	for (size_t i = 0; i < OBJECTS; i++)
		object_make(&slab, i, 64);
	map_fails = false;
	unmap_fails = false;
	for (size_t i = 0; i < OBJECTS; i++)
		object_end(&slab, i);
	slab_deinit(&slab);
	ck_assert_uint_eq(slab.chunks, 0);
}
END_TEST

START_TEST(a_chunk_begins_at_a_multiple_of_its_size_wherever_the_kernel_maps)
{
	const size_t size = 4096;
	void *shifts[16];
	struct slab slab = { 0 };
	size_t count = 0;

	/* odd mappings in between, so that the next one does not fit as it is */
	for (size_t i = 0; i < ARRAY_LEN(shifts); i++) {
		size_t chunks = slab.chunks;

		shifts[i] = __real_mmap64(NULL, size * (i % 15 + 1), PROT_READ,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ck_assert(shifts[i] != MAP_FAILED);
		while (slab.chunks == chunks)
			object_make(&slab, count++, 320);
	}
	while (count-- > 0)
		object_end(&slab, count);
	for (size_t i = 0; i < ARRAY_LEN(shifts); i++)
		__real_munmap(shifts[i], size * (i % 15 + 1));
	slab_deinit(&slab);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("slab");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, objects_of_all_sizes_come_and_go, 0, 4);
	tcase_add_test(all, an_object_takes_its_size_and_little_more);
	tcase_add_test(all, without_memory_there_is_no_object_and_all_others_stay);
	tcase_add_test(all, a_chunk_that_the_system_does_not_take_serves_on);
	tcase_add_test(all, a_chunk_begins_at_a_multiple_of_its_size_wherever_the_kernel_maps);
	suite_add_tcase(suite, all);
	return suite;
}
