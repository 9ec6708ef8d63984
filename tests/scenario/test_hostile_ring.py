"""Clients that write over the ring that they share with the daemon harm nobody but themselves.

Several go on for seconds, each with a thread that rewrites indices, flags and records while the
daemon reads them, or with a flood of calls to look into the ring; whenever the daemon ends one it
comes again. The daemon lives, its ledger closes, whatever it sends is well-formed, and of the
clients beside them every record arrives, whole, once and in order.
"""

import random
import subprocess
import time

import pytest

from tests.support import rfc5424
from tests.support.daemon import BUILD, target
from tests.support.length import seconds
from tests.support.numbered import Record, Writer, by_thread
from tests.support.procfs import udp_overrun

PROGRAM = BUILD / "tests" / "hostile_ring"
RINGS = f"limits {{ ring-bytes = {64 << 20}  uid-share = 100 }}\n"
ATTACK_S = 2, 30
WAIT_MS = 30000
PAUSE_US = 10000
DATAGRAM_BYTES = 16384  # so that no text is cut
QUIET = 'handler default { target = central }\nlogger root { level = info  handlers = {default} }\n'


class Hostile:
    """A process of tests/programs/hostile_ring."""

    def __init__(self, daemon, what, said):
        seed = random.SystemRandom().randrange(1 << 31)
        print(what, "seed", seed)
        self.said = said
        with open(said, "wb") as stdout:
            self.process = subprocess.Popen(
                [str(part) for part in (PROGRAM, daemon.client_path, what, seed)], stdout=stdout)

    def rings(self):
        """How many it has had."""
        return len(self.said.read_bytes().split())

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start_hostile(tmp_path):
    """A function that starts a hostile process; none is left in the end."""
    started = []

    def start(daemon, what):
        started.append(Hostile(daemon, what, tmp_path / str(len(started))))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def all_that_came(daemon, collector):
    """Of clients that are gone, parsed by a strict parser."""
    stats = daemon.wait_for_stats(
        lambda stats: stats["clients"]["live"] == 0 and stats["targets"]["central"]["queued"] == 0,
        "all have left")
    collector.received(stats["targets"]["central"]["sent"])
    assert udp_overrun(collector.socket) == 0
    return [(rfc5424.strict(datagram).procid, datagram) for datagram in collector.datagrams]


def check_writers(writers, came):
    """All that they have logged came, beside what the others made of theirs."""
    pids = {writer.number: writer.pid for writer in writers}
    honest = {str(pid) for pid in pids.values()}
    threads = by_thread(Record.of(datagram, pids) for pid, datagram in came if pid in honest)
    for writer in writers:
        for number, notes in enumerate(writer.notes()):
            assert notes.failed == 0
            arrived = sorted(record.number for record in threads[writer.number, number])
            assert arrived == list(range(notes.logged))


@pytest.mark.long
@pytest.mark.parametrize("hostile", [("attack",) * 3, ("flood", "flood"), ("attack", "flood")],
                         ids=" ".join)
def test_who_writes_over_a_ring_harms_itself(start_daemon, collector, start_hostile, hostile):
    daemon = start_daemon(
        RINGS + target("central", collector, datagram_bytes=DATAGRAM_BYTES) + QUIET)
    writers = [Writer(daemon, number, wait_ms=WAIT_MS, pause_us=PAUSE_US) for number in range(2)]
    try:
        peers = [start_hostile(daemon, what) for what in hostile]
        end = time.monotonic() + seconds(*ATTACK_S)
        while time.monotonic() < end:
            daemon.stats()
            assert daemon.process.poll() is None
        if "attack" in hostile:  # on a busy machine some have hardly begun by then
            daemon.wait_for_stats(
                lambda stats: stats["clients"]["violations"] > 0, "an attack that is seen"
            )
        for peer in peers:
            peer.kill()
            assert peer.rings() > 0
        for writer in writers:
            writer.end()
    finally:
        for writer in writers:
            writer.kill()
    stats = daemon.stats()["clients"]
    print(stats["rings"], stats["violations"], "violations")
    check_writers(writers, all_that_came(daemon, collector))
