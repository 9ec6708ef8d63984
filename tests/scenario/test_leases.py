"""A logger is a lease: it ends when it is closed or when its process ends, and nothing of it stays.

Two processes share a name and one node. Whatever the order in which they close it, end, or
are killed, the node lives exactly as long as somebody leases it, placeholders never outlive
their descendants, and within a second of a kill -9 not a single logger of the dead is left.
However many die so, descriptors and memory come back. A lease's level and context end with it.
"""

import signal
import subprocess
import sys
import time

import pytest

from tests.support import wire
from tests.support.daemon import SOURCE, target
from tests.support.length import steps
from tests.support.procfs import MemoryWatch
from tests.support.waiting import wait_for

RECLAIM_SECONDS = 1  # the contract's promise 2

# A client of its own process: leases names, says so, and waits for its end.
HOLDER = """
import sys
from tests.support import wire
client = wire.Client(sys.argv[1], b"holder")
count = int(sys.argv[2])
for number in range(count):
    client.send(wire.open_logger(number, sys.argv[3].encode() % number))
client.flush()
print("ready", flush=True)
sys.stdin.read()
"""

# One that is never at rest: behind its "ready" it logs, closes and opens until it is killed.
BUSY_HOLDER = HOLDER.replace("sys.stdin.read()", """
while True:
    for number in range(count):
        client.send(wire.record(number, b"busy"), wire.close_logger(number))
        client.send(wire.open_logger(number, sys.argv[3].encode() % number))
""")


class Holder:
    """A process that leases count loggers of a pattern until it is ended."""

    def __init__(self, daemon, pattern, count=1, program=HOLDER):
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(daemon.client_path), str(count), pattern],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=SOURCE,
        )
        assert self.process.stdout.readline() == "ready\n"

    def end(self, how):
        if how == "exit":
            self.process.stdin.close()
        else:
            self.process.send_signal(how)
        self.process.wait(20)
        self.process.stdout.close()
        self.process.stdin.close()


@pytest.fixture
def hold(daemon):
    holders = []

    def make(*arguments):
        holders.append(Holder(daemon, *arguments))
        return holders[-1]

    yield make
    for holder in holders:
        if holder.process.poll() is None:
            holder.end(signal.SIGKILL)


def nothing_left(daemon):
    stats = daemon.stats()
    loggers = [stats["loggers"][key] for key in ("live", "leased", "placeholders")]
    return loggers == [0, 0, 0] and stats["clients"]["live"] == 0


def wait_until_nothing_is_left(daemon, seconds):
    wait_for(lambda: nothing_left(daemon), lambda: f"no logger left: {daemon.loggers()}", seconds)
    daemon.check()
    assert daemon.loggers().keys() == {"root"}


def test_two_clients_share_a_name(daemon, collector):
    with daemon.client(b"one") as one, daemon.client(b"two") as two:
        one.open(1, b"a.b.c")
        one.flush()
        assert daemon.loggers()["a.b.c"]["leases"] == 1
        assert daemon.loggers()["a.b"]["placeholder"] and daemon.loggers()["a"]["placeholder"]
        two.open(7, b"a.b.c")
        two.open(8, b"a.b")
        two.flush()
        assert daemon.loggers()["a.b.c"]["leases"] == 2
        assert not daemon.loggers()["a.b"]["placeholder"]
        stats = daemon.stats()["loggers"]
        assert (stats["live"], stats["leased"], stats["placeholders"]) == (2, 2, 1)
        for client, number in ((one, 1), (two, 7)):
            client.log(number, b"shared")
        assert [message.app for message in collector.messages(2)] == ["one", "two"]
        one.send(wire.close_logger(1))
        one.flush()
        assert daemon.loggers()["a.b.c"]["leases"] == 1
        two.log(7, b"still there")
        collector.received(3)
    wait_until_nothing_is_left(daemon, RECLAIM_SECONDS)
    reclaimed = daemon.stats()["loggers"]["reclaimed"]
    assert (reclaimed["released"], reclaimed["client_exit"]) == (1, 2)
    assert daemon.stats()["records"]["accepted"] == 3  # the accounts outlive the loggers


@pytest.mark.parametrize(
    "how", ["exit", signal.SIGTERM, signal.SIGSEGV, signal.SIGKILL], ids=str
)
def test_nothing_stays_of_a_process_that_ends(daemon, hold, how):
    holder = hold("Connection.%d.peer", 1000)
    stats = daemon.stats()["loggers"]
    assert (stats["leased"], stats["placeholders"]) == (1000, 1001)
    holder.end(how)
    ended = time.monotonic()
    wait_until_nothing_is_left(daemon, RECLAIM_SECONDS)
    print(f"{time.monotonic() - ended:.3f} s")
    assert daemon.stats()["loggers"]["reclaimed"]["client_exit"] == 1000
    assert daemon.stats()["loggers"]["peak"] == 1000


def test_the_other_process_keeps_what_it_leases(daemon, hold):
    first, second = hold("Connection.%d", 50), hold("Connection.%d", 100)
    assert daemon.loggers()["Connection.49"]["leases"] == 2
    first.end(signal.SIGKILL)
    wait_for(
        lambda: daemon.stats()["clients"]["live"] == 1, "the dead one is gone", RECLAIM_SECONDS
    )
    assert daemon.stats()["loggers"]["leased"] == 100
    assert daemon.loggers()["Connection.49"]["leases"] == 1
    assert daemon.loggers()["Connection"]["placeholder"]
    second.end(signal.SIGKILL)
    wait_until_nothing_is_left(daemon, RECLAIM_SECONDS)


def test_a_stopped_process_keeps_its_leases(daemon, hold):
    holder = hold("Connection.%d", 10)
    holder.process.send_signal(signal.SIGSTOP)
    with daemon.client() as other:  # meanwhile the daemon serves others
        other.open(1, b"other")
        other.flush()
        assert daemon.stats()["loggers"]["leased"] == 11
    holder.end(signal.SIGKILL)
    wait_until_nothing_is_left(daemon, RECLAIM_SECONDS)


def test_placeholders_never_outlive_descendants(daemon, client):
    names = [b"a", b"a.b", b"a.b.c", b"a.b.c.d", b"a.x.y", b"..", b"a..b", b"z."]
    for number, name in enumerate(names):
        client.open(number, name)
    for number in (3, 0, 2, 1, 4, 5, 7, 6):
        client.send(wire.close_logger(number))
        client.flush()
        check_placeholders(daemon)
    wait_for(lambda: daemon.stats()["loggers"]["live"] == 0, "all are gone", RECLAIM_SECONDS)
    assert daemon.stats()["loggers"]["placeholders"] == 0


def check_placeholders(daemon):
    """Each placeholder has a node below it; counts and list agree."""
    loggers = daemon.loggers()
    placeholders = [name for name, logger in loggers.items() if logger["placeholder"]]
    for name in placeholders:
        assert any(other.startswith(name + ".") for other in loggers), (name, loggers)
    assert daemon.stats()["loggers"]["placeholders"] == len(placeholders)


def test_a_configured_logger_stays_without_its_lease(start_daemon, collector):
    daemon = start_daemon(target("central", collector) + "logger app.db { level = error }\n")
    with daemon.client() as client:
        client.open(1, b"app.db")
        client.open(2, b"app.db.pool")
        client.log(2, b"filtered by the configured level", level=20)
        client.log(2, b"kept", level=40)
        client.flush()
    wait_for(lambda: daemon.stats()["loggers"]["leased"] == 0, "the leases end", RECLAIM_SECONDS)
    assert "app.db.pool" not in daemon.loggers()
    assert daemon.loggers()["app.db"]["configured"]
    assert daemon.loggers()["app"]["placeholder"]
    assert collector.texts(1) == [b"kept"]
    # What the leased logger counted is folded into the configured one.
    assert daemon.loggers()["app.db"]["records"] == 2


def test_the_newest_lease_decides_the_level(daemon, collector):
    with daemon.client(b"one") as one:
        one.open(1, b"app")
        one.send(wire.set_level(1, 40))
        one.flush()
        with daemon.client(b"two") as two:
            two.open(1, b"app")
            two.send(wire.set_level(1, 10))
            two.log(1, b"debug by two", level=10)
            two.flush()
            one.log(1, b"debug by one", level=10)
            one.flush()
            assert collector.texts(2) == [b"debug by two", b"debug by one"]
            assert daemon.loggers()["app"]["effective"] == 10
        wait_for(
            lambda: daemon.loggers()["app"]["effective"] == 40, "the older level", RECLAIM_SECONDS
        )
        one.log(1, b"filtered", level=30)
        one.log(1, b"kept", level=40)
        one.send(wire.set_level(1, 0))
        one.log(1, b"by root's level", level=20)
        one.flush()
        assert collector.texts(4)[2:] == [b"kept", b"by root's level"]
        assert daemon.stats()["records"]["filtered"] == 1


def test_clients_hear_of_levels_that_others_lease(daemon):
    """The floor below which a client may filter by itself follows the leases of the others."""
    with daemon.client(b"one") as one, daemon.client(b"two") as two:
        assert one.levels.lease_floor == 101
        assert one.levels.levels[""] == 20
        two.open(1, b"app")
        two.send(wire.set_level(1, 10))
        assert wire.level_map(one.expect(wire.LEVEL_MAP).body).lease_floor == 10
        two.send(wire.close_logger(1))
        assert wire.level_map(one.expect(wire.LEVEL_MAP).body).lease_floor == 101


def test_context_is_inherited_within_a_process_and_ends(daemon, collector):
    with daemon.client(b"one") as one, daemon.client(b"two") as two:
        one.open(1, b"Connection")
        one.open(2, b"Connection.7")
        one.send(wire.set_context(1, b"service", b"edge"), wire.set_context(1, b"peer", b"unknown"))
        one.send(wire.set_context(2, b"peer", b"10.0.0.7:51234"))
        one.log(2, b"both")
        two.open(1, b"Connection.7")
        one.flush()
        two.log(1, b"of another process: none")
        two.flush()
        one.send(wire.set_context(2, b"peer", None))
        one.log(2, b"the parent's")
        one.send(wire.close_logger(1))
        one.log(2, b"none is left")
        contexts = [message.context for message in collector.messages(4)]
        assert contexts == [
            {"peer": "10.0.0.7:51234", "service": "edge"},
            {},
            {"peer": "unknown", "service": "edge"},
            {},
        ]
        assert list(contexts[0]) == ["peer", "service"], "nearest first"


def test_one_name_opened_twice_by_one_process_is_two_leases(daemon, client):
    client.open(1, b"app")
    client.open(2, b"app")
    client.flush()
    assert daemon.loggers()["app"]["leases"] == 2
    assert daemon.stats()["loggers"]["leased"] == 1
    client.send(wire.close_logger(1))
    client.flush()
    assert daemon.loggers()["app"]["leases"] == 1
    client.send(wire.close_logger(2))
    client.flush()
    assert "app" not in daemon.loggers()


@pytest.mark.long
def test_kills_without_end_leave_nothing(daemon, collector, hold):
    """kill -9 in the middle of opening, logging and closing, over and over."""
    watch = MemoryWatch(daemon.pid)
    for number in steps(10, 500):
        holder = hold("Connection.%d.peer", 200, BUSY_HOLDER)
        collector.received(number % 50)
        holder.end(signal.SIGKILL)
        collector.forget()
        wait_until_nothing_is_left(daemon, RECLAIM_SECONDS)
        daemon.wait_for_descriptors(RECLAIM_SECONDS)
        watch.look()
    watch.check()


@pytest.mark.long
def test_records_before_a_kill_are_delivered(daemon, collector):
    """A record that was handed over is delivered even if its process is killed right after."""
    script = (
        "import os, signal, sys\n"
        "from tests.support import wire\n"
        "client = wire.Client(sys.argv[1])\n"
        "client.open(1, b'app')\n"
        "for number in range(100):\n"
        "    client.log(1, b'%d' % number)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for _ in steps(5, 200):
        collector.forget()
        command = [sys.executable, "-c", script, str(daemon.client_path)]
        assert subprocess.run(command, cwd=SOURCE).returncode == -signal.SIGKILL
        assert collector.texts(100) == [b"%d" % number for number in range(100)]
        wait_until_nothing_is_left(daemon, RECLAIM_SECONDS)
