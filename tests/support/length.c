#include "support/length.h"

#include <stdlib.h>

#define FULL_BUDGET_S 1200 /* seconds in which all tests reach their full length on two slow CPUs */

size_t test_steps(size_t normal, size_t full)
{
	const char *budget = getenv("LOGFWD_TEST_BUDGET_S");
	double share = budget == NULL ? 1 : strtod(budget, NULL) / FULL_BUDGET_S;

	if (getenv("LOGFWD_TEST_LONG") == NULL || !(share > 0))
		return normal;
	return share >= 1 ? full : normal + (size_t)((double)(full - normal) * share);
}
