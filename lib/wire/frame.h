/**
 * frame: what client and daemon say to each other, bounds-checked both ways.
 *
 * lib/wire/README.md is the protocol; this is its only codec. A packet holds whole frames;
 * a frame is a header of eight bytes (type, zero, body length) and its body, all
 * little-endian. Parsers borrow from the packet, refuse bodies that are too short, too long
 * or out of range, and never read outside. Pure.
 */
#ifndef LOGFWD_WIRE_FRAME_H
#define LOGFWD_WIRE_FRAME_H

#include "base/reader.h"
#include "base/writer.h"
#include "wire/context.h"

#define WIRE_VERSION 1

#define WIRE_HEADER_BYTES 8
/* The largest packet either side sends: the largest record in a frame of its own, rounded up. */
#define WIRE_PACKET_MAX	     (128 * 1024)
#define WIRE_RECORD_MAX	     65536 /* bytes of text in one record, whatever the daemon allows */
#define WIRE_APP_NAME_MAX    48	   /* APP-NAME, RFC 5424 6 */
#define WIRE_RECORD_OVERHEAD (WIRE_HEADER_BYTES + 4 + 8 + 1 + 1 + 4)

/* Optional, and used when both sides have set the bit: see lib/wire/README.md, section 5. */
#define FEATURE_RING	   UINT32_C(0x1) /* ring/ring.h */
#define FEATURE_LEVEL_PAGE UINT32_C(0x2) /* wire/level_page.h */
#define FEATURE_LEAVE	   UINT32_C(0x4) /* FRAME_LEAVE */

enum frame_type {
	/* client to daemon */
	FRAME_HELLO = 1,
	FRAME_OPEN = 2,
	FRAME_CLOSE = 3,
	FRAME_RECORD = 4,
	FRAME_SET_LEVEL = 5,
	FRAME_CONTEXT = 6,
	FRAME_DROPPED = 7,
	FRAME_FLUSH = 8,
	FRAME_LEAVE = 9, /* no body: all leases are closed, nothing follows; with FEATURE_LEAVE */
	FRAME_RING = 10, /* no body: look into the ring; with FEATURE_RING */
	/* daemon to client */
	FRAME_WELCOME = 65,
	FRAME_LEVEL_MAP = 66,
	FRAME_FLUSHED = 67,
	FRAME_ERROR = 68,
	FRAME_BYE = 69,
	FRAME_ROOM = 70, /* no body: there is room in the ring again; with FEATURE_RING */
};

struct frame {
	uint16_t type;	  /* an enum frame_type, or one that this version does not know */
	struct span body; /* borrowed from the packet */
};

enum frame_take_result {
	FRAME_TAKEN,
	FRAME_END,    /* the packet is used up */
	FRAME_BROKEN, /* a header that is torn, reserves bits, or announces more than there is */
};

/** Takes the next frame off the front of a packet. frame_out: on FRAME_TAKEN only. */
enum frame_take_result frame_take(struct span *packet, struct frame *frame_out);

/** A client's first frame. */
struct frame_hello {
	uint16_t version;     /* WIRE_VERSION */
	uint32_t features;    /* FEATURE_...: what the client can use; others may be set */
	struct span app_name; /* 0..255 bytes; a claim, cleaned before it is used */
};

/** The daemon's answer to it. */
struct frame_welcome {
	uint16_t version;
	uint32_t features; /* FEATURE_...: those of the client's that the daemon agrees to */
	uint32_t
		record_bytes; /* longest text of a record that the daemon takes, <= WIRE_RECORD_MAX */
};

struct frame_open {
	uint32_t logger_id; /* the client's own, unused on this connection */
	struct span name;   /* as logger_name.h allows; a breach is refused with FRAME_ERROR */
};

struct frame_close {
	uint32_t logger_id;
};

struct frame_record {
	uint32_t logger_id;
	int64_t time_us; /* of the client's call, microseconds since 1970, UTC */
	uint8_t level;	 /* 1..LEVEL_MAX */
	uint32_t
		original_length; /* bytes before the client cut the text; text.len when it did not */
	struct span text;	 /* 0..WIRE_RECORD_MAX bytes, any */
};

struct frame_set_level {
	uint32_t logger_id;
	uint8_t level; /* 0 takes the lease's level away */
};

struct frame_context {
	uint32_t logger_id;
	bool set; /* false: the key is unset and value is empty */
	struct context_pair pair;
};

/** Records that the library had to drop, since its last such frame. */
struct frame_dropped {
	uint64_t records;
	int64_t first_us, last_us; /* microseconds since 1970, UTC */
};

/** FRAME_FLUSH asks, FRAME_FLUSHED answers once all before it has been taken. */
struct frame_flush {
	uint32_t token; /* the client's own; comes back unchanged */
};

/**
 * What a client needs to filter exactly: configured levels, operators' overrides, recorders.
 * Always whole: it replaces the one before.
 */
struct frame_level_map {
	uint8_t lease_floor; /* lowest level that a lease of another client has set; LEVEL_MAX + 1: none */
	uint32_t count;	     /* entries */
	struct span entries; /* checked: count times string8 name, u8 kind, u8 level */
};

enum level_map_kind {
	LEVEL_MAP_CONFIGURED = 0,      /* a logger's level by the configuration */
	LEVEL_MAP_OVERRIDE = 1,	       /* a logger's level by an operator, above all others */
	LEVEL_MAP_OVERRIDE_PREFIX = 2, /* the same for every logger whose name begins so */
	LEVEL_MAP_RECORDER = 3, /* 1: filter nothing at or below the logger; 0: from here on, do */
};

struct level_map_entry {
	struct span name;
	enum level_map_kind kind;
	uint8_t level; /* 1..LEVEL_MAX; of LEVEL_MAP_RECORDER 0 or 1 */
};

enum frame_error_code {
	FRAME_ERROR_NAME = 1,	  /* logger name out of bounds */
	FRAME_ERROR_LIMIT = 2,	  /* limits.loggers or this user's share of it */
	FRAME_ERROR_CONTEXT = 3,  /* a key or value out of bounds, or too many */
	FRAME_ERROR_MEMORY = 4,	  /* the daemon is out of memory */
	FRAME_ERROR_PROTOCOL = 5, /* in FRAME_BYE: the client broke the protocol */
	FRAME_ERROR_CLIENTS = 6,  /* in FRAME_BYE: limits.clients or this user's share of it */
	FRAME_ERROR_SHUTDOWN = 7, /* in FRAME_BYE: the daemon stops; connect again later */
};

/** FRAME_ERROR: one request was refused, the connection lives. FRAME_BYE: the last frame. */
struct frame_error {
	uint16_t code;	    /* enum frame_error_code */
	uint32_t logger_id; /* whom it concerns; 0 in FRAME_BYE */
	struct span reason; /* for people, 0..255 bytes of UTF-8 */
};

/*
 * Encoders append one whole frame; the writer fails when it does not fit. Values beyond a
 * field's range are the caller's bug except where a string is too long: that fails too.
 */
void frame_write_hello(struct writer *writer, const struct frame_hello *hello);
void frame_write_welcome(struct writer *writer, const struct frame_welcome *welcome);
void frame_write_open(struct writer *writer, const struct frame_open *open);
void frame_write_close(struct writer *writer, const struct frame_close *close);
void frame_write_record(struct writer *writer, const struct frame_record *record);
/** The same frame but for its text, which the caller sends behind it from where it is. */
void frame_write_record_head(struct writer *writer, const struct frame_record *record);
void frame_write_set_level(struct writer *writer, const struct frame_set_level *set_level);
void frame_write_context(struct writer *writer, const struct frame_context *context);
void frame_write_dropped(struct writer *writer, const struct frame_dropped *dropped);
void frame_write_leave(struct writer *writer);
/** type: FRAME_RING or FRAME_ROOM. */
void frame_write_ring(struct writer *writer, enum frame_type type);
/** type: FRAME_FLUSH or FRAME_FLUSHED. */
void frame_write_flush(struct writer *writer, enum frame_type type,
		       const struct frame_flush *flush);
/** entries: count of them; borrowed for the call. */
void frame_write_level_map(struct writer *writer, uint8_t lease_floor,
			   const struct level_map_entry *entries, uint32_t count);
/** type: FRAME_ERROR or FRAME_BYE. */
void frame_write_error(struct writer *writer, enum frame_type type,
		       const struct frame_error *error);

/* Decoders: false when the body is not exactly such a frame; out is written on success only. */
bool frame_parse_hello(struct span body, struct frame_hello *hello_out);
bool frame_parse_welcome(struct span body, struct frame_welcome *welcome_out);
bool frame_parse_open(struct span body, struct frame_open *open_out);
bool frame_parse_close(struct span body, struct frame_close *close_out);
bool frame_parse_record(struct span body, struct frame_record *record_out);
bool frame_parse_set_level(struct span body, struct frame_set_level *set_level_out);
bool frame_parse_context(struct span body, struct frame_context *context_out);
bool frame_parse_dropped(struct span body, struct frame_dropped *dropped_out);
bool frame_parse_leave(struct span body);
bool frame_parse_ring(struct span body);
bool frame_parse_flush(struct span body, struct frame_flush *flush_out);
bool frame_parse_level_map(struct span body, struct frame_level_map *map_out);
bool frame_parse_error(struct span body, struct frame_error *error_out);

/** Takes the next entry of a parsed map; false at its end. */
bool level_map_take(struct frame_level_map *map, struct level_map_entry *entry_out);

#endif
