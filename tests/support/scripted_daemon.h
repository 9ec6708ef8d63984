/**
 * scripted_daemon: the other end of the client library, played by a test step by step.
 *
 * A listener in a folder of its own. It reads and says only what the test tells it to; every
 * step waits for its condition with a deadline, and fails the test when that has passed.
 * The library never blocks, so both ends can run in one thread.
 */
#ifndef LOGFWD_TESTS_SCRIPTED_DAEMON_H
#define LOGFWD_TESTS_SCRIPTED_DAEMON_H

#include <logfwd.h>

#include "wire/frame.h"

struct scripted_daemon {
	char folder[64];
	char path[80];
	int listener; /* -1: nobody listens */
	int peer;     /* -1: no connection */
	uint8_t packet[WIRE_PACKET_MAX];
	struct span unread; /* of packet */
	size_t packets;	    /* received on all connections */
};

/** Makes the folder, and listens in it unless told not to. */
void daemon_init(struct scripted_daemon *daemon, bool listening);
void daemon_deinit(struct scripted_daemon *daemon);

void daemon_listen(struct scripted_daemon *daemon);
/** Ends the connection and the listener: the path leads nowhere then. */
void daemon_die(struct scripted_daemon *daemon);

/** Ends the connection; the listener stays. */
void daemon_hang_up(struct scripted_daemon *daemon);

/** True when a client has connected that was not accepted yet. */
bool daemon_has_caller(struct scripted_daemon *daemon);

/** Takes the client's connection and its greeting. app_name: what that must say, NULL: anything. */
void daemon_accept(struct scripted_daemon *daemon, const char *app_name);

/** Sends FRAME_WELCOME. */
void daemon_welcome(struct scripted_daemon *daemon, uint32_t record_bytes);
/** Sends FRAME_WELCOME that agrees to features, and count (0..4) descriptors with it. */
void daemon_welcome_with(struct scripted_daemon *daemon, uint32_t features, const int *fds,
			 size_t count);
/** Sends FRAME_LEVEL_MAP. */
void daemon_say_levels(struct scripted_daemon *daemon, uint8_t lease_floor,
		       const struct level_map_entry *entries, uint32_t count);
/** Sends FRAME_ERROR or FRAME_BYE. */
void daemon_say_error(struct scripted_daemon *daemon, enum frame_type type,
		      enum frame_error_code code, uint32_t logger_id);
void daemon_say_flushed(struct scripted_daemon *daemon, uint32_t token);
/** Sends any bytes as one packet. */
void daemon_say_bytes(struct scripted_daemon *daemon, const void *bytes, size_t length);

/** The next frame, waited for; borrowed until the next call. */
struct frame daemon_next(struct scripted_daemon *daemon);
/** True when a frame is there, or arrives within wait_ms. */
bool daemon_has_next(struct scripted_daemon *daemon, int wait_ms);
/** True when the client has ended the connection and nothing it sent is left. */
bool daemon_is_left_alone(struct scripted_daemon *daemon);

/* The next frame must be this one; what it holds is checked where it is given. */
uint32_t daemon_expect_open(struct scripted_daemon *daemon, const char *name);
void daemon_expect_close(struct scripted_daemon *daemon, uint32_t logger_id);
void daemon_expect_level(struct scripted_daemon *daemon, uint32_t logger_id, uint8_t level);
/** value: NULL for a key that is unset. */
void daemon_expect_context(struct scripted_daemon *daemon, uint32_t logger_id, const char *key,
			   const char *value);
struct frame_record daemon_expect_record(struct scripted_daemon *daemon, uint32_t logger_id,
					 const char *text);
struct frame_dropped daemon_expect_dropped(struct scripted_daemon *daemon, uint64_t records);
uint32_t daemon_expect_flush(struct scripted_daemon *daemon);

/** A client of this daemon with the given options; socket_path and size are filled in. */
struct logfwd_client *daemon_client(struct scripted_daemon *daemon, struct logfwd_options options);
/** The same with the defaults, connected, accepted, welcomed and told an empty level map. */
struct logfwd_client *daemon_connected_client(struct scripted_daemon *daemon);

/** A logger that can be opened. */
struct logfwd_logger *open_logger(struct logfwd_client *client, const char *name);
struct logfwd_client_stats client_stats(struct logfwd_client *client);

#endif
