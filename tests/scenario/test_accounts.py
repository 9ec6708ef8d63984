"""The two ledgers close at every instant, and `logfwdctl stats --check` notices when one does not.

First the accounts are watched from outside while records of every fate pass: accepted,
filtered, without a handler, limited in rate, rejected, queued, dropped. Then they are
broken on purpose: a fake control socket hands on the real daemon's numbers with one of
them changed, each term of each ledger in turn, and the tool must exit 1, although the
daemon's own "balanced" still says true.
"""

import copy
import json
import shutil
import socket
import threading

import pytest

from tests.support import ledger, wire
from tests.support.collector import Collector
from tests.support.daemon import LOGFWDCTL, Daemon, run, target, temporary_folder

CONFIG = """
handler default { target = central }
handler limited { target = central rate-limit = 5 }
handler hopeless { target = away }
logger root { level = info handlers = {default} }
logger quiet { level = error }
logger limited { handlers = {limited} propagate = false }
logger silent { propagate = false }
logger lost { handlers = {hopeless} propagate = false }
"""

RECORD_TERMS = ["received", "accepted", "filtered", "rate_limited", "no_handler", "rejected"]
TERMS = (
    [("records", term) for term in RECORD_TERMS]
    + [("records", "deliveries"), ("records", "rejected_by", "unknown_logger"), ("notices",)]
    + [("removed", term) for term in ("enqueued", "sent", "dropped", "notices")]
    + [("recorder", term) for term in ("kept", "sent", "forgotten", "held")]
    + [("targets", "central", term) for term in ("enqueued", "sent", "queued", "notices")]
    + [("targets", "away", term) for term in ("enqueued", "sent", "queued", "notices")]
    + [("targets", "away", "dropped", reason) for reason in ("queue_full", "oversize")]
)


class FakeControl:
    """A control socket that answers every request with one given result."""

    def __init__(self, path, result):
        self.answer = json.dumps({"status": "ok", "result": result}).encode() + b"\n"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                request = connection.recv(4096)
                if request == b"end\n":
                    return
                connection.sendall(self.answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
            last.connect(self.listener.getsockname())
            last.sendall(b"end\n")
            self.thread.join()
        self.listener.close()


def busy_config(collector, away):
    return target("central", collector) + target("away", away, queue_bytes=4096) + CONFIG


@pytest.fixture
def busy_daemon(start_daemon, collector, collectors):
    """A daemon in whose accounts every term is there, most of them above zero."""
    away = collectors()
    away.stop()
    daemon = start_daemon(busy_config(collector, away))
    exercise(daemon)
    yield daemon
    away.start()  # so that the daemon has little to wait for in the end


@pytest.fixture(scope="module")
def true_stats():
    """The numbers of such a daemon, once; it is gone when they are used."""
    collector, away = Collector(), Collector()
    away.stop()
    daemon = Daemon(busy_config(collector, away))
    try:
        exercise(daemon.start())
        stats = daemon.request("stats")
        daemon.stop()
    finally:
        daemon.discard()
        collector.stop()
    return stats


def exercise(daemon):
    """Records of every fate."""
    with daemon.client() as client:
        for number, name in enumerate([b"app", b"quiet", b"limited", b"silent", b"lost"]):
            client.open(number, name)
        for _ in range(3):
            client.log(0, *[b"accepted"] * 10)
            client.log(1, *[b"filtered"] * 10)
            client.log(2, *[b"limited"] * 10)
            client.log(3, *[b"without a handler"] * 10)
            client.log(4, *[b"to nobody %d" % number * 20 for number in range(10)])
            client.log(99, b"to a logger that was never opened")
            client.flush()
            daemon.check()
        client.send(wire.dropped(7, 1, 2))
        client.flush()
    daemon.syslog(b"<13>tag: accepted", b"<15>tag: filtered")
    daemon.wait_for_stats(lambda stats: stats["records"]["received"] == 155, "all is taken")


def test_every_fate_is_counted_once(busy_daemon, collector):
    stats = busy_daemon.stats()
    records = stats["records"]
    assert records["received"] == 3 * 51 + 2
    assert records["filtered"] == 30 + 1
    assert records["no_handler"] == 30
    assert records["rejected"] == records["rejected_by"]["unknown_logger"] == 3
    # A burst of five and what a second or two bring; the rest is limited.
    assert 5 <= 30 - records["rate_limited"] <= 29
    assert records["accepted"] == 30 + (30 - records["rate_limited"]) + 30 + 1
    away = stats["targets"]["away"]
    assert away["enqueued"] == 30 + away["notices"]
    assert stats["clients"]["client_dropped"] == 7
    central = stats["targets"]["central"]
    assert central["sent"] == len(collector.received(central["sent"]))


def test_the_ledgers_close_while_records_pass(start_daemon, collector, collectors):
    away = collectors()
    away.stop()
    daemon = start_daemon(busy_config(collector, away))
    done = threading.Event()

    def load():
        try:
            for _ in range(10):
                exercise_quickly(daemon)
        finally:
            done.set()

    thread = threading.Thread(target=load)
    thread.start()
    snapshots = 0
    while not done.is_set():
        daemon.stats()
        snapshots += 1
    thread.join()
    assert snapshots > 1
    assert daemon.stats()["records"]["received"] == 10 * 500
    away.start()


def exercise_quickly(daemon):
    with daemon.client() as client:
        for number, name in enumerate([b"app", b"quiet", b"limited", b"silent", b"lost"]):
            client.open(number, name)
            client.log(number, *[b"x" * 50] * 100)
        client.flush()


def test_counters_never_shrink(busy_daemon, collector):
    """Not when loggers and clients go, and not when a reload takes a target away."""
    before = busy_daemon.stats()
    busy_daemon.write_config(target("central", collector))
    busy_daemon.reload()
    after = busy_daemon.stats()
    for term in RECORD_TERMS:
        assert after["records"][term] >= before["records"][term]
    assert after["targets"].keys() == {"central"}
    assert after["removed"]["enqueued"] >= before["targets"]["away"]["enqueued"]


def check_of(folder, stats):
    """What `logfwdctl stats --check` makes of these numbers."""
    path = folder / "fake.sock"
    with FakeControl(path, stats):
        done = run(LOGFWDCTL, "-s", path, "stats", "--check")
    path.unlink()
    return done


@pytest.fixture
def folder():
    folder = temporary_folder()
    yield folder
    shutil.rmtree(folder)


def changed(stats, path, change):
    """The numbers with the one at path as change() makes it."""
    stats = copy.deepcopy(stats)
    holder = stats
    for key in path[:-1]:
        holder = holder[key]
    assert isinstance(holder[path[-1]], int), path
    holder[path[-1]] = change(holder[path[-1]])
    return stats


def test_the_tool_finds_nothing_wrong_in_true_numbers(folder, true_stats):
    assert check_of(folder, true_stats).returncode == 0


@pytest.mark.parametrize("difference", [1, -1])
def test_the_tool_finds_each_changed_number(folder, true_stats, difference):
    for path in TERMS:
        stats = changed(true_stats, path, lambda number: number + difference)
        done = check_of(folder, stats)
        assert done.returncode == 1, path
        assert done.stdout + done.stderr, f"{path}: it says what does not close"
        assert ledger.problems(stats), f"{path}: the tests' own reckoning sees it too"


@pytest.mark.parametrize("value", [None, "12", -1, 1.5, {}], ids=repr)
def test_the_tool_refuses_what_is_no_number(folder, true_stats, value):
    for path in TERMS:
        done = check_of(folder, changed(true_stats, path, lambda _: value))
        assert done.returncode == 1, path


@pytest.mark.parametrize("missing", ["records", "targets", "removed", "recorder", "notices"])
def test_the_tool_refuses_accounts_with_a_part_missing(folder, true_stats, missing):
    stats = {key: value for key, value in true_stats.items() if key != missing}
    assert check_of(folder, stats).returncode == 1


def test_the_check_fails_without_a_daemon(folder):
    done = run(LOGFWDCTL, "-s", folder / "nobody.sock", "stats", "--check")
    assert done.returncode == 1
