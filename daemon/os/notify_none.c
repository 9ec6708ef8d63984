#include "os/notify.h"

void notify_ready(void)
{
}

void notify_reloading(void)
{
}

void notify_stopping(void)
{
}

uint64_t notify_watchdog_us(void)
{
	return 0;
}

void notify_alive(void)
{
}
