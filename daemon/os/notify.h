/**
 * notify: tells the service manager how we are (sd_notify(3)). Without a manager, or without
 * libsystemd at build time, nothing happens.
 */
#ifndef LOGFWD_OS_NOTIFY_H
#define LOGFWD_OS_NOTIFY_H

#include <stdint.h>

void notify_ready(void);
void notify_reloading(void); /* ends with notify_ready() */
void notify_stopping(void);

/** How often the manager wants to hear that we live (WatchdogSec=), in microseconds; 0: never. */
uint64_t notify_watchdog_us(void);
void notify_alive(void);

#endif
