"""Fixtures of the scenarios: a daemon and collectors that are always cleaned up and checked."""

import pytest

from tests.support.collector import Collector
from tests.support.daemon import Daemon, target
from tests.support.length import LONG


# How frames of clients travel: what a configuration begins with.
TRANSPORTS = {
    "socket": "limits { ring-bytes = 0 }\n",
    "ring": f"limits {{ ring-bytes = {256 << 20}  uid-share = 100 }}\n",
}


def pytest_configure(config):
    config.addinivalue_line("markers", "long: can run longer; a long run is of these only")


def pytest_collection_modifyitems(items):
    if LONG:
        items[:] = [item for item in items if item.get_closest_marker("long")]


@pytest.fixture(params=TRANSPORTS.values(), ids=TRANSPORTS.keys())
def limits(request):
    """The test runs twice: frames go by socket alone, or by rings where clients ask for one."""
    return request.param


@pytest.fixture
def collectors():
    """A function that makes collectors; they listen until the end."""
    made = []

    def make():
        made.append(Collector())
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def collector(collectors):
    """A collector that listens."""
    return collectors()


@pytest.fixture
def start_daemon(collectors):
    """A function that starts a daemon; each is stopped and checked in the end."""
    started = []

    def start(config, **options):
        daemon = Daemon(config, **options)
        started.append(daemon)
        return daemon.start()

    yield start
    try:
        for daemon in started:
            daemon.stop()
    finally:
        for daemon in started:
            daemon.discard()


@pytest.fixture
def daemon(start_daemon, collector):
    """The smallest one: everything from info up goes to the collector."""
    return start_daemon(target("central", collector))


@pytest.fixture
def client(daemon):
    """A client by hand, connected to the daemon."""
    with daemon.client() as client:
        yield client
