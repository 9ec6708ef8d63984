/* Calls that do nothing, in a file of their own so that they are called. */
#include "micro.h"

bool nothing_enabled(const void *logger, int level)
{
	(void)logger;
	(void)level;
	return false;
}

int nothing_log(void *logger, int level, const char *format, ...)
{
	(void)logger;
	(void)level;
	(void)format;
	return 0;
}

int nothing_write(void *logger, int level, const void *text, size_t length)
{
	(void)logger;
	(void)level;
	(void)text;
	(void)length;
	return 0;
}
