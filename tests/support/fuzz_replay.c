/*
 * Runs a fuzz target over the files that the command line names, and over all in the folders
 * that it names: with it, a corpus is a normal test, with any compiler.
 */
#include "support/fuzz_target.h"

#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_BYTES_MAX (1024 * 1024)

/* Returns false when the file cannot be read. */
static bool replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(INPUT_BYTES_MAX);
	bool done = false;

	if (file != NULL && bytes != NULL) {
		size_t size = fread(bytes, 1, INPUT_BYTES_MAX, file);

		/* In a block of its own size a read behind the end is seen. */
		uint8_t *input = realloc(bytes, size > 0 ? size : 1);

		if (input != NULL) {
			bytes = input;
			LLVMFuzzerTestOneInput(bytes, size);
			done = ferror(file) == 0;
		}
	}
	if (file != NULL)
		fclose(file);
	free(bytes);
	return done;
}

int main(int argc, char **argv)
{
	FTS *files = argc > 1 ? fts_open(argv + 1, FTS_LOGICAL | FTS_NOCHDIR, NULL) : NULL;
	size_t replayed = 0;
	FTSENT *entry;

	if (files == NULL) {
		fprintf(stderr, "usage: %s FILE-OR-FOLDER...\n", argv[0]);
		return EXIT_FAILURE;
	}
	while ((entry = fts_read(files)) != NULL) {
		if (entry->fts_info == FTS_D || entry->fts_info == FTS_DP)
			continue;
		if (entry->fts_info != FTS_F || !replay(entry->fts_accpath)) {
			fprintf(stderr, "%s: cannot be read\n", entry->fts_path);
			return EXIT_FAILURE;
		}
		replayed++;
	}
	fts_close(files);
	printf("%zu inputs\n", replayed);
	return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
