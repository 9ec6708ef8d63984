/**
 * server_state: whether a collector may be given records, decided from what sending told us.
 *
 * A successful UDP send proves nothing, one refusal proves a lot: it puts the server down, with a
 * back-off that doubles, after which one record is its probe. What fails on this host is tried
 * once more at once. Other servers serve meanwhile, and the queue holds when there are none.
 *
 * Hosts limit the rate of their refusals (Linux: to each peer six, then one a second; icmp(7),
 * icmp_ratelimit), so that the silence of the network proves nothing for the second after one.
 * That is why a probe waits for so long, and why a server that refused is trusted little by little.
 * Pure: time is a parameter.
 */
#ifndef LOGFWD_OUTPUT_SERVER_STATE_H
#define LOGFWD_OUTPUT_SERVER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum server_phase {
	SERVER_UNRESOLVED, /* its name has no address yet */
	SERVER_UP,	   /* takes batches */
	SERVER_DUE,	   /* takes probe_records as a probe, now */
	SERVER_PROBING,	   /* the probe is out; watched until until_ms */
	SERVER_DOWN,	   /* takes nothing until until_ms, then one record as a probe */
};

#define SERVER_PROBE_MS		250  /* an ICMP answer that takes longer finds the server up */
#define SERVER_BACKOFF_MIN_MS	1000 /* not less than the second of icmp_ratelimit */
#define SERVER_BACKOFF_MAX_MS	30000
#define SERVER_BACKOFF_LOCAL_MS 1000 /* it may be mended by the next second */
/*
 * While records wait for it; and when trying costs less than waiting. In so long a host gets back
 * more refusals than one probe takes, or none would be left for a port of it that closes next.
 */
#define SERVER_BACKOFF_NEEDED_MS  5000
#define SERVER_BACKOFF_PRESSED_MS 1500
/* Linux asks three times, a second each, before it says that a host does not answer. */
#define SERVER_PROBE_UNREACHABLE_MS 3500

/* After another host's refusal probes are of 1, 2, 4 ... so many records: those of more than a second. */
#define SERVER_PROBE_RECORDS_MAX 16

/** What speaks against a server. */
enum server_trouble {
	TROUBLE_LOCAL,	      /* nothing leaves this host: it costs no record to try */
	TROUBLE_REFUSED_HERE, /* nobody listens on this host, which says so each time */
	TROUBLE_REFUSED,      /* another host says that nobody listens */
	TROUBLE_UNREACHABLE, /* its host does not answer (ARP, IPv6 neighbours), or another says so */
};

struct server_state {
	enum server_phase phase;
	int64_t until_ms;	     /* monotonic; of PROBING and DOWN */
	int64_t since_ms;	     /* of DOWN, its begin */
	int64_t backoff_ms;	     /* the last one; 0 while all is well */
	enum server_trouble trouble; /* the last; of DUE, PROBING and DOWN */
	size_t probe_records;	     /* of DUE and PROBING */
	int64_t tried_since_ms;	     /* of those two behind the first probe: when that went */
};

/** What became of an attempt to send. */
enum send_verdict {
	SEND_REPEAT,	/* interrupted: call again */
	SEND_WAIT,	/* the socket's buffer is full: wait until it is writable */
	SEND_PAUSE,	/* the kernel is short of buffers: wait SEND_PAUSE_MS */
	SEND_REFUSED,	/* the collector's host says that nobody listens */
	SEND_PATH,	/* no way there, or no longer: the socket must be made anew */
	SEND_TOO_LARGE, /* this record cannot be sent on this path, now or later */
};

#define SEND_PAUSE_MS 10

/** The policy of field errors: send(2), udp(7), ip(7). error: an errno. */
enum send_verdict send_verdict(int error);
/** SEND_REFUSED and SEND_PATH speak against the server, the others are no fault of its. */
bool send_verdict_is_of_server(enum send_verdict verdict);

/** An address is known (again): the server starts as up. */
void server_state_resolved(struct server_state *state);

/** The server has another address, which takes one record as a probe, at once. */
void server_state_moved(struct server_state *state);

/** Nobody listens, or there is no way there; from any phase but UNRESOLVED. */
void server_state_failed(struct server_state *state, enum server_trouble trouble, int64_t now_ms);

/** Records wait, and no other server takes them: it is down for max_ms altogether, and no longer. */
void server_state_needed(struct server_state *state, int64_t max_ms);

/** Due with its first probe after a refusal: others at its host may have to be waited for. */
bool server_state_is_retrying(const struct server_state *state);
/** It is not its turn before until_ms; the back-off to come stays as it is. */
void server_state_postpone(struct server_state *state, int64_t now_ms, int64_t until_ms);

/** One that is up has to prove itself, as if it had refused. */
void server_state_doubt(struct server_state *state);

/** A probe was handed to the kernel. */
void server_state_probe_sent(struct server_state *state, int64_t now_ms);

/** When its first probe went, if it has not proved itself since; else INT64_MAX. */
int64_t server_state_tried_since(const struct server_state *state);

/**
 * Lets time pass: a back-off ends, a probe that nobody contradicted makes the server up, or due for
 * a larger one.
 */
void server_state_tick(struct server_state *state, int64_t now_ms);

/** How many of count waiting records it may be given now: all, a probe, or none. */
size_t server_state_admits(const struct server_state *state, size_t count);

/** When server_state_tick() will change something, or INT64_MAX. */
int64_t server_state_deadline(const struct server_state *state);

/** "up", "probing", "down" or "unresolved". */
const char *server_state_name(const struct server_state *state);

#endif
