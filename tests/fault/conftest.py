"""Faults need network namespaces: without them all is skipped, aloud, unless they are required."""

import os

import pytest

from tests.fault.table import Table
from tests.support.length import LONG
from tests.support.namespaces import unavailable


def pytest_configure(config):
    config.addinivalue_line("markers", "long: can run longer; a long run is of these only")
    config.table = Table()


def pytest_collection_modifyitems(items):
    if LONG:
        items[:] = [item for item in items if item.get_closest_marker("long")]


@pytest.fixture(scope="session", autouse=True)
def privilege():
    reason = unavailable()
    if reason is None:
        return
    assert "LOGFWD_TEST_FAULTS" not in os.environ, f"required here, but: {reason}"
    pytest.skip(reason)


@pytest.fixture(scope="session")
def table(request):
    return request.config.table


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.write_line("")
    for line in config.table.lines():
        terminalreporter.write_line(line)
