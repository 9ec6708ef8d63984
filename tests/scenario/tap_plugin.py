"""Makes pytest report as TAP on stdout, so that meson counts every scenario by itself.

Used as `python3 -m pytest -p tap_plugin FILE` by tests/meson.build. What pytest itself
prints goes to stderr, which meson shows when something failed.
"""

import os
import re
import sys

import pytest

# Before pytest starts to capture or to print: keep stdout for TAP, give pytest stderr instead.
_tap = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def _line(text):
    _tap.write(text + "\n")


class TapReporter:
    """One TAP line for each test; a test's set-up and tear-down count with it."""

    def __init__(self):
        self.number = 0
        self.outcomes = {}  # of the test that runs: phase -> report

    def pytest_collection_finish(self, session):
        if not session.testsfailed:
            _line(f"1..{len(session.items)}")

    def pytest_collectreport(self, report):
        if report.failed:
            _line(f"Bail out! cannot collect {report.nodeid}")

    def pytest_runtest_logreport(self, report):
        self.outcomes[report.when] = report
        if report.when == "teardown":
            self._finish(report.nodeid)

    def _finish(self, nodeid):
        reports, self.outcomes = self.outcomes.values(), {}
        self.number += 1
        name = re.sub(r"[#\s]+", " ", nodeid.split("::", 1)[-1])
        failed = [report for report in reports if report.failed]
        skipped = [report for report in reports if report.skipped]
        _line(f"{'not ok' if failed else 'ok'} {self.number} {name}" + self._directive(failed, skipped))
        for report in failed:
            for line in str(report.longrepr).splitlines():
                _line(f"# {line}")

    @staticmethod
    def _directive(failed, skipped):
        if failed or not skipped:
            return ""
        reason = skipped[0].longrepr[2] if isinstance(skipped[0].longrepr, tuple) else "expected"
        return " # SKIP " + re.sub(r"\s+", " ", reason.removeprefix("Skipped: "))


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    config.pluginmanager.register(TapReporter(), "tap_reporter")


def pytest_unconfigure(config):
    _tap.flush()
    sys.stdout.flush()
