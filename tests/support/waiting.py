"""Waiting on conditions with a deadline: what the scenarios have instead of sleeping."""

import os
import time

# Deadlines are for failures only; sanitizers and loaded machines need long ones.
PATIENCE = float(os.environ.get("LOGFWD_TEST_PATIENCE", "20"))


def wait_for(condition, what, seconds=PATIENCE, pause=0.005):
    """Calls condition until it is true and returns its value; AssertionError names what was missed.

    what: a text, or a function that makes one of the state at the end.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not within {seconds} s: {what() if callable(what) else what}"
            )
        time.sleep(pause)
