/* Runs the suite of one test program and reports it as TAP, which meson reads test by test. */
#include <check.h>
#include <stdlib.h>

#include "support/suite.h"

int main(void)
{
	SRunner *runner = srunner_create(suite_under_test());
	int failed;

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
