#include "format/timestamp.h"

#include <time.h>

#define MICROSECONDS	  1000000
#define SECONDS_OF_DAY	  86400
#define FIRST_SECOND	  (-62167219200) /* 0000-01-01T00:00:00Z */
#define LAST_SECOND	  253402300799	 /* 9999-12-31T23:59:59Z */
#define DAYS_OF_ERA	  146097	 /* 400 years of the Gregorian calendar */
#define DAYS_BEFORE_EPOCH 719468	 /* from 0000-03-01 to 1970-01-01 */

struct date {
	unsigned year;	/* 0..9999 */
	unsigned month; /* 1..12 */
	unsigned day;	/* 1..31 */
};

/* Rounds down, also below zero; remainder_out is 0..divisor-1. */
static int64_t divide(int64_t value, int64_t divisor, unsigned *remainder_out)
{
	int64_t quotient = value / divisor;
	int64_t remainder = value % divisor;

	if (remainder < 0) {
		remainder += divisor;
		quotient--;
	}
	*remainder_out = (unsigned)remainder;
	return quotient;
}

/*
 * The civil date of a day since 1970. Years begin in March here, so that the leap day is the
 * last of its year and months have the lengths 31 30 31 30 31 over and over: 153 days in five.
 */
static struct date date_of_day(int64_t day)
{
	unsigned day_of_era;
	int64_t era = divide(day + DAYS_BEFORE_EPOCH, DAYS_OF_ERA, &day_of_era);
	unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				day_of_era / (DAYS_OF_ERA - 1)) /
			       365;
	unsigned day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned month_from_march = (5 * day_of_year + 2) / 153;
	unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

	return (struct date){
		.year = (unsigned)(era * 400 + year_of_era + (month <= 2)),
		.month = month,
		.day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
	};
}

/* Writes value with leading zeros. */
static void put_digits(char *at, unsigned value, size_t width)
{
	while (width > 0) {
		at[--width] = (char)('0' + value % 10);
		value /= 10;
	}
}

static void put_clock(char *at, unsigned hour, unsigned minute, unsigned second)
{
	put_digits(at, hour, 2);
	at[2] = ':';
	put_digits(at + 3, minute, 2);
	at[5] = ':';
	put_digits(at + 6, second, 2);
}

static void keep_utc(struct timestamp_cache *cache, int64_t second)
{
	unsigned of_day;
	struct date date = date_of_day(divide(second, SECONDS_OF_DAY, &of_day));
	char *text = cache->utc_text;

	put_digits(text, date.year, 4);
	text[4] = '-';
	put_digits(text + 5, date.month, 2);
	text[7] = '-';
	put_digits(text + 8, date.day, 2);
	text[10] = 'T';
	put_clock(text + 11, of_day / 3600, of_day / 60 % 60, of_day % 60);
	text[19] = '\0';
	cache->utc_second = second;
	cache->utc_valid = true;
}

static void keep_local(struct timestamp_cache *cache, int64_t second)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	/* The year of any int64_t of microseconds fits struct tm, so this cannot fail. */
	struct tm local = { .tm_mday = 1 };
	time_t time = second;
	char *text = cache->local_text;

	localtime_r(&time, &local);
	memcpy(text, months[local.tm_mon], 3);
	text[3] = ' ';
	put_digits(text + 4, (unsigned)local.tm_mday, 2);
	if (text[4] == '0')
		text[4] = ' ';
	text[6] = ' ';
	put_clock(text + 7, (unsigned)local.tm_hour, (unsigned)local.tm_min,
		  (unsigned)local.tm_sec);
	text[15] = '\0';
	cache->local_second = second;
	cache->local_valid = true;
}

void timestamp_write_rfc5424(struct timestamp_cache *cache, int64_t time_us, struct writer *writer)
{
	unsigned microsecond;
	int64_t second = divide(time_us, MICROSECONDS, &microsecond);
	char fraction[8] = ".000000Z";

	if (second < FIRST_SECOND || second > LAST_SECOND) {
		writer_u8(writer, '-');
		return;
	}
	if (!cache->utc_valid || cache->utc_second != second)
		keep_utc(cache, second);
	put_digits(fraction + 1, microsecond, 6);
	writer_bytes(writer, cache->utc_text, sizeof(cache->utc_text) - 1);
	writer_bytes(writer, fraction, sizeof(fraction));
}

void timestamp_write_rfc3164(struct timestamp_cache *cache, int64_t time_us, struct writer *writer)
{
	unsigned microsecond;
	int64_t second = divide(time_us, MICROSECONDS, &microsecond);

	if (!cache->local_valid || cache->local_second != second)
		keep_local(cache, second);
	writer_bytes(writer, cache->local_text, sizeof(cache->local_text) - 1);
}
