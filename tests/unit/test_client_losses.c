/*
 * Proves what is said of records that clients had to give up: each report by itself while they come
 * slowly, the rest of many in one sum that leaves none out; and that no claim wraps or forges a field.
 */
#include "client_losses.h"

#include "support/suite.h"

#define SECOND_US INT64_C(1000000)
#define NOW_US	  (INT64_C(1700000000) * SECOND_US)

static struct client_loss loss_of(uint64_t records, int64_t first_us, int64_t last_us)
{
	return (struct client_loss){
		.pid = 4711,
		.uid = 33,
		.app = span_of("sh\nop x"),
		.dropped = { records, first_us, last_us },
	};
}

static const char *text_of(const struct writer *writer)
{
	static char text[CLIENT_ENDS_TEXT_BYTES + 1];

	ck_assert(!writer->failed);
	memcpy(text, writer->ptr, writer->len);
	text[writer->len] = '\0';
	return text;
}

START_TEST(loss_says_whose_and_when)
{
	struct client_loss loss = loss_of(42, NOW_US, NOW_US + SECOND_US);
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	client_loss_write(&loss, NULL, &writer);
	ck_assert_str_eq(text_of(&writer),
			 "client lost records: pid=4711 uid=33 user=33 program=sh_op_x records=42; "
			 "first 2023-11-14T22:13:20.000000Z, last 2023-11-14T22:13:21.000000Z");
}
END_TEST

START_TEST(losses_beyond_the_rate_are_summed_up)
{
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	struct client_losses losses = { 0 };
	struct client_loss loss = loss_of(2, NOW_US, NOW_US);

	for (int i = 0; i < CLIENT_ENDS_BURST; i++)
		ck_assert(client_losses_admit(&losses, &loss, 1000));
	ck_assert(!client_losses_due(&losses, INT64_MAX));
	ck_assert(!client_losses_admit(&losses, &loss, 1000));
	loss = loss_of(3, NOW_US - SECOND_US, NOW_US + SECOND_US);
	ck_assert(!client_losses_admit(&losses, &loss, 1000));
	ck_assert(!client_losses_due(&losses, 1999));
	ck_assert(client_losses_due(&losses, 2000));
	client_losses_write(&losses, &writer);
	ck_assert_str_eq(text_of(&writer),
			 "2 more reports of clients: records=5; "
			 "first 2023-11-14T22:13:19.000000Z, last 2023-11-14T22:13:21.000000Z");
	ck_assert(!client_losses_due(&losses, INT64_MAX));
	ck_assert(client_losses_admit(&losses, &loss, 2000)); /* and the rate goes on */
}
END_TEST

START_TEST(losses_that_are_claimed_never_wrap)
{
	uint8_t bytes[CLIENT_ENDS_TEXT_BYTES];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	struct client_losses losses = { 0 };
	struct client_loss loss = loss_of(UINT64_MAX, INT64_MIN, INT64_MAX);

	for (int i = 0; i < CLIENT_ENDS_BURST + 3; i++)
		client_losses_admit(&losses, &loss, 1000);
	client_losses_write(&losses, &writer);
	ck_assert_ptr_nonnull(strstr(text_of(&writer),
				     "3 more reports of clients: records=18446744073709551615; "));
	writer.len = 0;
	client_loss_write(&loss, NULL, &writer);
	ck_assert(!writer.failed);
}
END_TEST

Suite *suite_under_test(void)
{
	Suite *suite = suite_create("client_losses");
	TCase *all = tcase_create("all");

	tcase_add_test(all, loss_says_whose_and_when);
	tcase_add_test(all, losses_beyond_the_rate_are_summed_up);
	tcase_add_test(all, losses_that_are_claimed_never_wrap);
	suite_add_tcase(suite, all);
	return suite;
}
