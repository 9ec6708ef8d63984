#include "control/json_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static void free_text(const void *text, size_t length, void *arg)
{
	(void)length;
	(void)arg;
	free((void *)text);
}

int json_line_add(struct evbuffer *output, const json_t *value, size_t cap)
{
	CLEANUP(free) char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT);
	size_t length;

	if (text == NULL)
		return -ENOMEM;
	length = strlen(text);
	if (length > cap)
		return -EFBIG;
	text[length] = '\n'; /* in the place of its NUL */
	if (evbuffer_add_reference(output, text, length + 1, free_text, NULL) < 0)
		return -ENOMEM;
	(void)move_ptr(text);
	return 0;
}
