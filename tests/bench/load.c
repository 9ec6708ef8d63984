#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#define NS_PER_SECOND 1000000000U

static double number_of(const char *text, double max)
{
	char *end;
	double value = strtod(text, &end);

	return end == text || *end != '\0' || !(value >= 0 && value <= max) ? -1 : value;
}

int load_parse(int argc, char **argv, struct load_options *options_out)
{
	static const struct option known[] = {
		{ "writer", required_argument, NULL, 'w' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "bytes", required_argument, NULL, 'b' },
		{ 0 },
	};
	struct load_options options = { .seconds = 1, .bytes = 120 };
	int letter;

	while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
		double value = letter == '?' ? -1 : number_of(optarg, 1e9);

		if (value < 0 || (letter == 'w' && value >= RECORD_WRITERS_MAX)) {
			fprintf(stderr, "%s: %s: bad option or number\n", argv[0],
				argv[optind - 1]);
			return -1;
		}
		switch (letter) {
		case 'w':
			options.writer = (unsigned)value;
			break;
		case 'r':
			options.rate = (unsigned)value;
			break;
		case 's':
			options.seconds = value;
			break;
		default:
			options.bytes = (size_t)value;
		}
	}
	*options_out = options;
	return optind;
}

/* Sleeps until due when that is ahead; a load that is late catches up. Returns the time then. */
static uint64_t wait_until(uint64_t due_ns)
{
	struct timespec due = { (time_t)(due_ns / NS_PER_SECOND), (long)(due_ns % NS_PER_SECOND) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
		;
	return clock_now_ns();
}

int load_run(const struct load_options *options, const char *header, load_send *send, void *arg,
	     struct load_result *result_out)
{
	struct record record;
	struct record_mark mark = { .writer = options->writer };
	uint64_t start_ns, end_ns, now_ns, before_ns;
	int error;

	if (!record_init(&record, header, options->bytes))
		return -EMSGSIZE;
	memset(result_out, 0, sizeof(*result_out));
	prctl(PR_SET_TIMERSLACK, 1, 0, 0,
	      0); /* the default of 50 us is a whole record at 20,000/s */
	now_ns = start_ns = clock_now_ns();
	end_ns = start_ns + (uint64_t)(options->seconds * NS_PER_SECOND);
	while (now_ns < end_ns) {
		if (options->rate != 0)
			now_ns = wait_until(start_ns +
					    mark.sequence * NS_PER_SECOND / options->rate);
		mark.time_ns = now_ns;
		record_stamp(&record, &mark);
		before_ns = clock_now_ns();
		error = send(arg, &record, mark.sequence);
		if (error < 0)
			return error;
		now_ns = clock_now_ns();
		histogram_add(&result_out->calls, now_ns - before_ns);
		mark.sequence++;
	}
	result_out->records = mark.sequence;
	result_out->elapsed_ns = now_ns - start_ns;
	return 0;
}

static uint64_t own_cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000U +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void load_print(const struct load_result *result)
{
	printf("{\"records\":%" PRIu64 ",\"seconds\":%.6f,\"cpu_us\":%" PRIu64
	       ",\"call_p50_ns\":%" PRIu64 ",\"call_p99_ns\":%" PRIu64 ",\"call_p999_ns\":%" PRIu64
	       "}\n",
	       result->records, (double)result->elapsed_ns / NS_PER_SECOND, own_cpu_us(),
	       histogram_quantile(&result->calls, 0.5), histogram_quantile(&result->calls, 0.99),
	       histogram_quantile(&result->calls, 0.999));
}
