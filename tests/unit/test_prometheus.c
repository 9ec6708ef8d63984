/* Proves that the metrics text is well-formed, says what the accounts say, and that its sums close. */
#include "control/prometheus.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "support/sample_stats.h"
#include "support/suite.h"

static char *render(json_t *stats)
{
	char *text = prometheus_render(stats);

	ck_assert_ptr_nonnull(text);
	json_decref(stats);
	return text;
}

static const char *const samples[] = {
	"logfwd_build_info{version=\"0.1.0\"} 1",
	"logfwd_uptime_seconds 61.500000",
	"logfwd_balanced 1",
	"logfwd_records_total{result=\"accepted\"} 60",
	"logfwd_records_total{result=\"filtered\"} 20",
	"logfwd_records_total{result=\"rate_limited\"} 9",
	"logfwd_records_total{result=\"no_handler\"} 5",
	"logfwd_records_total{result=\"rejected\"} 6",
	"logfwd_client_dropped_total 11",
	"logfwd_deliveries_total{target=\"central\",result=\"sent\"} 50",
	"logfwd_deliveries_total{target=\"central\",result=\"dropped\"} 5",
	"logfwd_deliveries_dropped_total{target=\"central\",reason=\"queue_full\"} 4",
	"logfwd_deliveries_dropped_total{target=\"central\",reason=\"oversize\"} 1",
	"logfwd_queue_records{target=\"central\"} 7",
	"logfwd_queue_records{target=\"audit \\\"new\\\"\"} 1",
	"logfwd_queue_bytes{target=\"central\"} 700",
	"logfwd_records_truncated_total{target=\"central\"} 2",
	"logfwd_refused_total{target=\"central\"} 3",
	"logfwd_notices_total 3",
	"logfwd_target_up{target=\"central\"} 1",
	"logfwd_target_up{target=\"audit \\\"new\\\"\"} 0",
	"logfwd_server_up{target=\"central\",server=\"10.0.0.1:514\"} 0",
	"logfwd_server_up{target=\"central\",server=\"[2001:db8::1]:514\"} 1",
	"logfwd_server_sent_total{target=\"audit \\\"new\\\"\",server=\"10.0.0.2:514\"} 9",
	"logfwd_server_errors_total{target=\"central\",server=\"10.0.0.1:514\",errno=\"ECONNREFUSED\"} 3",
	"logfwd_loggers{state=\"leased\"} 8",
	"logfwd_loggers{state=\"configured\"} 4",
	"logfwd_loggers{state=\"placeholder\"} 2",
	"logfwd_loggers_opened_total 50",
	"logfwd_loggers_reclaimed_total{cause=\"released\"} 30",
	"logfwd_loggers_reclaimed_total{cause=\"client_exit\"} 12",
	"logfwd_clients 3",
	"logfwd_sockets 2",
	"logfwd_sockets_limit 16",
	"logfwd_sockets_evicted_total 1",
	"logfwd_loggers_refused_total{reason=\"limit\"} 2",
	"logfwd_loggers_refused_total{reason=\"uid_share\"} 0",
	"logfwd_overrides 1",
	"logfwd_recorder_records_total{result=\"sent\"} 8",
	"logfwd_recorder_records_total{result=\"forgotten\"} 7",
	"logfwd_recorder_records_total{result=\"not_kept\"} 1",
	"logfwd_recorder_held 5",
	"logfwd_recorder_held_bytes 640",
	"logfwd_tails 2",
	"logfwd_tail_records_total{result=\"shown\"} 70",
	"logfwd_tail_records_total{result=\"not_shown\"} 8",
};

/* True when text has a line that is exactly this. */
static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at += length) {
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return true;
	}
	return false;
}

START_TEST(prometheus_shows_every_account)
{
	char *text = render(sample_stats());

	ck_assert_msg(has_line(text, samples[_i]), "no line %s in:\n%s", samples[_i], text);
	free(text);
}
END_TEST

/* The value after a line's last blank, summed over all lines that start with metric. */
static double sum_over(const char *text, const char *metric)
{
	double sum = 0;

	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		size_t length = strcspn(line, "\n");

		if (strncmp(line, metric, strlen(metric)) == 0 && line[strlen(metric)] == '{')
			sum += strtod((const char *)memrchr(line, ' ', length) + 1, NULL);
	}
	return sum;
}

START_TEST(prometheus_sums_close)
{
	char *text = render(sample_stats());

	ck_assert_double_eq(sum_over(text, "logfwd_records_total"), 100);
	ck_assert_double_eq(sum_over(text, "logfwd_deliveries_total") +
				    sum_over(text, "logfwd_queue_records"),
			    62 + 10);
	free(text);
}
END_TEST

/* Name of the metric that a sample line belongs to. */
static struct span metric_of(const char *line)
{
	size_t length = 0;

	while (line[length] != '\0' && line[length] != '{' && line[length] != ' ')
		length++;
	return span_of_bytes(line, length);
}

START_TEST(prometheus_says_help_and_type_before_samples)
{
	char *text = render(sample_stats());
	char current[128] = "";

	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		ck_assert_ptr_nonnull(strchr(line, '\n'));
		if (strncmp(line, "# HELP ", 7) == 0) {
			struct span name = metric_of(line + 7);
			char type[160];

			snprintf(current, sizeof(current), "%.*s", (int)name.len, name.ptr);
			snprintf(type, sizeof(type), "\n# TYPE %s ", current);
			ck_assert_msg(strncmp(strchr(line, '\n'), type, strlen(type)) == 0, "%s",
				      line);
		} else if (line[0] != '#') {
			ck_assert(span_equal(metric_of(line), span_of(current)));
		}
	}
	free(text);
}
END_TEST

START_TEST(prometheus_types_follow_names)
{
	char *text = render(sample_stats());

	for (const char *at = text; (at = strstr(at, "# TYPE ")) != NULL; at++) {
		char name[128], type[16];
		bool counts;

		ck_assert_int_eq(sscanf(at, "# TYPE %127s %15s", name, type), 2);
		counts = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
		ck_assert_str_eq(type, counts ? "counter" : "gauge");
	}
	free(text);
}
END_TEST

START_TEST(prometheus_escapes_label_values)
{
	json_t *stats = json_pack("{s:s, s:{s:{s:i}}}", "version", "1\n2", "targets",
				  "a\\b\"c\nlogfwd_clients 9", "queued", 1);
	char *text = render(stats);

	ck_assert(has_line(text, "logfwd_build_info{version=\"1\\n2\"} 1"));
	ck_assert(has_line(text,
			   "logfwd_queue_records{target=\"a\\\\b\\\"c\\nlogfwd_clients 9\"} 1"));
	ck_assert(!has_line(text, "logfwd_clients 9\"} 1"));
	free(text);
}
END_TEST

START_TEST(prometheus_survives_missing_accounts)
{
	char *text = render(json_object());

	ck_assert_ptr_nonnull(strstr(text, "# TYPE logfwd_clients gauge\n"));
	ck_assert_ptr_null(strstr(text, "\nlogfwd_clients"));
	free(text);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("prometheus");
	TCase *render_case = tcase_create("render");

	tcase_add_loop_test(render_case, prometheus_shows_every_account, 0, ARRAY_LEN(samples));
	tcase_add_test(render_case, prometheus_sums_close);
	tcase_add_test(render_case, prometheus_says_help_and_type_before_samples);
	tcase_add_test(render_case, prometheus_types_follow_names);
	tcase_add_test(render_case, prometheus_escapes_label_values);
	tcase_add_test(render_case, prometheus_survives_missing_accounts);
	suite_add_tcase(suite, render_case);
	return suite;
}
