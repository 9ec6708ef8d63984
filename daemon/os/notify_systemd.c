#include "os/notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "os/clock.h"

void notify_ready(void)
{
	sd_notify(0, "READY=1\nSTATUS=Forwarding");
}

void notify_reloading(void)
{
	/* Type=notify-reload (systemd 253) wants the time as well */
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIi64, clock_monotonic_ms() * 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Sending what is queued");
}

uint64_t notify_watchdog_us(void)
{
	uint64_t interval_us;

	return sd_watchdog_enabled(0, &interval_us) > 0 ? interval_us : 0;
}

void notify_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}
