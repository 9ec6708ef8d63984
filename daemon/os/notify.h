/**
 * notify: tells the service manager how we are (sd_notify(3)). Without a manager, or without
 * libsystemd at build time, nothing happens.
 */
#ifndef LOGFWD_OS_NOTIFY_H
#define LOGFWD_OS_NOTIFY_H

void notify_ready(void);
void notify_reloading(void); /* ends with notify_ready() */
void notify_stopping(void);

#endif
