"""`logfwdctl loggers` with 80,000 live ones: a few lines, whole and in bounded memory, while others come and go.

The daemon answers in slices. A logger that lives throughout is listed exactly once, whatever is
opened and closed meanwhile, and a reader that stops costs the daemon one slice.
"""

import collections
import json
import resource
import socket
import subprocess
import threading

import pytest

from tests.support import procfs, wire
from tests.support.daemon import LOGFWDCTL, run, target
from tests.support.waiting import PATIENCE

MANY = 80_000
LIMITS = "limits { loggers = 200000  uid-share = 100 }\n"


@pytest.fixture
def daemon(start_daemon, collector):
    return start_daemon(target("central", collector) + LIMITS)


def open_many(client, first, last):
    for number in range(first, last, 500):
        numbers = range(number, min(number + 500, last))
        client.send(*[wire.open_logger(n, b"Connection.%d" % n) for n in numbers])
    client.flush()


@pytest.fixture
def many(daemon):
    """A client that has 80,000 loggers open."""
    with daemon.client() as client:
        client.on_flushed = None
        open_many(client, 0, MANY)
        yield client


class Bustle:
    """Somebody who opens and closes loggers below the same parent all the time."""

    def __init__(self, daemon):
        self.client = daemon.client()
        self.client.on_flushed = None
        self.ended = threading.Event()
        self.rounds = 0
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        ids = range(MANY, MANY + 500)
        while not self.ended.is_set():
            self.client.send(*[wire.open_logger(n, b"Connection.%d" % n) for n in ids])
            self.client.send(*[wire.close_logger(n) for n in ids])
            self.client.flush()
            self.rounds += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.client.close()


def test_the_tree_is_a_few_lines(daemon, many):
    with Bustle(daemon):
        lines = daemon.ctl("loggers").splitlines()
    assert len(lines) < 10 and all(len(line) <= 80 for line in lines)
    (folded,) = [line for line in lines if "Connection.*" in line]
    leases, count = int(folded.split()[0]), int(folded.split("(")[1].rstrip(")"))
    assert MANY <= count == leases <= MANY + 500


def test_json_is_one_document(daemon, many):
    listing = json.loads(daemon.ctl("loggers", "--format", "json"))
    assert [logger["name"] for logger in listing["loggers"]] == ["root"]
    (folded,) = listing["folded"]
    assert folded == {"parent": "Connection", "count": MANY, "leases": MANY, "records": 0}
    assert daemon.ctl("loggers", "Connection.77", "--all").count("Connection.77\n") == 1


def test_all_are_listed_once_while_others_come_and_go(daemon, many):
    with Bustle(daemon) as bustle:
        text = daemon.ctl("loggers", "--all", "--format", "json")
    assert bustle.rounds > 0
    listing = json.loads(text)
    assert listing["folded"] == []
    times = collections.Counter(logger["name"] for logger in listing["loggers"])
    assert set(times.values()) == {1}
    assert all(times[f"Connection.{number}"] == 1 for number in range(MANY))


@pytest.mark.parametrize("shape", ["text", "json"])
def test_the_tool_needs_little_memory_for_them(daemon, many, shape):
    if not procfs.memory_is_exact(daemon.pid):
        return

    def bound():
        resource.setrlimit(resource.RLIMIT_AS, (64 << 20, 64 << 20))  # one object would be 200 MiB

    command = [LOGFWDCTL, "-s", daemon.control_path, "loggers", "--all", "--format", shape]
    done = run(*command, stdout=subprocess.DEVNULL, preexec_fn=bound)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_stops_costs_a_slice(daemon, many):
    before = procfs.memory_mib(daemon.pid)
    idle = []
    try:
        for _ in range(8):
            idle.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            idle[-1].connect(str(daemon.control_path))
            idle[-1].sendall(b'{"verb":"loggers","all":true}\n')
        for _ in range(20):
            daemon.check()
            many.flush()
        grown = procfs.memory_mib(daemon.pid) - before
        assert grown < 16 or not procfs.memory_is_exact(daemon.pid)
    finally:
        for connection in idle:
            connection.close()


def test_a_tool_that_is_killed_leaves_nothing(daemon, many):
    command = [LOGFWDCTL, "-s", str(daemon.control_path), "loggers", "--all"]
    for _ in range(20):
        with subprocess.Popen([*command, "--format", "json"], stdout=subprocess.PIPE) as reader:
            assert reader.stdout.read(1000)
            reader.kill()
            reader.wait(PATIENCE)
    many.flush()
    daemon.check()
