"""Faults need network namespaces: without them all is skipped, aloud.

With LOGFWD_TEST_FAULTS in the environment they are required, and that is a failure.
"""

import os

import pytest

from tests.fault.table import Table
from tests.support.daemon import BUILD
from tests.support.length import LONG
from tests.support.namespaces import unavailable


def pytest_configure(config):
    config.addinivalue_line("markers", "long: can run longer; a long run is of these only")
    config.table = Table()


def pytest_collection_modifyitems(items):
    if LONG:
        items[:] = [item for item in items if item.get_closest_marker("long")]


@pytest.fixture(scope="session", autouse=True)
def privilege(table):
    reason = unavailable()
    if reason is None:
        return
    assert "LOGFWD_TEST_FAULTS" not in os.environ, f"required here, but: {reason}"
    table.skipped = reason
    pytest.skip(reason)


@pytest.fixture(scope="session")
def table(request):
    return request.config.table


def pytest_terminal_summary(terminalreporter, config):
    """The table, on the terminal and for `./dev test`, which shows it."""
    lines = config.table.lines()
    terminalreporter.write_line("")
    for line in lines:
        terminalreporter.write_line(line)
    if lines:
        (BUILD / "faults.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
