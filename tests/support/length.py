"""How long the tests run that can run longer.

`./dev test` does a few steps of each. `./dev test --long` sets LOGFWD_TEST_LONG and runs only
these tests, marked `pytest.mark.long`, at full length; LOGFWD_TEST_BUDGET_S says how many
seconds all of them may take together. support/length.h is the same for tests in C.
"""

import os
import time

LONG = "LOGFWD_TEST_LONG" in os.environ
BUDGET_S = float(os.environ.get("LOGFWD_TEST_BUDGET_S", "inf"))
SHARE = 1 / 12  # of the budget, for one test


def steps(normal, full):
    """The numbers of a test's steps: 0 to normal, or to full in a long run.

    There it ends early once the test has used up its share of the budget, never before normal.
    """
    end = time.monotonic() + BUDGET_S * SHARE
    for number in range(full if LONG else normal):
        if number >= normal and time.monotonic() > end:
            print(f"step {number} of {full}: the share of the budget is used up")
            return
        yield number


def seconds(normal, full):
    """For how long a test goes on that could go on for ever."""
    return min(full, max(normal, BUDGET_S * 3 * SHARE)) if LONG else normal
